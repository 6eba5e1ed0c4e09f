"""A GPU's energy counter that its own power contradicts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from gramwatt_exporter.sensors.sensor_set import SensorSet
from nvml_world import World


@pytest.mark.parametrize(
    "power",
    [["gpu 0 field 185 0 0 247000"], ["gpu 0 field 186 0 0 247000"], ["gpu 0 power_mw 247000"]],
)
def test_a_counter_that_stands_still_gives_way_to_power_within_a_minute(
    world: World, make: Callable[..., SensorSet], clock: Any, log: Any, power: list[str]
) -> None:
    world.set("gpu 0 uuid GPU-a", "gpu 0 energy_mj 123456", "gpu 0 limit_mw 300000", *power)
    sensor_set = make(world.sensor(opened=False))
    sensor_set.read()
    joules = 0.0
    for _ in range(12):
        clock.advance(5)
        joules = sum(step.microjoules for step in sensor_set.read().steps) / 1e6
    assert joules == 247 * 5
    (line,) = [message for _, message, _ in log.lines if "GPU-a" in message]
    assert "never below 247 W" in line


def test_a_counter_that_is_right_stays(
    world: World, make: Callable[..., SensorSet], clock: Any, log: Any
) -> None:
    facts = ["gpu 0 uuid GPU-a", "gpu 0 limit_mw 300000", "gpu 0 field 185 0 0 230000"]
    world.set(*facts, "gpu 0 energy_mj 0")
    sensor_set = make(world.sensor(opened=False))
    for sample in range(1, 31):
        world.set(*facts, f"gpu 0 energy_mj {sample * 200 * 5 * 1000}")
        clock.advance(5)
        steps = sensor_set.read().steps
    assert [step.microjoules for step in steps] == [200 * 5 * 1_000_000]
    assert [message for _, message, _ in log.lines if "GPU-a" in message] == []


def test_a_gpu_that_sleeps_keeps_its_counter(world: World, clock: Any) -> None:
    world.set("gpu 0 uuid GPU-a", "gpu 0 energy_mj 5", "gpu 0 field 185 0 0 0", "gpu 0 power_mw 0")
    sensor = world.sensor()
    for _ in range(30):
        clock.advance(5)
        sensor.read()
    assert sensor.notes == []


def test_a_gpu_without_power_keeps_its_counter(world: World, clock: Any) -> None:
    world.set("gpu 0 uuid GPU-a", "gpu 0 energy_mj 5")
    sensor = world.sensor()
    for _ in range(30):
        clock.advance(5)
        sample = sensor.read()
    assert (sensor.notes, sample.failures) == ([], {})
