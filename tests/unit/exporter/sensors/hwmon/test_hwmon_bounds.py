"""What a chip states bounds what is believed of it, and a counter is compared with what stands beside it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from gramwatt_exporter.sensors.drivers.hwmon.hwmon import Hwmon
from gramwatt_exporter.sensors.sensor_set import SensorSet
from hwmon_boards import WATT, Board, started


def bound(board: Board, clock: Any, driver: str = "xe", **limits: float) -> float | None:
    stated = {name: round(watts * WATT) for name, watts in limits.items()}
    board.chip(3, driver, "0000:03:00.0", energy1_input=0, energy1_label="card", **stated)
    (reading,) = started(board, clock).read().readings
    return reading.of.max_watts


@pytest.mark.parametrize(
    ("limits", "watts"),
    [
        ({"power1_crit": 328}, 328),
        ({"power2_crit": 250}, 250),
        ({"power1_crit": 328, "power1_max": 190, "power2_max": 350}, 350),  # the widest
        ({"power1_crit": 328, "power1_max": 100}, 328),  # lowered by somebody
        ({"power1_max": 100}, 1500),  # and nothing that stays
        ({"power1_rated_max": 75}, 150),
        ({"power1_cap_max": 300, "power1_cap": 120, "power1_cap_default": 250}, 300),
        ({"power1_cap_max": 0, "power1_crit": 0}, 1500),
        ({"power1_crit": 0.001}, 1500),  # a register that nobody filled in
        ({"power1_crit": 65_535, "power1_rated_max": 75}, 150),
        ({}, 1500),
    ],
)
def test_the_widest_limit_that_stays_bounds_a_gpu(
    board: Board, clock: Any, limits: dict[str, Any], watts: float
) -> None:
    assert bound(board, clock, **limits) == watts


@pytest.mark.parametrize("seconds", [1, 5, 10])
def test_a_counter_that_runs_too_fast_is_refused_at_any_interval(
    board: Board, make: Callable[..., SensorSet], clock: Any, seconds: int
) -> None:
    board.chip(3, "xe", "0000:03:00.0", energy1_input=0, energy1_label="card", power1_crit=328 * WATT)
    sensor_set = make(Hwmon(str(board.root), clock))
    sensor_set.read()
    energy, booked = 0, []
    for power in (150, 1500, 150, 3000, 150):
        energy += power * seconds * WATT
        board.write(3, "energy1_input", energy)
        clock.advance(seconds)
        sample = sensor_set.read()
        booked.append([step.microjoules // WATT for step in sample.steps])
    assert booked == [[150 * seconds], [], [150 * seconds], [], [150 * seconds]]
    assert sample.resets == {("gpu", "0000:03:00.0"): 2}


def test_a_card_that_draws_less_than_its_package_is_measured_by_the_package(
    board: Board, make: Callable[..., SensorSet], clock: Any
) -> None:
    board.chip(
        3, "xe", "0000:03:00.0", power1_crit=328 * WATT,
        energy1_label="card", energy1_input=0, energy2_label="pkg", energy2_input=0,
    )  # fmt: skip
    sensor = Hwmon(str(board.root), clock)
    sensor_set = make(sensor)
    sensor_set.read()

    def run(card: int, package: int, seconds: int = 60) -> int:
        total = 0
        for _ in range(0, seconds, 5):
            for channel, power in ((1, card), (2, package)):
                before = int((board.root / f"class/hwmon/hwmon3/energy{channel}_input").read_text())
                board.write(3, f"energy{channel}_input", before + power * 5 * WATT)
            clock.advance(5)
            total += sum(step.microjoules for step in sensor_set.read().steps)
        return total // WATT

    assert run(100, 80) == 100 * 60
    assert run(100, 102) == 100 * 60  # they are not read at one moment
    assert sensor.notes == []
    # What a card draws beside its package is known from the time before.
    assert 60 * 80 <= run(10, 80) <= 60 * 100
    assert len(sensor.notes) == 1
    assert sensor.notes[0].startswith("0000:03:00.0: its energy counter counted")
    later = run(10, 80)
    assert 60 * 80 <= later <= 60 * 100
    for _ in range(30):  # looking at the chips again changes nothing
        assert abs(run(10, 80, 5) - later // 12) <= 1
    assert len(sensor_set.read().sensors[0].failures) == 0


def test_a_card_that_counts_more_than_it_can_draw_is_measured_by_its_package(
    board: Board, make: Callable[..., SensorSet], clock: Any, log: Any
) -> None:
    board.chip(
        3, "xe", "0000:03:00.0", power1_crit=328 * WATT,
        energy1_label="card", energy1_input=0, energy2_label="pkg", energy2_input=10**9,
    )  # fmt: skip
    sensor_set = make(Hwmon(str(board.root), clock))
    sensor_set.read()
    drawn = []
    for step in range(1, 13):
        board.write(3, "energy1_input", step * 5 * 700 * WATT)
        board.write(3, "energy2_input", 10**9 + step * 5 * 70 * WATT)
        clock.advance(5)
        drawn.append(sum(step.microjoules for step in sensor_set.read().steps) // WATT)
    assert drawn[4:] == [350] * 8
    said = [fields for fields in log.lines if "more than the 328 W that its device can draw" in str(fields)]
    assert len(said) == 1


def test_the_counter_that_stands_for_another_is_not_continued_by_it_after_a_restart(
    board: Board, make: Callable[..., SensorSet], clock: Any, log: Any
) -> None:
    """Their totals have nothing to do with each other: the difference was drawn by nobody."""
    board.chip(
        3, "xe", "0000:03:00.0", power1_crit=328 * WATT,
        energy1_label="card", energy1_input=5_000 * WATT, energy2_label="pkg", energy2_input=1_000 * WATT,
    )  # fmt: skip
    sensor_set = make(Hwmon(str(board.root), clock))
    sensor_set.read()
    for step in range(1, 13):
        board.write(3, "energy2_input", (1_000 + step * 5 * 70) * WATT)
        clock.advance(5)
        sample = sensor_set.read()
    assert sample.resets == {}  # to read another counter is no reset
    again = SensorSet([Hwmon(str(board.root), clock)], clock, log)
    again.restore(json.loads(json.dumps(sensor_set.state())))
    again.open()
    clock.advance(60)
    assert again.read().steps == []
    assert again.read().resets == {}


def test_a_gpu_in_use_that_shows_no_power_is_not_believed(
    board: Board, make: Callable[..., SensorSet], clock: Any
) -> None:
    board.chip(3, "amdgpu", "0000:03:00.0", power1_average=0, power1_label="PPT")
    board.chip(4, "amdgpu", "0000:04:00.0", power1_average=0, power1_label="PPT")
    for place in ("0000:03:00.0", "0000:04:00.0"):
        (board.root / "devices" / place).mkdir(parents=True)
    board.write(3, "device/gpu_busy_percent", 90)
    board.write(4, "device/gpu_busy_percent", 0)
    sensor_set = make(Hwmon(str(board.root), clock))
    sensor_set.read()
    clock.advance(5)
    sample = sensor_set.read()
    assert [(step.device.name, step.microjoules) for step in sample.steps] == [("0000:04:00.0", 0)]
    assert sample.sensors[0].failures["garbage"] > 0
    board.write(3, "device/gpu_busy_percent", 0)  # asleep or at rest it may
    clock.advance(5)
    sensor_set.read()
    clock.advance(5)
    assert len(sensor_set.read().steps) == 2


def test_a_chips_counter_that_stands_still_gives_way_to_its_power(
    board: Board, make: Callable[..., SensorSet], clock: Any
) -> None:
    board.chip(3, "ina228", "1-0040", energy1_input=12_345, power1_input=20 * WATT)
    sensor = Hwmon(str(board.root), clock)
    sensor_set = make(sensor)
    sensor_set.read()
    steps = []
    for _ in range(24):
        clock.advance(5)
        steps.append(sum(step.microjoules for step in sensor_set.read().meters) // WATT)
    assert steps[-12:] == [100] * 12
    assert len(sensor.notes) == 1
    assert "power1_input" in sensor.notes[0]
