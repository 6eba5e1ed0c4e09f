"""Whatever AMD's driver does, the owners of a GPU's energy are booked with what they really drew, or it is unknown."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import Any

import pytest
from amd_truth import AmdTruth, WithHwmon
from amdsmi_world import GPU, World
from gpu_truth import Booked, Job, Scenario, report
from gramwatt_exporter.model import EnergyReading
from gramwatt_exporter.sensors.threads import Repeater

END = 34.0


def _one(start: float = 8, end: float = END, rows: bool = True) -> list[Job]:
    return [Job("train", start, end, sm=90, rows=rows)]


def _two(start: float = 8, end: float = END, rows: bool = True) -> list[Job]:
    return [
        Job("train", start, end, sm=70 * 0.9, rows=rows),
        Job("serve", start, end, sm=30 * 0.9, rows=rows),
    ]


SHORT = [Job(f"short-{k}", 10 + 2.1 * k, 11.5 + 2.1 * k, sm=100) for k in range(8)]
VERY_SHORT = [Job(f"short-{k}", 10.2 + 2 * k, 10.7 + 2 * k, sm=100) for k in range(8)]
BURSTS = [Job("bursts", 8, 48, sm=100, bursts=(1.5, 5))]


def _garbage(t: float, _: int) -> list[str]:
    return [f"gpu 0 energy {2**64 - 1} 1"] if 14 <= t < 14.9 else []


SCENARIOS: dict[str, tuple[Scenario, float]] = {
    "one job": (Scenario(_one()), 0.03),
    "one job, every 5 s": (Scenario(_one(), interval=5), 0.03),
    "one job, every 10 s": (Scenario(_one(24, 50), interval=10, seconds=80), 0.03),
    "two jobs": (Scenario(_two()), 0.03),
    "two jobs, every 10 s": (Scenario(_two(24, 50), interval=10, seconds=80), 0.03),
    "ten samples a second": (Scenario(_two(), interval=0.1), 0.03),
    "somebody looks on": (Scenario(_two(), interval=5, forced=0.3), 0.03),
    "one on ROCm's queues": (Scenario(_one(rows=False)), 0.03),
    "one on ROCm's queues, every 10 s": (Scenario(_one(24, 50, rows=False), interval=10, seconds=80), 0.03),
    "a counter that begins again": (Scenario(_one(), counter_joules=lambda t: -2500 if t > 20 else 0), 0.06),
    "a counter that leaps": (Scenario(_one(), counter_joules=lambda t: 1e6 if t > 20 else 0), 0.06),
    "a counter of garbage": (Scenario(_one(), facts=_garbage), 0.06),
    "a counter that stands still": (Scenario(_one()), 0.03),
    "a counter that stands still, every 5 s": (Scenario(_one(), interval=5), 0.03),
    "no counter": (Scenario(_one(), counter=False, interval=5), 0.03),
    "no counter, bursts": (Scenario(BURSTS, counter=False, interval=5, seconds=60), 0.05),
    "a slow library": (Scenario(_two()), 0.03),
    "a slow library, every 5 s": (Scenario(_two(), interval=5), 0.03),
    "an encoder": (Scenario([Job("encode", 8, END, encoder=60, encoder_watts=30)]), 0.03),
}


def _run(
    scenario: Scenario, world: World, log: Any, windows: bool = False, name: str = ""
) -> tuple[AmdTruth, Booked]:
    for job in scenario.jobs:
        job.process = None
    truth = AmdTruth(scenario, world, log, 0.3 if "slow" in name else 0.0)
    truth.with_window, truth.with_job_windows = True, windows
    if "still" in name:
        scenario.counter_joules = lambda t: min(0.0, 1860.0 - truth.drawn) if t > 12 else 0.0
    return truth, truth.run()


@pytest.mark.slow
@pytest.mark.parametrize("name", SCENARIOS)
def test_owners_get_what_they_drew(name: str, world: World, log: Any) -> None:
    scenario, tolerance = SCENARIOS[name]
    truth, booked = _run(scenario, world, log, name=name)
    report("amdsmi", name, truth, booked)
    for command, joules in truth.joules.items():
        assert booked.workloads.get(command, 0.0) == pytest.approx(joules, rel=tolerance), (command, booked)
    assert booked.idle_watts == pytest.approx(scenario.idle_watts, rel=0.01)
    assert booked.unknown <= 0.01 * sum(truth.joules.values()) + booked.parts["unattributed"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "scenario"),
    [
        ("two on ROCm's queues", Scenario(_two(rows=False))),
        ("lost and back", Scenario(_one(), lost=(18, 22))),
        ("programs between two samples", Scenario(SHORT, interval=5)),
        ("programs between two looks", Scenario(VERY_SHORT, interval=5)),
        ("a game", Scenario([Job("game", 8, END, sm=90, kind="game")])),
    ],
)
def test_what_nobody_can_tell_is_unknown_and_not_zero(
    name: str, scenario: Scenario, world: World, log: Any
) -> None:
    """Each job's window, and a bystander's where the jobs cannot be named, holds what is missing."""
    truth, booked = _run(scenario, world, log, windows=True)
    report("amdsmi", name, truth, booked)
    true = sum(truth.joules.values())
    known = sum(booked.workloads.values())
    assert known <= true * 1.03
    assert known + booked.unknown_of_jobs >= true * 0.97
    for command, joules in truth.joules.items():
        assert booked.workloads.get(command, 0.0) <= joules * 1.03


@pytest.mark.slow
@pytest.mark.parametrize(
    "job", [Job("train", 0, 60, sm=60), Job("encode", 0, 60, encoder=60, encoder_watts=30),
            Job("game", 0, 60, sm=60, kind="game")],
)  # fmt: skip
def test_idle_is_never_learned_from_a_gpu_in_use(job: Job, world: World, log: Any) -> None:
    _, booked = _run(Scenario([job]), world, log)
    assert booked.idle_watts is None


@pytest.mark.slow
def test_an_idle_gpu_leaves_no_window_in_doubt(world: World, log: Any) -> None:
    _, booked = _run(Scenario([], interval=5), world, log)
    assert booked.unknown == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["one job", "one job, every 5 s", "two jobs, every 10 s", "no counter, bursts", "an encoder"]
)
def test_hwmon_measures_and_the_library_says_whose_it_is(name: str, world: World, log: Any) -> None:
    scenario, _ = SCENARIOS[name]
    for job in scenario.jobs:
        job.process = None
    truth = WithHwmon(replace(scenario, counter=False), world, log)
    truth.with_window = True
    booked = truth.run()
    report("amdgpu and amdsmi", name, truth, booked)
    for command, joules in truth.joules.items():
        assert booked.workloads.get(command, 0.0) == pytest.approx(joules, rel=0.03), (command, booked)
    assert booked.unknown <= 0.03 * sum(truth.joules.values())


def test_a_thread_looks_between_two_reads_and_ends_with_the_sensor(world: World) -> None:
    world.clock = time.monotonic_ns
    world.set(GPU, "gpu 0 current 100")
    others = set(threading.enumerate())
    sensor = world.sensor(repeater=Repeater)
    (thread,) = set(threading.enumerate()) - others
    (first,) = sensor.read().readings
    (gpu,) = sensor._gpus
    deadline = time.monotonic() + 30
    while (reported := gpu._counter_value) is None or reported.at_ns < first.at_ns + 300_000_000:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    (second,) = sensor.read().readings
    assert isinstance(first, EnergyReading)
    assert isinstance(second, EnergyReading)
    seconds = (second.at_ns - first.at_ns) / 1e9
    assert second.microjoules - first.microjoules == pytest.approx(100e6 * seconds, rel=0.01)
    sensor.close()
    thread.join(30)
    assert not thread.is_alive()
