"""A counter that stands still while its GPU draws power."""

from __future__ import annotations

from typing import Any

import pytest
from gpu_truth import GpuTruth, Job, Scenario
from gramwatt_exporter.sensors.drivers.nvidia.still import Still
from nvml_world import World

SECOND = 1_000_000_000


def _frozen(since: float, until: float, scenario: Scenario) -> None:
    """From ``since`` on the counter does not count; after ``until`` it goes on from where it stood."""
    dynamic = sum(job.sm for job in scenario.jobs) / 100 * (400 - scenario.idle_watts)

    def drawn(t: float) -> float:
        working = max(0.0, min(t, scenario.jobs[0].end) - scenario.jobs[0].start)
        return scenario.idle_watts * t + dynamic * working

    scenario.counter_joules = lambda t: drawn(since) - drawn(min(max(t, since), until))


@pytest.mark.slow
@pytest.mark.parametrize("interval", [1, 5, 10])
@pytest.mark.parametrize("until", [1e9, 13.0, 17.0])
def test_what_was_drawn_meanwhile_is_booked_by_power(
    until: float, interval: float, world: World, log: Any
) -> None:
    begins = 24.0 if interval > 5 else 8.0
    job = Job("train", begins, begins + 26, sm=90)
    scenario = Scenario([job], interval=interval, seconds=110 if interval > 1 else 50)
    # It stops between two looks.
    _frozen(begins + 6.2, begins + until, scenario)
    truth = GpuTruth(scenario, world, log)
    booked = truth.run()
    assert booked.workloads["train"] == pytest.approx(truth.joules["train"], rel=0.03)
    assert booked.device == pytest.approx(truth.drawn, rel=0.03)
    refuted = [gpu.counter.refuted for gpu in truth.sensor._gpus]
    assert any(refuted) or until < 100


def test_a_sleeping_gpu_may_stand_still() -> None:
    still = Still()
    assert not still.look(100, 500_000, 2 * SECOND, (SECOND, 100))
    assert not still.look(100, None, 3 * SECOND, (SECOND, 100))
    assert still.points() == []


def test_a_counter_that_catches_up_left_nothing_out() -> None:
    still = Still()
    assert still.look(100, 50_000_000, 2 * SECOND, (SECOND, 100))
    assert still.look(100, 50_000_000, 3 * SECOND, (SECOND, 100))
    assert not still.missed(100 + 150_000_000, 4 * SECOND)
    assert still.points() == []
    assert still.look(100, 50_000_000, 2 * SECOND, (SECOND, 100))
    assert still.missed(110, 3 * SECOND)
    assert still.points()[:2] == [(SECOND, 100), (2 * SECOND, 100 + 50_000_000)]
