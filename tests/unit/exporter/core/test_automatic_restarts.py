"""Windows of workloads over restarts of the exporter and other settings."""

from __future__ import annotations

import random

import pytest
from automatic_hosts import (
    ANY_UNIT,
    JOBS,
    Failing,
    Host,
    add_tree,
    add_up,
    counts,
    cpu,
    forked,
    host_with_job,
    record,
    restarted,
    step,
    stop_by_hand,
    windows,
)
from gramwatt_exporter.config import Config
from gramwatt_exporter.config.scalars import Duration
from gramwatt_exporter.config.schema import AutomaticWindow, Windows
from hypothesis import given, settings
from hypothesis import strategies as st
from simulation import SECOND, Machine, rig


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
    setup.sampler.membership.configure(JOBS.windows)
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
        setup.sampler.membership.configure(Windows())
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
    setup.sampler.membership.configure(JOBS.windows)
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
    setup.sampler.membership.configure(Windows(automatic=config.windows.automatic, max=2))
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


@pytest.mark.slow
@settings(max_examples=60)
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
