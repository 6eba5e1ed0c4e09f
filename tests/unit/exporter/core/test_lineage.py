"""Processes whose parent is gone when they are found: what they belong to is told by the fork."""

from __future__ import annotations

import pytest
from gramwatt_exporter.windows import Window
from gramwatt_exporter.windows.model import OpenRequest, Peer
from simulation import CPU, SECOND, Machine, Process, Rig, rig


@pytest.fixture
def simulated() -> Rig:
    return rig(Machine())


def opened(simulated: Rig, root: Process) -> Window:
    """A window over the tree of ``root``."""
    sampler = simulated.sampler
    row = sampler.table.find(root.pid)
    assert row is not None
    window = sampler.windows.open(
        OpenRequest(name="w", phase="training", pid=root.pid), Peer(1000, root.pid, "alice")
    )
    sampler.windows.add_process(window.id, (root.pid, row.identity.start))
    sampler.membership.attach(window.id, row)
    return window


def sample(simulated: Rig) -> None:
    simulated.machine.advance(SECOND)
    simulated.meters.draw(CPU, 1_000_000, SECOND)
    simulated.sampler.sample()


def fork(simulated: Rig, parent: int, **details: object) -> Process:
    process = simulated.machine.fork(parent, **details)
    assert process is not None
    return process


def cpu_of(simulated: Rig, window: Window) -> int:
    return simulated.sampler.windows.view(window).cpu_nanoseconds


@pytest.mark.parametrize("links", [1, 5])
def test_a_daemon_whose_parents_were_gone_at_once_is_in_its_window(simulated: Rig, links: int) -> None:
    machine = simulated.machine
    train = fork(simulated, 1, command="train", unit="train.service")
    sample(simulated)
    window = opened(simulated, train)
    chain = [train]
    for _ in range(links + 1):
        chain.append(fork(simulated, chain[-1].pid))
    daemon = chain[-1]
    for link in chain[1:-1]:
        machine.exit(link.pid)
    assert daemon.parent == 1
    machine.work(daemon.pid, 30_000_000)
    sample(simulated)
    machine.work(daemon.pid, 20_000_000)
    sample(simulated)
    assert cpu_of(simulated, window) == 50_000_000


def test_one_that_also_ended_is_in_its_window_and_in_its_unit(simulated: Rig) -> None:
    machine = simulated.machine
    train = fork(simulated, 1, command="train", unit="train.service")
    sample(simulated)
    window = opened(simulated, train)
    between = fork(simulated, train.pid)
    orphan = fork(simulated, between.pid, command="orphan")
    machine.exit(between.pid)
    machine.work(orphan.pid, 40_000_000)
    machine.exit(orphan.pid)
    sample(simulated)
    assert cpu_of(simulated, window) == 40_000_000
    charged = {view.name: view.cpu_nanoseconds for view in simulated.sampler.freeze().workloads}
    assert charged == {"train.service": 40_000_000}


def test_one_forked_before_and_found_after_a_sample_is_in_its_window(simulated: Rig) -> None:
    """The event is told at one sample, the process ends before the next without having been seen alive."""
    machine = simulated.machine
    train = fork(simulated, 1, command="train", unit="train.service")
    sample(simulated)
    window = opened(simulated, train)
    between = fork(simulated, train.pid)
    orphan = fork(simulated, between.pid)
    hidden = machine.processes.pop(orphan.pid)  # forked after the ids were listed
    machine.exit(between.pid)
    sample(simulated)
    hidden.parent = 1
    machine.processes[hidden.pid] = hidden
    machine.work(hidden.pid, 10_000_000)
    machine.exit(hidden.pid)
    sample(simulated)
    assert cpu_of(simulated, window) == 10_000_000


def test_children_of_others_stay_out_of_the_window(simulated: Rig) -> None:
    machine = simulated.machine
    train = fork(simulated, 1, command="train", unit="train.service")
    other = fork(simulated, 1, command="other", unit="other.service")
    sample(simulated)
    window = opened(simulated, train)
    between = fork(simulated, other.pid)
    daemon = fork(simulated, between.pid)
    machine.exit(between.pid)
    machine.work(daemon.pid, 30_000_000)
    sample(simulated)
    assert cpu_of(simulated, window) == 0
