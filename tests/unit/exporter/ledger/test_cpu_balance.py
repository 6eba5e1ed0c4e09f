"""The bound on booked CPU time: silent on a machine that works, and heard when a process is charged twice."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import pytest
from gramwatt_exporter.ledger.cpu_balance import HOLDS_AFTER, CpuBalance
from gramwatt_exporter.processes.linux.taskstats import Exit
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from simulation import CPU, SECOND, Machine, Rig, rig

MS = 1_000_000
CPUS = 4


def balance(cpus: int = CPUS) -> CpuBalance:
    started = CpuBalance(lambda: cpus)
    started.observe(0, 0, 0)
    return started


# --- the arithmetic


@pytest.mark.slow
@given(
    st.lists(
        st.tuples(
            st.integers(1, 60_000).map(lambda ms: ms * MS),  # how long until the next sample
            st.floats(0, 1),  # how busy the CPUs were
            st.floats(0, 1),  # how much of it is told one sample later
        ),
        max_size=40,
    )
)
def test_time_that_was_used_and_is_told_a_sample_late_is_never_too_much(
    samples: list[tuple[int, float, float]],
) -> None:
    watched, now, late = balance(), 0, 0
    for elapsed, busy, held_back in samples:
        now += elapsed
        used = int(CPUS * elapsed * busy)
        kept = int(used * held_back)
        watched.observe(used - kept + late, now, now)
        late = kept
    assert (watched.samples, watched.nanoseconds) == (0, 0)


@pytest.mark.slow
@given(st.lists(st.integers(1, 5_000), min_size=30, max_size=60), st.floats(1.3, 3))
def test_a_busy_machine_that_books_too_much_in_every_sample_is_caught(
    intervals: list[int], factor: float
) -> None:
    watched, now, booked = balance(), 0, 0
    for elapsed in intervals:
        now += elapsed * MS
        booked += round(CPUS * elapsed * MS * factor)
        watched.observe(round(CPUS * elapsed * MS * factor), now, now)
    # All that was too much is counted, but for what may be a tick.
    assert 0 <= booked - CPUS * now - watched.nanoseconds <= CPUS * 10 * MS


def test_one_process_booked_twice_is_caught_in_its_sample_and_by_how_much() -> None:
    watched = balance()
    for second in range(1, 8):
        watched.observe(CPUS * SECOND, second * SECOND, second * SECOND)
    watched.observe(CPUS * SECOND + 14 * SECOND, 8 * SECOND, 8 * SECOND)
    assert watched.samples == 1
    assert watched.nanoseconds == 14 * SECOND


def test_samples_of_a_millisecond_do_not_give_a_tick_each() -> None:
    watched = balance()
    for number in range(1, 1001):  # twice what there is, each within a tick
        watched.observe(2 * CPUS * MS, number * MS, number * MS)
    assert watched.nanoseconds == pytest.approx(CPUS * SECOND, rel=0.05)


def test_an_idle_hour_is_no_credit() -> None:
    watched = balance()
    watched.observe(0, 3600 * SECOND, 3600 * SECOND)
    watched.observe(0, 3605 * SECOND, 3605 * SECOND)
    watched.observe(3 * CPUS * 5 * SECOND, 3610 * SECOND, 3610 * SECOND)
    assert watched.samples == 1


def test_clocks_read_slowly_are_read_at_different_times() -> None:
    # The last row is read 300 ms after the first: what it used in them is booked, and its CPUs had the time.
    watched = balance()
    now = 0
    for _ in range(20):
        now += 5 * SECOND
        watched.observe(CPUS * 5 * SECOND + CPUS * 200 * MS, now - 300 * MS, now)
        now += 5 * SECOND
        watched.observe(CPUS * 5 * SECOND - CPUS * 200 * MS, now - 300 * MS, now)
    assert watched.samples == 0


def test_cpus_that_are_added_are_counted_before_anything_is_said() -> None:
    online = [2]
    watched = CpuBalance(lambda: online[0])
    watched.observe(0, 0, 0)
    online[0] = 8
    for second in range(1, 10):
        watched.observe(8 * SECOND, second * SECOND, second * SECOND)
    assert watched.samples == 0


def test_times_told_in_ticks_are_known_no_better() -> None:
    watched = balance()
    watched.observe(CPUS * SECOND + 50 * 20 * MS, SECOND, SECOND, in_ticks=50)
    assert watched.samples == 0
    watched.observe(CPUS * SECOND + 50 * 20 * MS, 2 * SECOND, 2 * SECOND)
    assert watched.samples == 1


def test_it_is_said_once_and_when_it_is_over(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    watched = balance()
    for second, factor in enumerate((1, 3, 3, 1, 3, *[1] * HOLDS_AFTER, 1, 1, 3), 1):
        watched.observe(factor * CPUS * SECOND, second * SECOND, second * SECOND)
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO", "WARNING"]
    assert "12.00 CPU seconds" in caplog.records[0].message
    assert "8.00 s too many" in caplog.records[0].message
    assert watched.samples == 4


# --- the whole exporter on a simulated machine


@dataclass
class Threaded(Machine):
    """Its processes have threads. ``names_the_thread``: the fault, a process is told of by its last thread's id."""

    pid_max: int = 30_000
    cpus: int = 2
    names_the_thread: bool = False
    after_drain: list[Callable[[], None]] = field(default_factory=list)

    def drain(self) -> Iterable[Exit]:
        told = list(super().drain())
        while self.after_drain:  # what happens before the clocks are read: its message waits
            self.after_drain.pop()()
        if self.names_the_thread:
            told = [replace(message, pid=message.pid + 20_000) for message in told]
        return told


def sample(simulated: Rig, nanoseconds: int) -> None:
    simulated.machine.advance(nanoseconds)
    simulated.meters.draw(CPU, 1_000_000, nanoseconds)
    simulated.sampler.sample()


@dataclass
class Listed(Threaded):
    """While its processes are listed for the first time, one ends."""

    ends: int = 0

    def read_one(self, pid: int) -> int | None:
        if pid == self.ends and pid in self.processes:
            self.exit(pid)
        return super().read_one(pid)


@pytest.mark.parametrize("listener", [False, True])
def test_a_child_that_ends_while_the_exporter_starts_is_not_charged_for_its_past(listener: bool) -> None:
    """Its parent was read before: by then it had not waited for the child, which the table never sees."""
    machine = Listed(listener=listener)
    shell = machine.fork(1, command="sh")
    assert shell is not None
    child = machine.fork(shell.pid)
    assert child is not None
    machine.work(child.pid, 3 * SECOND)
    simulated = rig(machine)
    machine.ends = child.pid
    sample(simulated, SECOND)
    machine.work(shell.pid, SECOND // 10)
    sample(simulated, SECOND // 2)
    assert simulated.sampler.accounts.used_cpu_nanoseconds == SECOND // 10
    assert simulated.sampler.freeze().cpu_overbooked == (0, 0)


@pytest.mark.parametrize(("fault", "twice"), [(False, 0), (True, 14)])
def test_the_fault_of_a_thread_taken_for_its_process_is_counted(fault: bool, twice: int) -> None:
    machine = Threaded(names_the_thread=fault)
    simulated = rig(machine)
    sample(simulated, SECOND)
    torch = machine.fork(1)
    assert torch is not None
    for _ in range(14):  # two threads for seven seconds
        machine.work(torch.pid, SECOND)
        sample(simulated, SECOND // 2)
    machine.exit(torch.pid)
    sample(simulated, SECOND // 100)
    booked = simulated.sampler.accounts.used_cpu_nanoseconds
    assert booked == (14 + twice) * SECOND
    snapshot = simulated.sampler.freeze()
    samples, nanoseconds = snapshot.cpu_overbooked
    assert samples == (1 if fault else 0)
    assert nanoseconds == pytest.approx(twice * SECOND, abs=0.1 * SECOND)


@pytest.mark.slow
@settings(max_examples=30)
@given(st.integers(0, 2**32))
def test_a_full_machine_with_samples_at_any_time_and_late_messages_is_not_called_faulty(
    seed: int,
) -> None:
    chance = random.Random(seed)
    machine = Threaded()
    simulated = rig(machine)
    sample(simulated, SECOND)
    workers = [machine.fork(1) for _ in range(6)]
    for _ in range(60):
        elapsed = chance.choice((5000, 5000, 200, 3, 1)) * MS  # some are forced by windows
        left = machine.cpus * elapsed
        while left > 0 and workers:
            worker = chance.choice(workers)
            assert worker is not None
            part = min(left, chance.randrange(1, 400 * MS))
            machine.work(worker.pid, part)
            left -= part
            end = chance.random()
            if end < 0.3:
                workers.remove(worker)
                if end < 0.1:  # between the last message and its clock
                    machine.after_drain.append(lambda pid=worker.pid: machine.exit(pid))  # type: ignore[misc]
                else:
                    machine.exit(worker.pid, zombie=end > 0.25)
            if len(workers) < 6:
                workers.append(machine.fork(1))
        sample(simulated, elapsed)
    assert simulated.sampler.freeze().cpu_overbooked == (0, 0)
