"""hwmon drivers through fixture trees of documented layouts."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gramwatt_exporter.errors import NotHere, TryAgain
from gramwatt_exporter.model import Device, EnergyReading, Meter, Sample
from gramwatt_exporter.sensors.bank import Bank
from gramwatt_exporter.sensors.hwmon import Hwmon


@pytest.fixture
def hwmon(sysfs: Callable[[str], Any], clock: Any) -> Callable[..., Hwmon]:
    def build(name: str, **settings: Any) -> Hwmon:
        sensor = Hwmon(str(sysfs(name).root), clock, **settings)
        sensor.open()
        return sensor

    return build


def values(sample: Sample) -> dict[str, int]:
    """Name -> microjoules or microwatts."""
    return {
        r.of.name: r.microjoules if isinstance(r, EnergyReading) else r.microwatts for r in sample.readings
    }


def test_cards_are_devices_by_their_pci_address(hwmon: Callable[..., Hwmon]) -> None:
    sample = hwmon("gpus", idle_watts=9.0).read()
    devices = {r.of.name: r for r in sample.readings if isinstance(r.of, Device)}
    assert {name: values(sample)[name] for name in devices} == {
        "0000:03:00.0": 95_000_000,  # the average, not the momentary value
        "0000:04:00.0": 5_000_000,  # the card, not its package
        "0000:05:00.0": 7_000_000,
    }
    assert isinstance(devices["0000:04:00.0"], EnergyReading)
    assert devices["0000:03:00.0"].of == Device("gpu", "0000:03:00.0", "hwmon", 0.1, 9.0, 300.0)
    assert devices["0000:04:00.0"].of.max_watts == 190.0


def test_parts_and_unknown_chips_are_meters_that_are_never_added(hwmon: Callable[..., Hwmon]) -> None:
    meters = {r.of.name: r.of for r in hwmon("gpus").read().readings if isinstance(r.of, Meter)}
    assert set(meters) == {"apu-0000:0a:00.0", "ina226-VDD-SOC"}  # channel 2 is switched off
    assert meters["apu-0000:0a:00.0"].part_of == "package-0"  # an APU's graphics is inside the package
    assert all(meter.covers == () for meter in meters.values())


def test_grace_is_split_into_package_and_memory(hwmon: Callable[..., Hwmon]) -> None:
    sample = hwmon("grace-hopper").read()
    devices = {r.of.name: values(sample)[r.of.name] for r in sample.readings if isinstance(r.of, Device)}
    assert devices == {"package-0": 210_000_000, "dram-0": 40_000_000}
    assert sum(devices.values()) == values(sample)["grace-0"]
    module = next(r.of for r in sample.readings if r.of.name == "module-0")
    assert isinstance(module, Meter)
    assert module.covers == ()  # contains CPU and GPU, which have meters of their own


def test_grace_rails_that_disagree_never_make_negative_memory(
    sysfs: Callable[[str], Any], clock: Any
) -> None:
    tree = sysfs("grace-hopper")
    tree.write("class/hwmon/hwmon2/device/power1_average", 245_000_000)
    sensor = Hwmon(str(tree.root), clock)
    sensor.open()
    found = values(sensor.read())
    assert (found["package-0"], found["dram-0"]) == (250_000_000, 0)


def test_an_acpi_meter_is_around_the_machine(hwmon: Callable[..., Hwmon]) -> None:
    (reading,) = hwmon("acpi-meter").read().readings
    assert reading.of == Meter("system", "hwmon", None, ("cpu", "dram", "gpu"), 0.04, 20_000.0)


def test_amd_energy_counts_sockets(hwmon: Callable[..., Hwmon]) -> None:
    assert values(hwmon("amd-energy").read()) == {"package-0": 70_000, "package-1": 80_000}


def test_power_becomes_energy_in_the_bank(sysfs: Callable[[str], Any], clock: Any, log: Any) -> None:
    tree = sysfs("gpus")
    bank = Bank([Hwmon(str(tree.root), clock)], clock, log)
    bank.open()
    bank.read()
    clock.advance(2)
    tree.write("class/hwmon/hwmon0/power1_average", 105_000_000)
    tree.write("class/hwmon/hwmon2/energy1_input", 45_000_000)
    steps = {step.device.name: step.microjoules for step in bank.read().steps}
    assert steps == {"0000:03:00.0": 200_000_000, "0000:04:00.0": 40_000_000, "0000:05:00.0": 0}


def test_a_spike_of_power_is_left_out(sysfs: Callable[[str], Any], clock: Any) -> None:
    tree = sysfs("gpus")
    sensor = Hwmon(str(tree.root), clock)
    sensor.open()
    tree.write("class/hwmon/hwmon0/power1_average", 65_535_000_000)
    sample = sensor.read()
    assert sample.failures == {"0000:03:00.0": "implausible"}
    assert "0000:03:00.0" not in values(sample)


@pytest.mark.parametrize("content", ["", "N/A", "-1000"])
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
