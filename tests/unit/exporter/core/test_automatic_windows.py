"""A SLURM job, a unit or a container is a window by itself when the settings say so."""

from __future__ import annotations

import pytest
from automatic_hosts import (
    ANY_UNIT,
    JOBS,
    RULES,
    Host,
    Kind,
    add_tree,
    counts,
    cpu,
    forked,
    host_with_job,
    record,
    restarted,
    step,
    windows,
)
from gramwatt_exporter.config import Config
from gramwatt_exporter.config.scalars import Duration
from gramwatt_exporter.config.schema import AutomaticWindow, Windows
from simulation import SECOND, Machine, rig


def test_a_matching_unit_is_a_window_from_its_first_process_to_its_last() -> None:
    setup = rig(config=Config(windows=RULES))
    machine = setup.machine
    step(setup)
    leader = machine.fork(1, unit="train-a.service")
    other = machine.fork(1, unit="nginx.service")
    assert leader is not None
    assert other is not None
    machine.work(leader.pid, SECOND)
    step(setup)
    child = machine.fork(leader.pid)
    assert child is not None
    machine.work(child.pid, 3 * SECOND)
    machine.work(other.pid, SECOND)
    machine.exit(leader.pid)
    step(setup, 4_000_000)
    (view,) = setup.sampler.windows.frozen()
    assert (view.name, view.phase, view.state) == ("train-a.service", "training", "open")
    assert view.cpu_nanoseconds == 4 * SECOND
    assert view.microjoules == {"cpu": 1_000_000 + 3_000_000}
    machine.exit(child.pid)
    step(setup)
    (view,) = setup.sampler.windows.frozen()
    assert (view.state, view.ended_by) == ("finished", "exit")
    again = machine.fork(1, unit="train-a.service")
    assert again is not None
    step(setup)
    assert len(setup.sampler.windows.frozen()) == 2


def test_what_does_not_match_is_no_window() -> None:
    setup = rig(config=Config(windows=RULES))
    setup.machine.fork(1, unit="nginx.service")
    setup.machine.fork(1, command="train-a.service")
    step(setup)
    assert setup.sampler.windows.frozen() == ()


def test_a_service_of_two_users_is_one_window_of_whom_was_seen_first() -> None:
    setup = rig(config=Config(windows=RULES))
    machine = setup.machine
    step(setup)
    master = machine.fork(1, unit="train-a.service")
    worker = machine.fork(1, unit="train-a.service", uid=1001)
    assert master is not None
    assert worker is not None
    machine.work(master.pid, SECOND)
    machine.work(worker.pid, 3 * SECOND)
    step(setup)
    (view,) = setup.sampler.windows.frozen()
    assert (view.name, view.user, view.uid, view.processes) == ("train-a.service", "root", 0, 2)
    assert view.cpu_nanoseconds == 4 * SECOND
    machine.exit(master.pid)
    step(setup)
    machine.work(worker.pid, SECOND)
    step(setup)
    (view,) = setup.sampler.windows.frozen()
    assert (view.state, view.cpu_nanoseconds) == ("open", 5 * SECOND)
    machine.exit(worker.pid)
    step(setup)
    (view,) = setup.sampler.windows.frozen()
    assert view.state == "finished"


def test_users_have_services_and_containers_of_the_same_name() -> None:
    """Each is its owner's window: also what runs in it as somebody else."""
    config = Config(
        windows=Windows(automatic=[AutomaticWindow(kind="unit"), AutomaticWindow(kind="container")])
    )
    machine = Host(
        groups={
            ("train.service", 1000): ("unit", 1000),
            ("train.service", 1001): ("unit", 1001),
            ("db", 1000): ("container", 1000),
            ("db", 100_999): ("container", 1000),  # a user inside the rootless container
            ("db", 1001): ("container", 1001),
            ("db", 0): ("container", None),
            ("db", 70): ("container", None),
        }
    )
    setup = rig(machine, config)
    step(setup)
    for unit, uid in machine.groups:
        machine.begin(unit, uid)
    step(setup)
    expected = [
        ("train.service", "alice", 1000, "open"),
        ("train.service", "bob", 1001, "open"),
        ("db", "alice", 1000, "open"),
        ("db", "bob", 1001, "open"),
        ("db", "root", 0, "open"),
    ]
    assert windows(setup) == expected
    setup = restarted(setup, config)
    step(setup)
    step(setup)
    assert windows(setup) == expected


@pytest.mark.parametrize("kind", ["unit", "container", "pod"])
def test_a_workload_of_several_users_is_one_window(kind: Kind) -> None:
    config = Config(windows=Windows(automatic=[AutomaticWindow(kind=kind)]))
    machine = Host(groups={("web", 0): (kind, None), ("web", 33): (kind, None)})
    setup = rig(machine, config)
    step(setup)
    first, second = machine.begin("web", 0), machine.begin("web", 33)
    step(setup)
    setup = restarted(setup, config)
    step(setup)
    machine.exit(first.pid)
    step(setup)
    assert windows(setup) == [("web", "root", 0, "open")]
    machine.exit(second.pid)
    step(setup)
    assert windows(setup) == [("web", "root", 0, "finished")]


def test_a_window_stopped_by_hand_stays_so_until_its_workload_begins_again() -> None:
    config = Config(windows=Windows(slurm=True, retention=Duration(60)))
    machine = Host(groups={("42", 0): ("slurm", 1000), ("42", 1000): ("slurm", 1000)})
    setup = rig(machine, config)
    step(setup)
    first = machine.begin("42", 1000)
    step(setup)
    (view,) = setup.sampler.windows.frozen()
    setup.sampler.windows.stop(view.id, machine.wall)
    setup.sampler.membership.detach(view.id)
    second = machine.begin("42", 0)
    step(setup)
    assert windows(setup) == [("42", "alice", 1000, "finished")]
    for _ in range(20):  # it is forgotten while the job goes on
        setup.sampler.windows.frozen()
        setup.sampler.scraped(1)
        step(setup)
    third = machine.begin("42", 1000)
    step(setup)
    assert windows(setup) == []
    for process in (first, second, third):
        machine.exit(process.pid)
    step(setup)
    machine.begin("42", 1000)
    step(setup)
    assert windows(setup) == [("42", "alice", 1000, "open")]


def test_a_process_added_to_an_automatic_window_does_not_end_it_at_a_restart() -> None:
    config = Config(windows=Windows(slurm=True))
    machine = Host(groups={("42", 1000): ("slurm", 1000)})
    setup = rig(machine, config)
    step(setup)
    machine.begin("42", 1000)
    helper = machine.begin("helper", 1000)
    step(setup)
    (view,) = setup.sampler.windows.frozen()
    setup.sampler.windows.add_process(view.id, (helper.pid, helper.start))
    setup = restarted(setup, config)
    step(setup)
    step(setup)
    assert windows(setup) == [("42", "alice", 1000, "open")]


def test_a_window_that_a_client_calls_automatic_stays_the_clients() -> None:
    """Else after a restart somebody's job would be charged to whom it does not belong to."""
    from gramwatt_exporter.windows import Peer
    from gramwatt_exporter.windows.model import OpenRequest

    config = Config(windows=Windows(slurm=True))
    machine = Host(groups={("42", 1000): ("slurm", 1000)})
    setup = rig(machine, config)
    bob = machine.begin("session", 1001)
    step(setup)
    request = OpenRequest(name="mine", phase="training", tags={"automatic": "slurm", "workload": "42"})
    opened = setup.sampler.windows.open(request, Peer(1001, bob.pid, "bob"))
    setup.sampler.windows.add_process(opened.id, (bob.pid, bob.start))
    setup = restarted(setup, config)
    step(setup)
    machine.work(machine.begin("42", 1000).pid, SECOND)
    step(setup)
    assert windows(setup) == [("mine", "bob", 1001, "open"), ("42", "alice", 1000, "open")]
    assert [view.cpu_nanoseconds for view in setup.sampler.windows.frozen()] == [0, SECOND]


# --- whose processes are in it


@pytest.mark.parametrize("restart", [False, True])
def test_children_in_other_workloads_are_not_in_the_window(restart: bool) -> None:
    """Else the first process of the machine, in init.scope, has all of it."""
    machine = Machine()
    machine.processes[1].unit = "init.scope"
    setup = rig(machine, ANY_UNIT)
    step(setup)
    train = forked(machine, 1, unit="train.service", uid=1000)
    helper = forked(machine, train.pid, unit="helper.service")
    step(setup)
    if restart:
        setup = restarted(setup, ANY_UNIT)
        step(setup)
    for process in (train, helper):
        machine.work(process.pid, SECOND)
    unseen = forked(machine, train.pid)
    machine.work(unseen.pid, SECOND)
    machine.exit(unseen.pid)
    step(setup)
    assert cpu(setup) == {"init.scope": 0, "train.service": 2 * SECOND, "helper.service": SECOND}
    assert counts(setup) == [1, 2, 1]


def test_a_process_moved_to_another_workload_leaves_the_window() -> None:
    """systemd forks in its own group and moves the child."""
    machine = Machine()
    machine.processes[1].unit = "init.scope"
    setup = rig(machine, ANY_UNIT)
    step(setup)
    child = forked(machine, 1)
    machine.work(child.pid, SECOND)
    step(setup)
    child.unit = "train.service"
    step(setup)
    machine.work(child.pid, 3 * SECOND)
    step(setup)
    assert cpu(setup) == {"init.scope": SECOND, "train.service": 3 * SECOND}


def test_a_clients_window_has_its_tree_in_whatever_workload() -> None:
    machine = Machine()
    setup = rig(machine, ANY_UNIT)
    step(setup)
    root = forked(machine, 1, unit="a.service")
    step(setup)
    record(setup, root)
    child = forked(machine, root.pid, unit="b.service")
    step(setup)
    child.unit = "c.service"
    step(setup)
    grandchild = forked(machine, child.pid)
    machine.work(grandchild.pid, SECOND)
    machine.exit(grandchild.pid)
    machine.work(child.pid, SECOND)
    step(setup)
    assert cpu(setup) == {
        "a.service": 0,
        "by hand": 2 * SECOND,
        "b.service": 0,
        "c.service": 2 * SECOND,
    }


@pytest.mark.parametrize("restart", [False, True])
def test_a_tree_added_to_an_automatic_window_is_in_it_with_its_children(restart: bool) -> None:
    """Also of a process that was in it, whose children in other workloads were not."""
    machine = host_with_job()
    setup = rig(machine, JOBS)
    step(setup)
    leader = machine.begin("42", 1000)
    helper = machine.begin("helper", 1000)
    step(setup)
    (view,) = setup.sampler.windows.frozen()
    for process in (leader, helper):
        add_tree(setup, view.id, process)
    if restart:
        setup = restarted(setup, JOBS)
        step(setup)
    children = [forked(machine, process.pid, unit="elsewhere.service") for process in (leader, helper)]
    step(setup)
    for process in (leader, helper, *children):
        machine.work(process.pid, SECOND)
    step(setup)
    assert cpu(setup) == {"42": 4 * SECOND}
    assert counts(setup) == [4]


def test_one_that_came_and_went_beside_the_first_process_is_in_the_window() -> None:
    machine = host_with_job()
    setup = rig(machine, JOBS)
    step(setup)
    leader = machine.begin("42", 1000)
    unseen = forked(machine, leader.pid)
    machine.work(unseen.pid, SECOND)
    machine.exit(unseen.pid)
    step(setup)
    assert (cpu(setup), counts(setup)) == ({"42": SECOND}, [2])


def test_the_window_of_an_ended_service_ends_while_a_namesake_runs() -> None:
    """The system's service run as alice, and one of alice's own."""
    machine = Machine()
    setup = rig(machine, ANY_UNIT)
    step(setup)
    systems = forked(machine, 1, unit="train.service", uid=1000)
    forked(machine, 1, unit="train.service", uid=1000, owner=1000)
    step(setup)
    machine.exit(systems.pid)
    step(setup)
    assert [state for *_, state in windows(setup)] == ["finished", "open"]
    forked(machine, 1, unit="train.service", uid=1000)
    step(setup)
    assert [state for *_, state in windows(setup)] == ["finished", "open", "open"]
