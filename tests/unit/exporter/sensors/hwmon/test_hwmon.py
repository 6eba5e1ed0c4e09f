"""hwmon drivers through fixture trees of documented layouts."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gramwatt_exporter.errors import NotHere, TryAgain
from gramwatt_exporter.model import Device, EnergyReading, Meter
from gramwatt_exporter.sensors.drivers.hwmon.hwmon import Hwmon
from gramwatt_exporter.sensors.sensor_set import SensorSet
from hwmon_boards import (
    WATT,
    Board,
    values,
)


def test_cards_are_devices_by_their_pci_address(hwmon: Callable[..., Hwmon]) -> None:
    sample = hwmon("gpus", idle_watts=9.0).read()
    devices = {r.of.name: r for r in sample.readings if isinstance(r.of, Device) and r.of.component == "gpu"}
    assert {name: values(sample)[name] for name in devices} == {
        "0000:03:00.0": 95_000_000,  # the average, not the momentary value
        "0000:04:00.0": 5_000_000,  # the card, not its package
        "0000:05:00.0": 7_000_000,
    }
    assert isinstance(devices["0000:04:00.0"], EnergyReading)
    assert devices["0000:03:00.0"].of == Device("gpu", "0000:03:00.0", "hwmon", 0.1, 9.0, 300.0)
    # Not the limit that is set (190 W, it may be raised), nor the rated power alone (75 W, a limit may be above it).
    assert devices["0000:04:00.0"].of.max_watts == 1500.0
    assert devices["0000:05:00.0"].of.max_watts == 150.0


def test_parts_and_unknown_chips_are_meters_that_are_never_added(hwmon: Callable[..., Hwmon]) -> None:
    meters = {r.of.name: r.of for r in hwmon("gpus").read().readings if isinstance(r.of, Meter)}
    assert set(meters) == {"apu-0000:0a:00.0", "ina226-VDD-SOC"}  # channel 2 is switched off
    assert meters["apu-0000:0a:00.0"].part_of == "package-0"  # an APU's graphics is inside the package
    assert all(meter.covers == () for meter in meters.values())


def test_an_acpi_meter_is_around_the_machine(hwmon: Callable[..., Hwmon]) -> None:
    (reading,) = hwmon("acpi-meter").read().readings
    assert reading.of == Meter("system", "hwmon", None, ("cpu", "dram", "gpu"), 0.04, 20_000.0)


@pytest.mark.parametrize(
    ("stated", "ratio"),
    [
        ("90.0%", 0.1),  # an accuracy, not an error
        ("98.500%", 0.015),
        ("95.50%", 0.0495),  # thousandths without leading zeros: 95.050 %
        ("100.0%", 0.1),  # no meter is without error: firmware that does not know
        ("1.500%", 0.015),  # meant as an error: no meter is right to one hundredth
        ("0.0%", 0.1),
        ("", 0.1),
        ("good", 0.1),
    ],
)
def test_one_sigma_of_an_acpi_meter_is_what_its_accuracy_lacks(
    sysfs: Callable[[str], Any], clock: Any, stated: str, ratio: float
) -> None:
    tree = sysfs("acpi-meter")
    tree.write("class/hwmon/hwmon0/device/power1_accuracy", stated)
    sensor = Hwmon(str(tree.root), clock)
    sensor.open()
    (reading,) = sensor.read().readings
    assert reading.of.uncertainty_ratio == pytest.approx(ratio)


def test_amd_energy_counts_sockets(hwmon: Callable[..., Hwmon]) -> None:
    assert values(hwmon("amd-energy").read()) == {"package-0": 70_000, "package-1": 80_000}


def test_power_becomes_energy_in_the_sensor_set(sysfs: Callable[[str], Any], clock: Any, log: Any) -> None:
    tree = sysfs("gpus")
    sensor_set = SensorSet([Hwmon(str(tree.root), clock)], clock, log)
    sensor_set.open()
    sensor_set.read()
    clock.advance(2)
    tree.write("class/hwmon/hwmon0/power1_average", 105_000_000)
    tree.write("class/hwmon/hwmon2/energy1_input", 45_000_000)
    steps = {
        step.device.name: step.microjoules
        for step in sensor_set.read().steps
        if step.device.component == "gpu"
    }
    assert steps == {"0000:03:00.0": 200_000_000, "0000:04:00.0": 40_000_000, "0000:05:00.0": 0}


@pytest.mark.parametrize("value", [65_535 * WATT, -1])
def test_power_that_cannot_be_is_a_reset_with_nothing_booked_on_both_sides(
    board: Board, make: Callable[..., SensorSet], clock: Any, value: int
) -> None:
    board.chip(1, "amdgpu", "0000:03:00.0", power1_average=100 * WATT, power1_cap_max=300 * WATT)
    sensor_set = make(Hwmon(str(board.root), clock))
    sensor_set.read()
    booked = []
    for power in (100 * WATT, value, 100 * WATT, 100 * WATT):
        board.write(1, "power1_average", power)
        clock.advance(5)
        sample = sensor_set.read()
        booked.append([step.microjoules for step in sample.steps])
    assert booked == [[500 * WATT], [], [], [500 * WATT]]
    assert sample.resets == {("gpu", "0000:03:00.0"): 1}
    assert sample.sensors[0].failures == {}


def test_a_limit_that_is_raised_refuses_nothing(
    board: Board, make: Callable[..., SensorSet], clock: Any
) -> None:
    board.chip(1, "xe", "0000:03:00.0", energy1_input=0, power1_max=60 * WATT)
    sensor_set = make(Hwmon(str(board.root), clock))
    sensor_set.read()
    board.write(1, "power1_max", 190 * WATT)
    for second in range(5, 65, 5):
        clock.advance(5)
        board.write(1, "energy1_input", second * 150 * WATT)
        assert [step.microjoules for step in sensor_set.read().steps] == [5 * 150 * WATT]


@pytest.mark.parametrize("content", ["", "N/A", "-"])
def test_garbage_fails_that_channel_only(sysfs: Callable[[str], Any], clock: Any, content: str) -> None:
    tree = sysfs("gpus")
    sensor = Hwmon(str(tree.root), clock)
    sensor.open()
    tree.write("class/hwmon/hwmon0/power1_average", content)
    sample = sensor.read()
    assert sample.failures == {"0000:03:00.0": "garbage"}
    assert "0000:04:00.0" in values(sample)


def test_chips_without_power_are_normal(tmp_path: Path, clock: Any) -> None:
    with pytest.raises(NotHere):
        Hwmon(str(tmp_path), clock).open()
    chip = tmp_path / "class/hwmon/hwmon0"
    chip.mkdir(parents=True)
    (chip / "name").write_text("k10temp\n")
    with pytest.raises(NotHere, match="no energy or power channel"):
        Hwmon(str(tmp_path), clock).open()


def test_a_driver_that_goes_away(sysfs: Callable[[str], Any], clock: Any) -> None:
    tree = sysfs("acpi-meter")
    sensor = Hwmon(str(tree.root), clock)
    sensor.open()
    tree.write("class/hwmon/hwmon0/device/power1_average", "gone")
    with pytest.raises(TryAgain):
        sensor.read()
    shutil.rmtree(tree.root / "class")
    with pytest.raises(NotHere):
        sensor.read()
