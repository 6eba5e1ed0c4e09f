"""Threads have ids of the same kind as processes, and PROCFS answers for them. None of them is ever a process here."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from gramwatt_exporter.model import Identity
from gramwatt_exporter.processes.births import Births
from gramwatt_exporter.processes.linux.clocks import ClockSource, ProcessClock, StatClock
from gramwatt_exporter.processes.linux.identity import IdentityReader
from gramwatt_exporter.processes.linux.kernel import KernelCounters
from gramwatt_exporter.processes.linux.procfiles import (
    hides_processes,
    pages_of_threads_of,
    resident_pages_of,
)
from gramwatt_exporter.processes.row import Row, WorkloadAccount
from gramwatt_exporter.processes.table import ProcessTable

TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")


@pytest.fixture
def thread_id() -> Iterator[int]:
    """A thread of this process."""
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    thread.start()
    assert thread.native_id is not None
    yield thread.native_id
    end.set()
    thread.join()


@pytest.mark.parametrize("source", [ProcessClock(), StatClock("/proc")], ids=["clock", "stat"])
def test_a_thread_has_no_clock_of_a_process(source: ClockSource, thread_id: int) -> None:
    assert Path("/proc", str(thread_id), "stat").exists()  # the trap
    assert source.read_one(thread_id) is None
    assert source.read_one(os.getpid()) is not None
    assert source.read([source.key(thread_id), source.key(os.getpid())])[1] == [0]


def test_a_thread_has_no_identity(thread_id: int) -> None:
    reader = IdentityReader("/proc", str)
    assert reader.read(thread_id) is None
    assert reader.read_with_waited(thread_id) is None
    assert reader.read(os.getpid()) is not None


class Tasks:
    """A PROCFS as the kernel shows it: threads can be read by their ids, and are not listed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.last = 1

    def add(self, pid: int, ticks: int, start: int, thread_of: int | None = None, state: str = "S") -> None:
        owner = pid if thread_of is None else thread_of
        signal = 17 if thread_of is None else -1
        numbers = f"1 {pid} {pid} 0 -1 4194304 0 0 0 0 {ticks} 0 0 0 20 0 1 0 {start} 0 0 0"
        rest = "0 " * 12 + f"{signal} 0 0 0 0 0 0 0 0 0 0 0 0 0"
        for directory in (self.root / str(pid), self.root / str(owner) / "task" / str(pid)):
            (directory / "task").mkdir(parents=True, exist_ok=True)
            (directory / "stat").write_text(f"{pid} (java) {state} {numbers} {rest}\n")
            (directory / "cgroup").write_text("0::/\n")
            (directory / "statm").write_text(f"500 {0 if state == 'Z' else 100} 50 1 0 9 0\n")
        self.last = max(self.last, pid)

    def remove(self, pid: int) -> None:
        shutil.rmtree(self.root / str(pid))


@pytest.fixture
def tasks(tmp_path: Path) -> Tasks:
    return Tasks(tmp_path)


@pytest.fixture
def sample(tasks: Tasks) -> Callable[[], dict[int, float]]:
    """Take one; CPU ticks that each process used since the last."""
    forks = iter(range(0, 1000, 1))

    def new_row(identity: Identity) -> Row:
        return Row(identity, WorkloadAccount(identity.workload))

    table = ProcessTable(
        StatClock(str(tasks.root)),
        IdentityReader(str(tasks.root), str),
        Births(32768),
        lambda: [100, 300],  # what a listing shows
        new_row,
        resident_pages_of(str(tasks.root)),
        pages_of_threads=pages_of_threads_of(str(tasks.root)),
    )

    def go() -> dict[int, float]:
        activity = table.update(KernelCounters(tasks.last, next(forks), 0, 1000, 2000))
        return {row.identity.pid: ns / TICK_NS for row, ns in activity.live}

    return go


def test_threads_that_begin_between_two_samples_are_charged_once_with_their_process(
    tasks: Tasks, sample: Callable[[], dict[int, float]]
) -> None:
    tasks.add(100, ticks=50, start=10)
    sample()
    tasks.add(100, ticks=90, start=10)
    for thread in (101, 102, 103):  # each shows the CPU time of the whole process
        tasks.add(thread, ticks=90, start=20, thread_of=100)
    assert sample() == {100: 40}


def test_a_thread_that_takes_the_id_of_an_ended_process_is_not_that_process(
    tasks: Tasks, sample: Callable[[], dict[int, float]]
) -> None:
    tasks.add(100, ticks=50, start=10)
    tasks.add(300, ticks=5, start=12)
    sample()
    tasks.remove(300)
    tasks.add(300, ticks=80, start=30, thread_of=100)
    tasks.add(100, ticks=80, start=10)
    assert sample() == {100: 30}
    tasks.add(300, ticks=95, start=30, thread_of=100)
    tasks.add(100, ticks=95, start=10)
    assert sample() == {100: 15}


def test_the_memory_of_a_process_whose_first_thread_has_ended_shows_with_the_others(tasks: Tasks) -> None:
    pages, of_threads = resident_pages_of(str(tasks.root)), pages_of_threads_of(str(tasks.root))
    tasks.add(100, ticks=50, start=10, state="Z")
    assert (pages(100), of_threads(100)) == (0, 0)  # a zombie
    tasks.add(101, ticks=50, start=11, thread_of=100)
    assert (pages(100), of_threads(100)) == (0, 100)


def test_a_procfs_that_hides_others_is_known_by_the_first_process(tasks: Tasks) -> None:
    tasks.add(100, ticks=1, start=10)
    assert hides_processes(str(tasks.root))
    tasks.add(1, ticks=1, start=1)
    assert not hides_processes(str(tasks.root))
    assert not hides_processes("/proc") or os.geteuid() != 0


# What a kernel with version 1 of cgroups says of every zombie, wherever it was.
AT_THE_ROOT = "4:memory:/\n1:name=systemd:/\n"
IN_A_UNIT = "4:memory:/system.slice/train.service\n1:name=systemd:/system.slice/train.service\n"


def test_a_process_whose_first_thread_has_ended_stays_in_its_unit(tasks: Tasks) -> None:
    reader = IdentityReader(str(tasks.root), str)
    tasks.add(100, ticks=50, start=10, state="Z")
    tasks.add(101, ticks=50, start=11, thread_of=100)
    (tasks.root / "100/cgroup").write_text(AT_THE_ROOT)
    (tasks.root / "100/task/101/cgroup").write_text(IN_A_UNIT)
    identity = reader.read(100)
    assert identity is not None
    assert identity.workload.name == "train.service"


def test_a_zombie_stays_in_the_unit_it_was_in(tasks: Tasks) -> None:
    reader = IdentityReader(str(tasks.root), str)
    tasks.add(100, ticks=50, start=10)
    (tasks.root / "100/cgroup").write_text(IN_A_UNIT)
    before = reader.read(100)
    assert before is not None
    tasks.add(100, ticks=50, start=10, state="Z")
    (tasks.root / "100/cgroup").write_text(AT_THE_ROOT)
    assert reader.read_again(before) == before
