"""What a GPU drew by its kernel driver's files is what is booked, and as nobody says who used it, every window that
may have says so."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
from gpu_truth import Booked, Job, Scenario, report
from hwmon_truth import Files, HwmonTruth
from thorough import first, spread

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


@pytest.mark.slow
@pytest.mark.parametrize(("name", "driver"), spread(SCENARIOS, DRIVERS))
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


BEGAN = "a counter that begins again"
LEAPS = "a counter that leaps"
STOPS = "a counter that stands still"
PAUSES = "a counter that stands still for a while"


def _faulty(name: str, interval: float) -> Scenario:
    begins, end = (24.0, 50.0) if interval > 5 else (8.0, END)
    scenario = Scenario(_one(begins, end), interval=interval, seconds=80 if interval > 5 else 60)
    middle = begins + 12
    if name == LEAPS:
        scenario.counter_joules = lambda t: 1e6 if t > middle else 0
    return scenario


def _run_faulty(
    driver: str, name: str, interval: float, tmp_path: Path, log: Any
) -> tuple[HwmonTruth, Booked]:
    scenario = _faulty(name, interval)
    truth = HwmonTruth(driver, scenario, Files(tmp_path / "sys"), log)
    truth.with_window = True
    begins = scenario.jobs[0].start
    stood: list[float] = []  # what was drawn when it began to stand still, and when it went on

    def stands(t: float) -> float:
        if t < begins + 4:
            return 0.0
        stood[:] = stood or [truth.drawn]
        if name == PAUSES and t > begins + 12:
            stood[1:] = stood[1:] or [truth.drawn]
            return stood[0] - stood[1]
        return stood[0] - truth.drawn

    def begins_again(t: float) -> float:
        if t <= begins + 12:
            return 0.0
        stood[:] = stood or [truth.drawn]
        return -stood[0]

    if name == BEGAN:
        scenario.counter_joules = begins_again
    elif name in (STOPS, PAUSES):
        scenario.counter_joules = stands
    return truth, truth.run()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "driver", "interval"),
    spread(itertools.product([BEGAN, LEAPS, STOPS, PAUSES], ["xe", "xe-pkg"]), [5, 1, 0.25, 10]),
)
def test_a_counter_that_goes_wrong_loses_nothing(
    name: str, driver: str, interval: float, tmp_path: Path, log: Any
) -> None:
    """Its power, or the counter of its package, says what it did not count."""
    truth, booked = _run_faulty(driver, name, interval, tmp_path, log)
    report(driver, f"{name}, every {interval:g} s", truth, booked)
    assert booked.device == pytest.approx(truth.drawn, rel=0.03)
    assert booked.unknown == pytest.approx(sum(truth.joules.values()), rel=0.03)
    if name == STOPS:
        file = {"xe": "power1_input", "xe-pkg": "energy2_input"}[driver]
        assert any(f"measured by {file}" in line for line in map(str, log.lines))
    elif any("measured by" in line for line in map(str, log.lines)):
        assert name == PAUSES  # for eight seconds of ten it counted less than its package
    else:
        assert booked.rig is not None
        assert booked.rig.sampler.accounts.resets["gpu", truth.name] > 0


@pytest.mark.slow
@pytest.mark.parametrize(("name", "interval"), spread([BEGAN, LEAPS, STOPS, PAUSES], [1, 5, 10]))
def test_what_a_lone_counter_does_not_count_is_unknown(
    name: str, interval: float, tmp_path: Path, log: Any
) -> None:
    """Nothing else shows what the GPU drew: every window says the most that it can be."""
    if name == PAUSES and interval == 10:
        return  # it moves between any two samples
    truth, booked = _run_faulty("i915", name, interval, tmp_path, log)
    report("i915", f"{name}, every {interval:g} s", truth, booked)
    assert booked.unknown >= sum(truth.joules.values()) * 0.97
    if name == STOPS:
        assert any("still" in line for line in map(str, log.lines))


def test_a_counter_that_shows_garbage_loses_nothing(tmp_path: Path, log: Any) -> None:
    scenario = Scenario(_one(), facts=lambda t, _: ["nothing"] if 14 <= t < 14.9 else [])
    truth, booked = _run("xe", scenario, tmp_path, log)
    report("xe", "a counter of garbage", truth, booked)
    assert booked.device == pytest.approx(truth.drawn, rel=0.03)
    assert booked.unknown >= sum(truth.joules.values()) * 0.97


@pytest.mark.slow
@pytest.mark.parametrize("driver", first(DRIVERS))
def test_an_idle_gpu_leaves_no_window_in_doubt(driver: str, tmp_path: Path, log: Any) -> None:
    _, booked = _run(driver, Scenario([], interval=5, counter=False), tmp_path, log)
    assert booked.unknown == 0


@pytest.mark.parametrize("driver", ["amdgpu", "xe"])
def test_a_gpu_that_worked_all_the_time_is_no_idle_gpu(driver: str, tmp_path: Path, log: Any) -> None:
    truth, booked = _run(driver, Scenario([Job("train", 0, 60, sm=90)]), tmp_path, log)
    assert booked.idle_watts is None
    assert booked.unknown >= 0.5 * sum(truth.joules.values())


@pytest.mark.slow
@pytest.mark.parametrize("driver", first(["amdgpu", "jetson"]))
def test_bursts_make_the_integral_less_certain(driver: str, tmp_path: Path, log: Any) -> None:
    truth, booked = _run(driver, SCENARIOS["bursts"], tmp_path, log)
    assert abs(booked.device - truth.drawn) / truth.drawn < 2 * booked.uncertainty


@pytest.mark.slow
def test_a_gpu_that_may_sleep_is_not_kept_awake(tmp_path: Path, log: Any) -> None:
    """Each read of amdgpu puts its suspend off: it is read once a sample."""
    files = Files(tmp_path / "sys")
    control = files.root / "devices/0000:03:00.0/power/control"
    control.parent.mkdir(parents=True)
    control.write_text("auto\n")
    truth = HwmonTruth("amdgpu", Scenario(_one(), interval=5, counter=False), files, log)
    assert not truth.sensor.between._watched
    assert truth.run().device == pytest.approx(truth.drawn, rel=0.2)


def test_a_window_that_ends_while_its_energy_waits_says_so(tmp_path: Path, log: Any) -> None:
    """The counter has stood still for four seconds: what was drawn meanwhile is booked after the window's end."""
    scenario = Scenario(_one(), seconds=16)
    truth = HwmonTruth("xe", scenario, Files(tmp_path / "sys"), log)
    truth.with_window = True
    stood: list[float] = []

    def stands(t: float) -> float:
        stood[len(stood) :] = [truth.drawn] if t >= 12 and not stood else []
        return stood[0] - truth.drawn if stood else 0.0

    scenario.counter_joules = stands

    def each(truth: Any) -> None:
        if truth.t >= 15.9:
            assert truth.rig.sampler.end_window(truth.window, "stop")

    booked = truth.run(each)
    assert booked.unknown >= 8 * 315 * 0.97
