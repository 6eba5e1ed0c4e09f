"""Processes that nobody saw alive, known by their exit messages alone: charged what they used in this sample."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pytest
from gramwatt_exporter.model import Identity
from gramwatt_exporter.processes.linux.taskstats import Exit
from simulation import CPU, SECOND, Machine, Rig, rig


def sample(simulated: Rig) -> None:
    simulated.machine.advance(5 * SECOND)
    simulated.meters.draw(CPU, 50_000_000, 5 * SECOND)
    simulated.sampler.sample()


def charged(simulated: Rig) -> Counter[str]:
    """CPU time in nanoseconds by workload."""
    accounts = simulated.sampler.accounts.workloads.values()
    return Counter(
        {account.workload.name: account.cpu_nanoseconds for account in accounts if account.cpu_nanoseconds}
    )


def test_one_that_ended_before_the_first_sample_is_not_charged_for_its_past() -> None:
    simulated = rig()
    simulated.machine.exits.append(Exit(77, 1, 1000, "job", 36_000 * SECOND))
    sample(simulated)
    assert charged(simulated) == Counter()
    simulated.machine.exits.append(Exit(78, 1, 1000, "later", 2 * SECOND))
    sample(simulated)
    assert charged(simulated) == Counter(later=2 * SECOND)


def test_one_that_ended_while_the_first_sample_was_taken_leaves_nothing_behind() -> None:
    simulated = rig()
    job = simulated.machine.fork(1, command="job")
    assert job is not None
    simulated.machine.work(job.pid, 100 * SECOND)
    sample(simulated)
    simulated.machine.work(job.pid, SECOND)
    simulated.machine.exit(job.pid)
    sample(simulated)
    assert charged(simulated) == Counter(job=SECOND)


def test_two_with_the_same_id_between_two_samples_are_two() -> None:
    simulated = rig()
    sample(simulated)
    # Threads take ids, too: a program that starts many lets them go round within one sample.
    simulated.machine.exits += [
        Exit(50, 1, 1000, "cc1", 2 * SECOND),
        Exit(50, 1, 1001, "ld", 3 * SECOND),
    ]
    sample(simulated)
    assert charged(simulated) == Counter(cc1=2 * SECOND, ld=3 * SECOND)


@dataclass
class Hiding(Machine):
    """A /proc that does not show these (hidepid), and a kernel that tells of their ends with their age."""

    hidden: set[int] = field(default_factory=set)

    def read_one(self, pid: int) -> int | None:
        return None if pid in self.hidden else super().read_one(pid)

    def identity(self, pid: int) -> Identity | None:
        return None if pid in self.hidden else super().identity(pid)


@pytest.mark.parametrize(("age", "share"), [(3, 1.0), (5, 1.0), (3600, 5 / 3600)])
def test_one_that_proc_never_showed_is_charged_for_this_sample_alone(age: int, share: float) -> None:
    simulated = rig(Hiding())
    sample(simulated)
    used = 2 * age * SECOND  # two threads all the time
    simulated.machine.exits.append(Exit(90, 1, 1000, "job", used, age_ns=age * SECOND))
    sample(simulated)
    assert charged(simulated)["job"] == pytest.approx(used * share, rel=1e-6)
    assert simulated.sampler.freeze().cpu_overbooked == (0, 0)
