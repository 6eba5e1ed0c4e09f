"""What a GPU drew by its kernel driver's files is what is booked, and as nobody says who used it, every window that
may have says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from gpu_truth import Booked, Job, Scenario, report
from hwmon_truth import Files, HwmonTruth

END = 34.0
DRIVERS = ("amdgpu", "xe", "jetson")


def _one(start: float = 8, end: float = END) -> list[Job]:
    return [Job("train", start, end, sm=90)]


TWO = [Job("train", 8, END, sm=63), Job("serve", 8, END, sm=27)]
SHORT = [Job(f"short-{k}", 10 + 2.1 * k, 11.5 + 2.1 * k, sm=100) for k in range(8)]
BURSTS = [Job("bursts", 8, 48, sm=100, bursts=(1.5, 5))]

SCENARIOS = {
    "one job": Scenario(_one(), counter=False),
    "one job, every 5 s": Scenario(_one(), interval=5, counter=False),
    "one job, every 10 s": Scenario(_one(24, 50), interval=10, seconds=80, counter=False),
    "ten samples a second": Scenario(_one(), interval=0.1, counter=False),
    "somebody looks on": Scenario(_one(), interval=5, forced=0.3, counter=False),
    "two jobs": Scenario(TWO, interval=5, counter=False),
    "programs between two samples": Scenario(SHORT, interval=5, counter=False),
    "bursts": Scenario(BURSTS, interval=5, seconds=60, counter=False),
    "lost and back": Scenario(_one(), lost=(18, 21), seconds=90, counter=False),
}


def _run(driver: str, scenario: Scenario, tmp_path: Path, log: Any) -> tuple[HwmonTruth, Booked]:
    for job in scenario.jobs:
        job.process = None
    truth = HwmonTruth(driver, scenario, Files(tmp_path / "sys"), log)
    truth.with_window = truth.with_job_windows = True
    return truth, truth.run()


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("name", SCENARIOS)
def test_energy_is_true_and_its_owner_unknown(driver: str, name: str, tmp_path: Path, log: Any) -> None:
    scenario = SCENARIOS[name]
    truth, booked = _run(driver, scenario, tmp_path, log)
    report(driver, name, truth, booked)
    true = sum(truth.joules.values())
    if "lost" not in name:
        assert booked.device == pytest.approx(truth.drawn, rel=0.03)
    assert booked.workloads == {} or not any(booked.workloads.values())
    for unknown in (booked.unknown, booked.unknown_of_jobs):
        assert true * 0.97 <= unknown
    if "lost" not in name:  # while it is lost, it may draw as much as it ever did
        assert booked.unknown <= true * 1.03


FAULTS = {
    "a counter that begins again": Scenario(_one(), counter_joules=lambda t: -2500 if t > 20 else 0),
    "a counter that leaps": Scenario(_one(), counter_joules=lambda t: 1e6 if t > 20 else 0),
    "a counter of garbage": Scenario(_one(), facts=lambda t, _: ["nothing"] if 14 <= t < 14.9 else []),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_counter_that_goes_wrong_loses_a_sample_at_most_and_says_so(
    name: str, tmp_path: Path, log: Any
) -> None:
    truth, booked = _run("xe", FAULTS[name], tmp_path, log)
    report("xe", name, truth, booked)
    assert booked.device == pytest.approx(truth.drawn, rel=0.04)
    assert booked.unknown >= sum(truth.joules.values()) * 0.97


def test_a_counter_that_stands_still_gives_way_to_power(tmp_path: Path, log: Any) -> None:
    """It is judged for ten seconds: what it did not count meanwhile is unknown to every window."""
    scenario = Scenario(_one(), seconds=40)
    truth = HwmonTruth("xe", scenario, Files(tmp_path / "sys"), log)
    truth.with_window = True
    scenario.counter_joules = lambda t: 400.0 - truth.drawn if t > 8 else 0.0
    booked = truth.run()
    report("xe", "a counter that stands still", truth, booked)
    assert booked.unknown >= sum(truth.joules.values()) * 0.5
    assert any("measured by power1_input" in line for line in map(str, log.lines))


@pytest.mark.parametrize("driver", DRIVERS)
def test_an_idle_gpu_leaves_no_window_in_doubt(driver: str, tmp_path: Path, log: Any) -> None:
    _, booked = _run(driver, Scenario([], interval=5, counter=False), tmp_path, log)
    assert booked.unknown == 0


@pytest.mark.parametrize("driver", ["amdgpu", "xe"])
def test_a_gpu_that_worked_all_the_time_is_no_idle_gpu(driver: str, tmp_path: Path, log: Any) -> None:
    truth, booked = _run(driver, Scenario([Job("train", 0, 60, sm=90)]), tmp_path, log)
    assert booked.idle_watts is None
    assert booked.unknown >= 0.5 * sum(truth.joules.values())


@pytest.mark.parametrize("driver", ["amdgpu", "jetson"])
def test_bursts_make_the_integral_less_certain(driver: str, tmp_path: Path, log: Any) -> None:
    truth, booked = _run(driver, SCENARIOS["bursts"], tmp_path, log)
    assert abs(booked.device - truth.drawn) / truth.drawn < 2 * booked.uncertainty


def test_a_gpu_that_may_sleep_is_not_kept_awake(tmp_path: Path, log: Any) -> None:
    """Each read of amdgpu puts its suspend off: it is read once a sample."""
    files = Files(tmp_path / "sys")
    control = files.root / "devices/0000:03:00.0/power/control"
    control.parent.mkdir(parents=True)
    control.write_text("auto\n")
    truth = HwmonTruth("amdgpu", Scenario(_one(), interval=5, counter=False), files, log)
    assert not truth.sensor.between._watched
    assert truth.run().device == pytest.approx(truth.drawn, rel=0.2)
