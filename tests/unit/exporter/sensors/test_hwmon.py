"""hwmon drivers through fixture trees of documented layouts."""

from __future__ import annotations

import os
import shutil
from collections import Counter
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


def test_a_rail_of_grace_that_is_unknown_is_no_power(sysfs: Callable[[str], Any], clock: Any) -> None:
    """ACPI's "unknown", all bits set, was shown as 4.29 MW before Linux 6.13."""
    tree = sysfs("grace-hopper")
    tree.write("class/hwmon/hwmon2/device/power1_average", 0xFFFFFFFF * 1000)
    sensor = Hwmon(str(tree.root), clock)
    sensor.open()
    sample = sensor.read()
    assert sample.failures == {"cpu-0": "implausible"}
    assert max(values(sample).values()) < 1_000_000_000


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


# --- several chips of one kind


class Board:
    """A /sys with any chips: ``chip`` makes one, ``move`` is what loading its driver again does."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def chip(self, number: int, driver: str, device: str = "", **files: object) -> None:
        folder = self.root / f"class/hwmon/hwmon{number}"
        folder.mkdir(parents=True)
        (folder / "name").write_text(f"{driver}\n")
        if device:
            (folder / "device").symlink_to(self.root / "devices" / device)
        for name, value in files.items():
            self.write(number, name, value)

    def write(self, number: int, name: str, value: object) -> None:
        (self.root / f"class/hwmon/hwmon{number}/{name}").write_text(f"{value}\n")

    def remove(self, *numbers: int) -> None:
        for number in numbers:
            shutil.rmtree(self.root / f"class/hwmon/hwmon{number}")

    def move(self, number: int, to: int) -> None:
        (self.root / f"class/hwmon/hwmon{number}").rename(self.root / f"class/hwmon/hwmon{to}")


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return Board(tmp_path / "sys")


def started(board: Board, clock: Any) -> Hwmon:
    sensor = Hwmon(str(board.root), clock)
    sensor.open()
    return sensor


def unloaded(sensor: Hwmon, *names: str) -> None:
    """What removing a driver does to its open files: every read fails."""
    dead = os.open("/", os.O_RDONLY)
    for channel in sensor._channels:
        if channel.of.name in names:
            os.dup2(dead, channel.fd)
    os.close(dead)


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
    board: Board, make: Callable[..., Bank], clock: Any
) -> None:
    board.chip(3, "aem", energy1_input=1_000_000_000)
    board.chip(4, "aem", energy1_input=900_000_000_000)
    bank = make(Hwmon(str(board.root), clock))
    bank.read()
    clock.advance(5)
    board.write(3, "energy1_input", 1_000_000_000 + 35)
    board.write(4, "energy1_input", 900_000_000_000 + 55)
    sample = bank.read()
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


def readings_of(sensor: Hwmon, clock: Any, minutes: float = 1.5) -> dict[str, int]:
    """Read every 5 s for so long; what is there at the end."""
    for _ in range(round(minutes * 12)):
        clock.advance(5)
        sample = sensor.read()
    assert sample.failures == {}
    return values(sample)


def test_a_driver_loaded_later_is_found_within_a_minute(
    board: Board, make: Callable[..., Bank], clock: Any
) -> None:
    board.chip(1, "power_meter", power1_average=200_000_000)
    board.chip(2, "aem", energy1_input=0)
    bank = make(Hwmon(str(board.root), clock))
    bank.read()
    board.chip(3, "amdgpu", "0000:03:00.0", power1_average=150_000_000)
    board.chip(4, "aem", energy1_input=5)
    meters: Counter[str] = Counter()
    gpu = 0
    for second in range(5, 125, 5):
        clock.advance(5)
        board.write(2, "energy1_input", second * 7)
        sample = bank.read()
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
    clock.advance(5)
    assert values(sensor.read()) == {"ina226-power1": 1, "ina238-power1": 2}


def test_looking_again_leaves_no_descriptor_open(board: Board, clock: Any) -> None:
    board.chip(1, "power_meter", power1_average=1)
    board.chip(2, "amdgpu", "0000:03:00.0", power1_average=2)
    before = len(list(Path("/proc/self/fd").iterdir()))
    sensor = started(board, clock)
    for number in range(2, 6):
        board.move(number, to=number + 1)
        unloaded(sensor, "0000:03:00.0")
        assert len(readings_of(sensor, clock)) == 2
        assert len(list(Path("/proc/self/fd").iterdir())) == before + 2
    board.remove(6)
    unloaded(sensor, "0000:03:00.0")
    clock.advance(300)
    assert sensor.read().failures == {"0000:03:00.0": "lost"}
    sensor.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
