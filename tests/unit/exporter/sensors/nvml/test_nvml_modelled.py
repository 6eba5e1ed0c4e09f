"""A GPU that shows neither energy nor power: its board's limit times its use, marked as an estimate."""

from __future__ import annotations

import pytest
from gramwatt_exporter.model import Device, Sample
from nvml_world import World, drawn

IDLE, BUSY = 0.12, 0.8  # shares of the limit


def device(sample: Sample, name: str) -> Device:
    (found,) = [reading.of for reading in sample.readings if reading.of.name == name]
    assert isinstance(found, Device)
    return found


@pytest.mark.parametrize(("percent", "share"), [(0, IDLE), (100, BUSY), (50, (IDLE + BUSY) / 2)])
def test_the_limit_times_its_use(world: World, percent: int, share: float) -> None:
    world.set("gpu 0 uuid GPU-a", "gpu 0 limit_mw 200000", f"gpu 0 gauge {percent} 0 0", "gpu 0 util_error 3")
    sensor = world.sensor()
    first = sensor.read()
    world.clock.advance(1)
    assert drawn(first, sensor.read()) == {"GPU-a": pytest.approx(200_000_000 * share)}


def test_it_is_marked_and_wide(world: World) -> None:
    world.set("gpu 0 uuid GPU-a", "gpu 0 limit_mw 200000", "gpu 0 gauge 30 0 0", "gpu 0 util_error 3")
    sensor = world.sensor()
    for _ in range(3):
        found = device(sensor.read(), "GPU-a")
        assert (found.source, found.uncertainty_ratio) == ("estimate", 0.4)
        world.clock.advance(1)
    assert "modelled by its board's limit and its use" in sensor.notes[0]


@pytest.mark.parametrize("facts", [[], ["gpu 0 gauge 30 0 0"], ["gpu 0 limit_mw 200000"]])
def test_without_both_of_them_nothing_is_made_up(world: World, facts: list[str]) -> None:
    world.set("gpu 0 uuid GPU-a", "gpu 1 uuid GPU-b", "gpu 1 energy_mj 5", *facts)
    sensor = world.sensor()
    assert {reading.of.name for reading in sensor.read().readings} == {"GPU-b"}
    assert "not measured" in sensor.notes[0]


def test_a_gpu_that_measures_is_never_modelled(world: World) -> None:
    world.set(
        "gpu 0 uuid GPU-a",
        "gpu 0 power_mw 90000",
        "gpu 0 limit_mw 200000",
        "gpu 0 util_error 3",
        "gpu 0 gauge 99 0 0",
    )
    sensor = world.sensor()
    first = sensor.read()
    world.clock.advance(1)
    second = sensor.read()
    assert drawn(first, second) == {"GPU-a": 90_000_000}
    assert device(second, "GPU-a").source == "nvml"
