"""AMD GPUs through a stand-in for the amdsmi package, found on sys.path as the real one is."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gramwatt_exporter.errors import NotHere, TryAgain
from gramwatt_exporter.model import EnergyReading, PowerReading, Reading
from gramwatt_exporter.sensors.amdsmi import AmdSmi

STAND_IN = Path(__file__).parents[3] / "fixtures" / "amdsmi"
ADDRESS = "0000:03:00.0"


class World:
    def __init__(self, file: Path, clock: Any) -> None:
        self.file = file
        self.clock = clock

    def set(self, *gpus: dict[str, Any], init: int | None = None) -> None:
        self.file.write_text(json.dumps({"init": init, "gpus": [{"bdf": ADDRESS, **gpu} for gpu in gpus]}))

    def sensor(self, **settings: Any) -> AmdSmi:
        sensor = AmdSmi(self.clock, **settings)
        sensor.open()
        return sensor


@pytest.fixture
def world(tmp_path: Path, clock: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.syspath_prepend(str(STAND_IN))
    monkeypatch.setenv("AMDSMI_STAND_IN_SCENARIO", str(tmp_path / "scenario"))
    yield World(tmp_path / "scenario", clock)
    sys.modules.pop("amdsmi", None)


def only(sensor: AmdSmi) -> Reading:
    (reading,) = sensor.read().readings
    return reading


@pytest.mark.parametrize("old", [False, True])
def test_the_energy_counter_in_its_own_resolution(world: World, old: bool) -> None:
    world.set({"energy": 1_000_000, "resolution": 15.3, "power": 95, "cap": 300_000_000, "old": old})
    reading = only(world.sensor(idle_watts=12.0))
    assert isinstance(reading, EnergyReading)
    assert reading.microjoules == 15_300_000
    assert (reading.of.name, reading.of.max_watts) == (ADDRESS, 300.0)


def test_limits_in_watts_or_microwatts(world: World) -> None:
    world.set({"energy": 1, "cap": 750})
    assert only(world.sensor()).of.max_watts == 750
    world.set({"energy": 1})
    assert only(world.sensor()).of.max_watts == 1500


def test_power_where_there_is_no_counter(world: World) -> None:
    world.set({"power": 95})
    reading = only(world.sensor())
    assert isinstance(reading, PowerReading)
    assert reading.microwatts == 95_000_000


@pytest.mark.parametrize(
    ("joules_a_second", "believed"), [(100, True), (80, True), (0, False), (1500, False)]
)
def test_a_counter_that_disagrees_with_power_is_dropped(
    world: World, clock: Any, joules_a_second: int, believed: bool
) -> None:
    sensor = None
    for second in range(15):
        world.set({"energy": second * joules_a_second * 1_000_000, "power": 100})
        sensor = sensor or world.sensor()
        reading = only(sensor)
        clock.advance(1)
    assert isinstance(reading, EnergyReading) is believed
    assert bool(sensor and sensor.notes) is not believed


def test_use_is_time_on_the_engines_since_the_last_read(world: World, clock: Any) -> None:
    def at(*processes: tuple[int, int]) -> None:
        world.set({"energy": 1, "processes": [{"pid": pid, "gfx": gfx} for pid, gfx in processes]})

    at((7, 1000), (8, 0))
    sensor = world.sensor()
    (use,) = sensor.read().uses
    assert use.weights == {}  # what they did before is not of this energy
    assert use.holders == {7, 8}
    clock.advance(1)
    at((7, 1300), (8, 100), (9, 50))
    (use,) = sensor.read().uses
    assert (use.weights, use.method) == ({7: 300, 8: 100}, "utilisation")


def test_a_process_number_used_again_never_weighs_less_than_nothing(world: World, clock: Any) -> None:
    world.set({"energy": 1, "processes": [{"pid": 7, "gfx": 5000}, {"pid": 8, "gfx": 100}]})
    sensor = world.sensor()
    sensor.read()
    clock.advance(1)
    world.set({"energy": 1, "processes": [{"pid": 7, "gfx": 10}, {"pid": 8, "gfx": 150}]})
    (use,) = sensor.read().uses
    assert use.weights == {8: 50}


def test_without_engine_times_the_only_holder_or_nobody(world: World) -> None:
    world.set({"energy": 1, "processes": [{"pid": 7}]})
    (use,) = world.sensor().read().uses
    assert (use.weights, use.method) == ({7: 1}, "holder")
    world.set({"energy": 1, "processes": [{"pid": 7}, {"pid": 8}]})
    (use,) = world.sensor().read().uses
    assert (use.weights, use.method) == ({}, "none")


def test_one_broken_gpu(world: World) -> None:
    world.set({"energy": 1}, {"bdf": "0000:04:00.0", "energy": 2})
    sensor = world.sensor()
    world.set({"energy": 1, "error": 30}, {"bdf": "0000:04:00.0", "energy": 2})
    sample = sensor.read()
    assert [reading.of.name for reading in sample.readings] == ["0000:04:00.0"]
    assert sample.failures == {ADDRESS: "error"}
    world.set({"error": 30}, {"error": 30})
    with pytest.raises(TryAgain):
        sensor.read()


def test_a_driver_that_is_not_ready_and_a_machine_without_gpus(world: World) -> None:
    world.set({"energy": 1}, init=34)
    with pytest.raises(TryAgain):
        world.sensor()
    world.set()
    with pytest.raises(NotHere, match="no AMD GPU"):
        world.sensor()


def test_without_the_package_it_is_absent(clock: Any) -> None:
    import importlib.util

    if importlib.util.find_spec("amdsmi") is not None:
        pytest.skip("the real amdsmi is installed here")
    with pytest.raises(NotHere, match="not installed"):
        AmdSmi(clock).open()
