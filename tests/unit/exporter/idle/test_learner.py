"""Which load belongs to which step."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from gramwatt_exporter.idle import Learner
from gramwatt_exporter.idle.book import IdleBook
from gramwatt_exporter.model import Device, EnergyStep

SECOND = 1_000_000_000
FIRST = Device("cpu", "package-0", "rapl", 0.05)
OTHER = Device("cpu", "package-1", "rapl", 0.05)
GPU = Device("gpu", "GPU-a", "nvml", 0.05)
CONFIGURED = Device("cpu", "package-0", "rapl", 0.05, idle_watts=10.0)


class Noted(IdleBook):
    """Notes what it is taught."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[tuple[str, float, float]] = []
        self.interrupted: list[str] = []

    def observe(
        self,
        device: Device,
        microjoules: int,
        nanoseconds: int,
        utilisation: float | None,
        busy_cpus: float | None = None,
    ) -> None:
        assert utilisation is not None
        assert busy_cpus is not None
        self.loads.append((device.name, round(utilisation, 6), round(busy_cpus, 6)))

    def interrupt(self, device: Device) -> None:
        self.interrupted.append(device.name)


def step(device: Device = FIRST, seconds: float = 5, missed: bool = False, slept: float = 0) -> EnergyStep:
    return EnergyStep(device, 100_000_000, round(seconds * SECOND), missed, round(slept * SECOND))


def learn(
    learner: Learner, steps: Sequence[EnergyStep], busy: float, seen: float = 0, *packages: float
) -> None:
    learner.learn(
        steps, round(busy * SECOND), round(seen * SECOND), [round(each * SECOND) for each in packages]
    )


def test_the_load_of_a_step_is_the_busy_time_of_its_interval() -> None:
    noted = Noted()
    learner = Learner(noted, 4)
    learn(learner, [step()], 100)
    assert (noted.loads, noted.interrupted) == (
        [],
        ["package-0"],
    )  # the first says nothing of the time before
    learn(learner, [step()], 110)
    assert noted.loads == [("package-0", 0.5, 2.0)]


def test_what_processes_used_counts_where_ticks_saw_less() -> None:
    noted = Noted()
    learner = Learner(noted, 4)
    learn(learner, [], 100)
    learn(learner, [step()], 101, 5)
    assert noted.loads == [("package-0", 0.25, 1.0)]


def test_a_slow_meters_step_has_the_load_of_all_its_samples() -> None:
    noted = Noted()
    learner = Learner(noted, 4)
    learn(learner, [step()], 0)
    learn(learner, [], 20)
    learn(learner, [], 20)
    learn(learner, [step(seconds=15)], 25)
    assert noted.loads == [("package-0", round(25 / 60, 6), round(25 / 15, 6))]


@pytest.mark.parametrize("odd", [step(missed=True), step(slept=3)])
def test_a_step_of_which_a_part_was_not_seen_or_slept_teaches_nothing(odd: EnergyStep) -> None:
    noted = Noted()
    learner = Learner(noted, 4)
    learn(learner, [step()], 0)
    learn(learner, [odd], 20)
    learn(learner, [step()], 25)
    assert noted.loads == [("package-0", 0.25, 1.0)]
    assert noted.interrupted == ["package-0", "package-0"]


def test_busy_time_that_goes_back_teaches_nothing() -> None:
    noted = Noted()
    learner = Learner(noted, 4)
    for busy in (100, 50, 55):
        learn(learner, [step()], busy)
    assert noted.loads == [("package-0", 0.25, 1.0)]


def test_a_sample_that_failed_does_not_lend_its_busy_time_to_the_next_step() -> None:
    noted = Noted()
    learner = Learner(noted, 4)
    learn(learner, [step()], 0)
    learner.interrupt()
    learn(learner, [step()], 20)
    learn(learner, [step()], 25)
    assert noted.loads == [("package-0", 0.25, 1.0)]


def test_each_package_has_the_load_of_its_own_cpus() -> None:
    noted = Noted()
    packages = {0: frozenset({0, 1}), 1: frozenset({2, 3})}
    learner = Learner(noted, 4, packages)
    learn(learner, [step(), step(OTHER)], 0, 0, 0, 0)
    learn(learner, [step(), step(OTHER)], 10, 10, 10, 0)
    assert noted.loads == [("package-0", 1.0, 2.0), ("package-1", 0.0, 0.0)]


def test_where_the_kernel_does_not_tell_packages_have_the_machines_load() -> None:
    noted = Noted()
    learner = Learner(noted, 4)
    learn(learner, [step(), step(OTHER)], 0)
    learn(learner, [step(), step(OTHER)], 10)
    assert noted.loads == [("package-0", 0.5, 2.0), ("package-1", 0.5, 2.0)]


def test_other_devices_and_configured_ones_are_not_its_business() -> None:
    noted = Noted()
    learner = Learner(noted, 4)
    for busy in (0, 5):
        learn(learner, [step(GPU), step(CONFIGURED)], busy)
    assert (noted.loads, noted.interrupted) == ([], [])


def test_a_cpu_that_goes_offline_or_comes_back_is_no_load() -> None:
    """/proc/stat drops its line, and with it 1,000 s since boot, and later shows them again."""
    noted = Noted()
    packages = {0: frozenset({0, 1}), 1: frozenset({2, 3})}
    learner = Learner(noted, 4, packages)
    both = [step(), step(OTHER)]
    learn(learner, both, 4000, 0, 2000, 2000)
    learn(learner, both, 4010, 0, 2005, 2005)
    learn(learner, both, 4020, 0, 2010, 1010)
    learn(learner, both, 4030, 0, 2015, 1015)
    learn(learner, both, 4040, 0, 2020, 2020)
    learn(learner, both, 4050, 0, 2025, 2025)
    first, other = ("package-0", 0.5, 1.0), ("package-1", 0.5, 1.0)
    assert noted.loads == [first, other, first, first, other, first, first, other]
    assert noted.interrupted == ["package-0", "package-1", "package-1", "package-1"]
