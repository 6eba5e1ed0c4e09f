"""hwmon chips of one kind, that come later, or that stand elsewhere than before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from descriptors import open_below
from gramwatt_exporter.errors import TryAgain
from gramwatt_exporter.sensors.drivers.hwmon.hwmon import Hwmon
from gramwatt_exporter.sensors.sensor_set import SensorSet
from hwmon_boards import (
    WATT,
    Board,
    joules,
    power_supply,
    readings_of,
    started,
    unloaded,
    values,
)


def test_chips_of_one_kind_are_told_apart_by_their_devices(board: Board, clock: Any) -> None:
    board.chip(3, "dps920ab", "7-0059", power1_input=300_000_000, power1_label="pin")
    board.chip(4, "dps920ab", "7-0058", power1_input=100_000_000, power1_label="pin", power2_input=1)
    board.chip(5, "ina226", "7-0040", power1_input=3_000_000)
    assert values(started(board, clock).read()) == {
        "dps920ab-pin-7-0059": 300_000_000,
        "dps920ab-pin-7-0058": 100_000_000,
        "dps920ab-power2": 1,  # nothing else is named so
        "ina226-power1": 3_000_000,
    }


def test_chips_without_a_device_are_told_apart_by_their_numbers(
    board: Board, make: Callable[..., SensorSet], clock: Any
) -> None:
    board.chip(3, "aem", energy1_input=1_000_000_000)
    board.chip(4, "aem", energy1_input=900_000_000_000)
    sensor_set = make(Hwmon(str(board.root), clock))
    sensor_set.read()
    clock.advance(5)
    board.write(3, "energy1_input", 1_000_000_000 + 35)
    board.write(4, "energy1_input", 900_000_000_000 + 55)
    sample = sensor_set.read()
    steps = {step.meter.name: step.microjoules for step in sample.meters}
    assert steps == {"aem-energy1-hwmon3": 35, "aem-energy1-hwmon4": 55}
    assert sample.resets == {}
    assert all(step.meter.max_watts == 20_000.0 for step in sample.meters)


def test_channels_of_one_chip_with_one_label_are_told_apart(board: Board, clock: Any) -> None:
    board.chip(0, "ina3221", "1-0040", power1_input=1, power1_label="VDD", power2_input=2, power2_label="VDD")
    assert values(started(board, clock).read()) == {
        "ina3221-VDD-1-0040": 1,
        "ina3221-VDD-1-0040-power2": 2,
    }


def test_sockets_of_fam15h_power_are_numbered_by_their_addresses(board: Board, clock: Any) -> None:
    board.chip(1, "fam15h_power", "0000:00:1a.4", power1_input=90_000_000)
    board.chip(2, "fam15h_power", "0000:00:18.4", power1_input=40_000_000)
    assert values(started(board, clock).read()) == {"package-0": 40_000_000, "package-1": 90_000_000}


# --- what comes later, or elsewhere


def test_a_driver_loaded_later_is_found_within_a_minute(
    board: Board, make: Callable[..., SensorSet], clock: Any
) -> None:
    board.chip(1, "power_meter", power1_average=200_000_000)
    board.chip(2, "aem", energy1_input=0)
    sensor_set = make(Hwmon(str(board.root), clock))
    sensor_set.read()
    board.chip(3, "amdgpu", "0000:03:00.0", power1_average=150_000_000)
    board.chip(4, "aem", energy1_input=5)
    meters: Counter[str] = Counter()
    gpu = 0
    for second in range(5, 125, 5):
        clock.advance(5)
        board.write(2, "energy1_input", second * 7)
        sample = sensor_set.read()
        assert sample.sensors[0].failures == {}
        meters.update({step.meter.name: step.microjoules for step in sample.meters})
        gpu += sum(step.microjoules for step in sample.steps if step.device.name == "0000:03:00.0")
    # What was there kept its name, and not one microjoule is missing.
    assert meters == {"aem-energy1": 120 * 7, "acpi-hwmon1": 120 * 200_000_000, "aem-energy1-hwmon4": 0}
    assert gpu >= 55 * 150_000_000


@pytest.mark.parametrize("dead", [True, False])
def test_a_driver_loaded_again_is_found_under_its_new_number(board: Board, clock: Any, dead: bool) -> None:
    board.chip(1, "power_meter", power1_average=200_000_000)
    board.chip(3, "amdgpu", "0000:03:00.0", power1_average=150_000_000)
    sensor = started(board, clock)
    assert values(sensor.read()) == {"acpi-hwmon1": 200_000_000, "0000:03:00.0": 150_000_000}
    board.move(3, to=5)
    board.write(5, "power1_average", 160_000_000)
    if dead:
        unloaded(sensor, "0000:03:00.0")
        assert sensor.read().failures == {"0000:03:00.0": "lost"}
    assert readings_of(sensor, clock) == {"acpi-hwmon1": 200_000_000, "0000:03:00.0": 160_000_000}


def test_a_number_that_another_chip_has_now_is_not_read_for_the_former_one(board: Board, clock: Any) -> None:
    board.chip(1, "power_meter", power1_average=200_000_000)
    board.chip(3, "amdgpu", "0000:03:00.0", power1_average=33_000_000)
    board.chip(4, "amdgpu", "0000:04:00.0", power1_average=44_000_000)
    sensor = started(board, clock)
    before = values(sensor.read())
    board.move(3, to=9)
    board.move(4, to=3)
    board.move(9, to=4)
    unloaded(sensor, "0000:03:00.0", "0000:04:00.0")
    sample = sensor.read()
    assert sample.failures == {"0000:03:00.0": "lost", "0000:04:00.0": "lost"}
    assert values(sample) == {"acpi-hwmon1": 200_000_000}
    assert readings_of(sensor, clock) == before


def test_another_chip_under_the_same_number_is_found(
    board: Board, make: Callable[..., SensorSet], clock: Any
) -> None:
    board.chip(1, "power_meter", "ACPI000D:00", power1_average=200 * WATT)
    board.chip(2, "nouveau", "0000:03:00.0", temp1_input=40_000)
    sensor_set = make(Hwmon(str(board.root), clock))
    sensor_set.read()
    board.remove(2)  # the kernel gives the lowest free number
    board.chip(2, "amdgpu", "0000:04:00.0", power1_average=150 * WATT)
    assert joules(sensor_set, clock, 24)["0000:04:00.0 of hwmon"] >= 55 * 150


@pytest.mark.parametrize("seconds", [0, 40, 400])
def test_the_only_chip_keeps_its_name_however_long_its_driver_is_away(
    board: Board, make: Callable[..., SensorSet], clock: Any, seconds: int
) -> None:
    board.chip(2, "power_meter", "ACPI000D:00", power1_average=200 * WATT)
    sensor = Hwmon(str(board.root), clock)
    sensor_set = make(sensor)
    sensor_set.read()
    assert joules(sensor_set, clock, 12) == {"acpi-hwmon2 of hwmon": 200 * 60}
    unloaded(sensor, "acpi-hwmon2")
    aside = board.root / "aside"
    (board.root / "class/hwmon/hwmon2").rename(aside)
    joules(sensor_set, clock, seconds // 5)
    aside.rename(board.root / "class/hwmon/hwmon5")
    booked = joules(sensor_set, clock, 36)
    assert set(booked) == {"acpi-hwmon2 of hwmon"}
    assert booked["acpi-hwmon2 of hwmon"] >= 110 * 200


def test_a_sensor_that_is_opened_again_finds_what_is_there_now(board: Board, clock: Any) -> None:
    board.chip(1, "ina226", "1-0040", power1_input=1)
    board.chip(2, "ina226", "1-0041", power1_input=2)
    sensor = started(board, clock)
    before = values(sensor.read())
    sensor.close()
    board.move(1, to=7)
    board.move(2, to=1)
    sensor.open()
    sample = sensor.read()
    assert (values(sample), sample.failures) == (before, {})


def test_chips_keep_their_names_when_one_of_them_comes_back(board: Board, clock: Any) -> None:
    board.chip(1, "ina226", "1-0040", power1_input=1)
    board.chip(3, "aem", energy1_input=3)
    sensor = started(board, clock)
    board.chip(2, "ina226", "1-0041", power1_input=2)
    assert readings_of(sensor, clock) == {"ina226-power1": 1, "aem-energy1": 3, "ina226-power1-1-0041": 2}
    board.move(1, to=5)
    board.move(3, to=7)  # it has no device to be known by, but it is the only one of its driver
    unloaded(sensor, "ina226-power1", "aem-energy1")
    assert readings_of(sensor, clock) == {"ina226-power1": 1, "aem-energy1": 3, "ina226-power1-1-0041": 2}


def test_what_cannot_be_opened_is_said_and_tried_again(board: Board, clock: Any) -> None:
    board.chip(1, "ina226", "1-0040", power1_input=1)
    board.chip(2, "ina238", "1-0041")
    link = board.root / "class/hwmon/hwmon2/power1_input"
    link.symlink_to(board.root / "nowhere")
    sensor = started(board, clock)
    sample = sensor.read()
    assert (values(sample), sample.failures) == ({"ina226-power1": 1}, {"ina238-power1": "lost"})
    link.unlink()
    board.write(2, "power1_input", 2)
    assert readings_of(sensor, clock) == {"ina226-power1": 1, "ina238-power1": 2}


@pytest.mark.slow
def test_looking_again_leaves_no_descriptor_open(board: Board, clock: Any) -> None:
    board.chip(1, "power_meter", power1_average=1)
    board.chip(2, "amdgpu", "0000:03:00.0", power1_average=2)
    sensor = started(board, clock)
    for number in range(2, 6):
        board.move(number, to=number + 1)
        unloaded(sensor, "0000:03:00.0")
        assert len(readings_of(sensor, clock)) == 2
        assert len(open_below(board.root)) == 2
    board.remove(6)
    unloaded(sensor, "0000:03:00.0")
    clock.advance(300)
    assert sensor.read().failures == {"0000:03:00.0": "lost"}
    sensor.close()
    assert open_below(board.root) == []


# --- what is numbered anew each time, and what never comes back


@pytest.mark.slow
def test_an_hid_device_keeps_its_names_each_time_it_is_plugged_in(board: Board, clock: Any) -> None:
    power_supply(board, 5, plugged=1)
    sensor = started(board, clock)
    before = values(sensor.read())
    assert set(before) == {"corsairpsu-power-total", "corsairpsu-power-12v", "corsairpsu-power-5v"}
    for plugged in range(2, 32):
        unloaded(sensor, *before)
        board.remove(5 + plugged % 2 if plugged > 2 else 5)
        power_supply(board, 6 - plugged % 2, plugged)
        clock.advance(60)
        try:
            sensor.read()
        except TryAgain:
            sensor.open()
        assert readings_of(sensor, clock) == before


def test_hid_devices_of_one_model_are_told_apart(board: Board, clock: Any) -> None:
    power_supply(board, 5, plugged=7)
    power_supply(board, 6, plugged=8)
    sensor = started(board, clock)
    before = set(values(sensor.read()))
    assert len(before) == 6
    board.remove(6)
    unloaded(sensor, *(c.of.name for c in sensor._channels if c.path.parent.name == "hwmon6"))
    clock.advance(120)
    assert len(sensor.read().failures) == 3
    power_supply(board, 9, plugged=9)
    assert set(readings_of(sensor, clock)) == before


@pytest.mark.slow
def test_names_are_kept_for_a_bounded_number_of_channels_for_a_day(board: Board, clock: Any) -> None:
    board.chip(1, "ina226", "1-0040", power1_input=1)
    sensor = started(board, clock)
    descriptors = len(open_below(board.root))
    for plugged in range(100):  # on an adapter whose bus has another number each time
        board.chip(2, "ina238", f"{plugged + 7}-0041", power1_input=2)
        clock.advance(65)
        sensor.read()
        unloaded(sensor, *(c.of.name for c in sensor._channels if c.chip.driver == "ina238" and c.fd >= 0))
        board.remove(2)
        clock.advance(65)
        sample = sensor.read()
        assert values(sample) == {"ina226-power1": 1}
    assert 60 <= len(sample.failures) <= 65
    clock.advance(86_500)
    sensor.read()
    assert sensor.read().failures == {}
    assert len(open_below(board.root)) == descriptors == 1
