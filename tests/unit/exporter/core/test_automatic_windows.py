"""A SLURM job, a unit or a container is a window by itself when the settings say so."""

from __future__ import annotations

import os
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
from gramwatt_exporter.config import Config
from gramwatt_exporter.config.scalars import Duration
from gramwatt_exporter.config.schema import AutomaticWindow, Windows
from gramwatt_exporter.model import Identity, Workload
from gramwatt_exporter.processes.exits import Exit
from gramwatt_exporter.processes.identity import IdentityReader
from hypothesis import given, settings
from hypothesis import strategies as st
from simulation import CPU, SECOND, Machine, Process, Rig, rig

RULES = Windows(automatic=[AutomaticWindow(kind="unit", match="train-.*", phase="training")])


Kind = Literal["unit", "container", "pod", "slurm"]


@dataclass
class Host(Machine):
    """Its groups are of any kind, and may belong to somebody: ``groups`` says which, by name and uid."""

    groups: dict[tuple[str, int], tuple[Kind, int | None]] = field(default_factory=dict)

    def identity(self, pid: int) -> Identity | None:
        process = self.processes.get(pid)
        if process is None or (process.unit, process.uid) not in self.groups:
            return super().identity(pid)
        kind, owner = self.groups[process.unit, process.uid]
        user = self.user_name(process.uid if owner is None else owner)
        workload = Workload(process.unit, kind, user)
        return Identity(pid, process.start, process.parent, process.uid, process.command, workload, owner)

    def begin(self, unit: str, uid: int) -> Process:
        process = self.fork(1, unit=unit, uid=uid)
        assert process is not None
        return process


def step(setup: Rig, microjoules: int = 1_000_000) -> None:
    setup.machine.advance(5 * SECOND)
    setup.meters.draw(CPU, microjoules, 5 * SECOND)
    setup.sampler.sample()


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


def windows(setup: Rig) -> list[tuple[str, str, int, str]]:
    return [(view.name, view.user, view.uid, view.state) for view in setup.sampler.windows.frozen()]


def restarted(setup: Rig, config: Config) -> Rig:
    """The exporter starts anew on the same machine."""
    saved = setup.sampler.windows.state()
    again = rig(setup.machine, config)
    assert again.sampler.windows.restore(saved, same_boot=True) == []
    return again


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
    setup.sampler.detach(view.id)
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


@dataclass
class ClusterNode(Machine):
    """With cgroup v2, where a process's ``unit`` is the path of its group; identities are read from files."""

    procfs: Path = Path()

    def __post_init__(self) -> None:
        super().__post_init__()
        self.reads = IdentityReader(str(self.procfs), self.user_name)

    def identity(self, pid: int) -> Identity | None:
        process = self.processes.get(pid)
        if process is None:
            return None
        directory = self.procfs / str(pid)
        directory.mkdir(exist_ok=True)
        (directory / "stat").write_text(
            f"{pid} ({process.command}) S {process.parent} 1 1 0 -1 4194304 98 0 0 0 7 3 0 0 20 0 1 0 "
            f"{process.start} 1 1 1\n"
        )
        (directory / "cgroup").write_text(f"0::{process.unit or '/'}\n")
        os.chown(directory, process.uid, process.uid)
        return self.reads.read(pid)


def workloads(setup: Rig) -> Mapping[tuple[str, str], int]:
    """CPU time in nanoseconds of each job's user."""
    return {
        (view.name, view.user): view.cpu_ns
        for view in setup.sampler.freeze().workloads
        if view.kind == "slurm"
    }


needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root may give files to others")
JOB = "/system.slice/slurmstepd.scope/job_42"


@needs_root
def test_a_slurm_job_is_one_window_of_its_owner(tmp_path: Path) -> None:
    """With cgroup v2 no group says whose it is, and slurmstepd runs as root."""
    node = ClusterNode(procfs=tmp_path)
    setup = rig(node, Config(windows=Windows(slurm=True)))
    step(setup)
    daemon = node.fork(1, unit=f"{JOB}/step_0/slurm", uid=0, command="slurmstepd")
    assert daemon is not None
    step(setup)  # what it is doing takes a while: nobody else is in the job
    assert windows(setup) == [("42", "root", 0, "open")]
    task = node.fork(daemon.pid, unit=f"{JOB}/step_0/user/task_0", uid=1000, command="python3")
    assert task is not None
    node.work(task.pid, 3 * SECOND)
    step(setup)
    assert windows(setup) == [("42", "alice", 1000, "open")]
    setup_again = node.fork(task.pid, uid=0, command="sudo")
    assert setup_again is not None
    for _ in range(3):
        node.work(daemon.pid, SECOND)
        node.work(setup_again.pid, SECOND)
        step(setup)
    assert workloads(setup) == {("42", "alice"): 9 * SECOND}
    (view,) = setup.sampler.windows.frozen()
    assert (view.cpu_nanoseconds, view.processes, view.user) == (9 * SECOND, 3, "alice")
    for process in (setup_again, task, daemon):
        node.exit(process.pid)
    step(setup)
    assert windows(setup) == [("42", "alice", 1000, "finished")]


@needs_root
def test_a_job_of_several_steps_stays_one_window_over_a_restart(tmp_path: Path) -> None:
    node = ClusterNode(procfs=tmp_path)
    config = Config(windows=Windows(slurm=True))
    setup = rig(node, config)
    step(setup)
    for name in ("extern", "batch", "0"):
        daemon = node.fork(1, unit=f"{JOB}/step_{name}/slurm", uid=0, command="slurmstepd")
        assert daemon is not None
        uid = 0 if name == "extern" else 1000  # it holds only root's sleep
        node.fork(daemon.pid, unit=f"{JOB}/step_{name}/user/task_0", uid=uid, command="task")
    other = node.fork(1, unit=f"{JOB.replace('42', '43')}/step_batch/slurm", uid=0, command="slurmstepd")
    assert other is not None
    node.fork(other.pid, unit=f"{JOB.replace('42', '43')}/step_batch/user/task_0", uid=1001, command="task")
    expected = [("42", "alice", 1000, "open"), ("43", "bob", 1001, "open")]
    for _ in range(3):
        step(setup)
        assert windows(setup) == expected
    node.reads = IdentityReader(str(tmp_path), node.user_name)
    setup = restarted(setup, config)
    for _ in range(3):
        step(setup)
        assert windows(setup) == expected


ANY_UNIT = Config(windows=Windows(automatic=[AutomaticWindow(kind="unit")]))
JOBS = Config(windows=Windows(slurm=True))


def host_with_job() -> Host:
    return Host(groups={("42", 1000): ("slurm", 1000)})


def cpu(setup: Rig) -> dict[str, int]:
    """CPU time in nanoseconds by the name of each window; names are unique."""
    views = setup.sampler.windows.frozen()
    assert len({view.name for view in views}) == len(views)
    return {view.name: view.cpu_nanoseconds for view in views}


def counts(setup: Rig) -> list[int]:
    return [view.processes for view in setup.sampler.windows.frozen()]


def forked(machine: Machine, parent: int, **details: object) -> Process:
    process = machine.fork(parent, **details)
    assert process is not None
    return process


def stop_by_hand(setup: Rig) -> None:
    view = setup.sampler.windows.frozen()[-1]
    setup.sampler.windows.stop(view.id, setup.machine.wall)
    setup.sampler.detach(view.id)


def record(setup: Rig, root: Process) -> str:
    """A client records the tree of ``root``."""
    from gramwatt_exporter.windows import Peer
    from gramwatt_exporter.windows.model import OpenRequest

    request = OpenRequest(name="by hand", phase="training", pid=root.pid)
    window = setup.sampler.windows.open(request, Peer(root.uid, root.pid, "alice"))
    add_tree(setup, window.id, root)
    return window.id


def add_tree(setup: Rig, window_id: str, root: Process) -> None:
    row = setup.sampler.table.find(root.pid)
    assert row is not None
    assert setup.sampler.windows.add_process(window_id, (root.pid, root.start))
    setup.sampler.attach(window_id, row)


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


# --- restarts


def test_a_window_stopped_by_hand_stays_so_over_restarts() -> None:
    config = Config(windows=Windows(slurm=True, retention=Duration(60)))
    machine = host_with_job()
    setup = rig(machine, config)
    step(setup)
    leader = machine.begin("42", 1000)
    step(setup)
    stop_by_hand(setup)
    setup = restarted(setup, config)
    step(setup)
    assert [state for *_, state in windows(setup)] == ["finished"]
    for _ in range(20):  # it is forgotten while the job goes on
        setup.sampler.windows.frozen()
        setup.sampler.scraped(1)
        step(setup)
    setup = restarted(setup, config)
    machine.begin("42", 1000)
    step(setup)
    assert windows(setup) == []
    machine.exit(leader.pid)
    machine.exit(machine.last_pid)
    step(setup)
    setup = restarted(setup, config)
    step(setup)
    machine.begin("42", 1000)
    step(setup)
    assert [state for *_, state in windows(setup)] == ["open"]


@pytest.mark.parametrize("stopped", [False, True])
def test_a_run_that_begins_while_the_exporter_is_away_has_a_window_of_its_own(stopped: bool) -> None:
    machine = host_with_job()
    setup = rig(machine, JOBS)
    step(setup)
    leader = machine.begin("42", 1000)
    step(setup)
    if stopped:
        stop_by_hand(setup)
    machine.exit(leader.pid)
    machine.advance(SECOND)
    machine.begin("42", 1000)
    setup = restarted(setup, JOBS)
    step(setup)
    assert [state for *_, state in windows(setup)] == ["finished", "open"]
    assert counts(setup) == [1, 1]


def test_processes_are_counted_once_over_restarts() -> None:
    """Of automatic windows and of clients'; those that begin meanwhile are counted, too."""
    machine = host_with_job()
    setup = rig(machine, JOBS)
    step(setup)
    leader = machine.begin("42", 1000)
    root = machine.begin("session", 1000)
    step(setup)
    record(setup, root)
    for expected in (2, 3, 4):
        machine.advance(SECOND)
        for process in (leader, root):
            forked(machine, process.pid)
        setup = restarted(setup, JOBS)
        step(setup)
        step(setup)
        assert counts(setup) == [expected, expected]


def test_an_owner_who_adds_the_first_process_has_one_window_after_a_restart() -> None:
    machine = host_with_job()
    setup = rig(machine, JOBS)
    step(setup)
    leader = machine.begin("42", 1000)
    step(setup)
    (view,) = setup.sampler.windows.frozen()
    add_tree(setup, view.id, leader)
    setup = restarted(setup, JOBS)
    step(setup)
    machine.work(leader.pid, SECOND)
    step(setup)
    assert (cpu(setup), counts(setup)) == ({"42": SECOND}, [1])


def test_windows_of_an_earlier_version_go_on() -> None:
    """It told them by their tags alone."""
    machine = host_with_job()
    setup = rig(machine, JOBS)
    step(setup)
    leader = machine.begin("42", 1000)
    step(setup)
    saved = setup.sampler.windows.state()
    earlier = {"version": saved["version"], "windows": saved["windows"]}
    for _ in range(2):
        setup = rig(machine, JOBS)
        assert setup.sampler.windows.restore(earlier, same_boot=True) == []
        step(setup)
        machine.work(leader.pid, SECOND)
        step(setup)
        assert windows(setup) == [("42", "alice", 1000, "open")]
        earlier = setup.sampler.windows.state()
    assert cpu(setup) == {"42": 2 * SECOND}


def test_a_damaged_list_of_automatic_windows_is_told() -> None:
    setup = rig(host_with_job(), JOBS)
    (problem,) = setup.sampler.windows.restore({"automatic": {"x": 7}}, same_boot=True)
    assert "automatic" in problem


# --- other settings


def test_a_rule_of_a_reload_records_all_that_runs_from_then_on() -> None:
    machine = host_with_job()
    setup = rig(machine, Config())
    step(setup)
    leader = machine.begin("42", 1000)
    child = forked(machine, leader.pid)
    step(setup)
    setup.sampler.configure_windows(JOBS.windows)
    machine.work(leader.pid, 5 * SECOND)
    step(setup)  # what was used before the window began is not in it
    began = machine.wall
    for process in (leader, child):
        machine.work(process.pid, SECOND)
    step(setup)
    (view,) = setup.sampler.windows.frozen()
    assert (view.cpu_nanoseconds, view.processes, view.start) == (2 * SECOND, 2, began)


@pytest.mark.parametrize("restart", [False, True])
def test_a_window_that_no_rule_wants_any_more_ends(restart: bool) -> None:
    machine = host_with_job()
    setup = rig(machine, JOBS)
    step(setup)
    leader = machine.begin("42", 1000)
    root = machine.begin("session", 1000)
    step(setup)
    record(setup, root)
    if restart:
        setup = restarted(setup, Config())
    else:
        setup.sampler.configure_windows(Windows())
        machine.work(leader.pid, SECOND)
        machine.work(forked(machine, leader.pid).pid, SECOND)
    for _ in range(2):
        step(setup)
        for process in (leader, root):
            machine.work(process.pid, SECOND)
    views = setup.sampler.windows.frozen()
    assert [(view.name, view.state, view.ended_by) for view in views] == [
        ("42", "finished", "stop"),
        ("by hand", "open", None),
    ]
    assert views[0].cpu_nanoseconds == (0 if restart else 2 * SECOND)
    setup.sampler.configure_windows(JOBS.windows)
    step(setup)
    assert [view.state for view in setup.sampler.windows.frozen()] == ["finished", "open", "open"]


def test_a_workload_refused_for_want_of_room_has_a_window_once_there_is_room(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """With its next run, or when the settings are read again: no run is recorded in part unless asked for."""
    machine = Machine()
    config = Config(windows=Windows(automatic=[AutomaticWindow(kind="unit")], max=1))
    setup = rig(machine, config)
    step(setup)
    first = forked(machine, 1, unit="a.service")
    step(setup)
    second = forked(machine, 1, unit="b.service")
    for _ in range(2):
        step(setup)
        forked(machine, second.pid)
    assert [record.getMessage().split(":")[0] for record in caplog.records] == [
        "no window for unit b.service"
    ]
    machine.exit(first.pid)
    step(setup)
    forked(machine, second.pid)
    step(setup)
    assert [name for name, *_ in windows(setup)] == ["a.service"]
    for process in [process for process in machine.processes.values() if process.unit]:
        machine.exit(process.pid)
    step(setup)
    forked(machine, 1, unit="b.service")
    step(setup)
    forked(machine, 1, unit="c.service")
    step(setup)
    assert [(name, state) for name, _, _, state in windows(setup)] == [("b.service", "open")]
    setup.sampler.configure_windows(Windows(automatic=config.windows.automatic, max=2))
    step(setup)
    assert [name for name, *_ in windows(setup)] == ["b.service", "c.service"]


def test_a_pod_of_the_longest_name_has_a_window() -> None:
    """A namespace has up to 63 characters, a pod 253."""
    names = [f"{'n' * 63}/{'p' * 252}{end}" for end in "ab"]
    machine = Host(groups={(name, 1000): ("pod", None) for name in names})
    config = Config(windows=Windows(automatic=[AutomaticWindow(kind="pod")]))
    setup = rig(machine, config)
    step(setup)
    for name in names:
        machine.begin(name, 1000)
    step(setup)
    setup = restarted(setup, config)
    step(setup)
    assert windows(setup) == [(name[:128], "alice", 1000, "open") for name in names]
    assert counts(setup) == [1, 1]


@dataclass
class Failing(Host):
    """Its exit messages cannot be read for a while."""

    failing: bool = False

    def drain(self) -> Iterable[Exit]:
        if self.failing:
            raise OSError("no buffer space")
        return super().drain()


def test_processes_that_a_failed_sample_found_are_in_their_window() -> None:
    machine = Failing(groups={("42", 1000): ("slurm", 1000)})
    setup = rig(machine, JOBS)
    step(setup)
    leader = machine.begin("42", 1000)
    machine.failing = True
    with pytest.raises(OSError, match="no buffer"):
        step(setup)
    machine.failing = False
    step(setup)
    machine.work(leader.pid, SECOND)
    step(setup)
    assert cpu(setup) == {"42": SECOND}


def add_up(setup: Rig, have: dict[str, list[int]]) -> None:
    """Add CPU time and energy of each workload; after a restart of these rigs they begin at 0."""
    for view in setup.sampler.freeze().workloads:
        entry = have.setdefault(view.name, [0, 0])
        entry[0] += view.cpu_ns
        entry[1] += view.energy[0]


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), listener=st.booleans(), pid_max=st.sampled_from([60, 5000]))
def test_windows_have_what_their_workloads_have(seed: int, listener: bool, pid_max: int) -> None:
    """Whoever starts whom, moves, or ends unseen; ids come again within a sample; the exporter restarts."""
    chance = random.Random(seed)
    units = [f"u{number}.service" for number in range(4)]
    machine = Machine(pid_max=pid_max, listener=listener)
    machine.processes[1].unit = "init.scope"
    setup = rig(machine, ANY_UNIT)
    step(setup)
    # They keep the windows open: what is found out later of who has ended goes to no window that has ended as well.
    stay = {1, *(forked(machine, 1, unit=unit).pid for unit in units)}
    have: dict[str, list[int]] = {}
    for _ in range(chance.randrange(2, 15)):
        for _ in range(chance.randrange(60)):
            someone = chance.choice([process for process in machine.processes.values() if not process.zombie])
            event = chance.random()
            if event < 0.4:
                details = {"unit": chance.choice(units)} if chance.random() < 0.3 else {}
                child = machine.fork(someone.pid, uid=chance.choice((1000, 1001)), **details)
                if child is not None:
                    machine.work(child.pid, chance.randrange(1, 9_000_000))
            elif event < 0.7:
                machine.work(someone.pid, chance.randrange(1, 9_000_000))
            elif someone.pid in stay:
                continue
            elif event < 0.8:
                someone.unit = chance.choice(units)
            else:
                machine.exit(someone.pid)
        if chance.random() < 0.1:
            add_up(setup, have)
            setup = restarted(setup, ANY_UNIT)
        step(setup, chance.randrange(10**9))
    add_up(setup, have)
    recorded: dict[str, list[int]] = {}
    for window in setup.sampler.windows.frozen():
        entry = recorded.setdefault(window.name, [0, 0])
        entry[0] += window.cpu_nanoseconds
        entry[1] += window.microjoules.get("cpu", 0)
    assert {name: entry for name, entry in recorded.items() if any(entry)} == have
