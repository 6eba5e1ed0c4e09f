"""What a sample leaves alone: it makes no garbage that must be searched for, and reads nothing of kernel threads."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import pytest
from gramwatt_exporter.config import Config
from simulation import CPU, SECOND, Machine, Rig, rig


def sample(simulated: Rig) -> None:
    simulated.machine.advance(SECOND)
    simulated.meters.draw(CPU, 1_000_000, SECOND)
    simulated.sampler.sample()
    simulated.sampler.freeze()


@pytest.fixture
def quiet_collector() -> Iterator[Any]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.slow
def test_processes_that_came_and_went_are_gone_without_the_collector(quiet_collector: None) -> None:
    simulated = rig(Machine(pid_max=3000), Config())
    machine = simulated.machine
    for _ in range(2):
        sample(simulated)
    gc.collect()
    for _ in range(200):
        process = machine.fork(1, command="brief")
        assert process is not None
        machine.work(process.pid, 1_000_000)
        machine.exit(process.pid)
    sample(simulated)
    sample(simulated)
    assert gc.collect() < 100  # else there would be a row, its numbers and its identity of each


def test_the_memory_of_a_kernel_thread_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine()
    machine.last_pid = 1
    kthreadd = machine.fork(1, command="kthreadd", pages=0)
    assert kthreadd is not None
    assert kthreadd.pid == 2
    kworker = machine.fork(2, command="kworker", pages=0)
    shell = machine.fork(1, command="shell", pages=10)
    assert kworker is not None
    assert shell is not None
    read: list[int] = []
    pages = machine.resident_pages

    def noted(pid: int) -> int | None:
        read.append(pid)
        return pages(pid)

    monkeypatch.setattr(machine, "resident_pages", noted)
    simulated = rig(machine, Config())
    for _ in range(3):
        sample(simulated)
    read.clear()
    for number in range(40):
        machine.work(kworker.pid, 1_000_000)
        machine.work(shell.pid, 1_000_000)
        shell.pages = 11 + number
        sample(simulated)
        row = simulated.sampler.table.find(shell.pid)
        assert row is not None
        assert row.pages == shell.pages
    assert read.count(shell.pid) >= 40
    # Only its turn among all rows comes: two of these four at every sample.
    assert read.count(kworker.pid) < 30
