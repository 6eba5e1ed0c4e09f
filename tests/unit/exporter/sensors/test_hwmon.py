"""hwmon drivers through fixture trees of documented layouts."""

from __future__ import annotations

import ctypes
import os
import shutil
import struct
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from gramwatt_exporter.errors import NotHere, TryAgain
from gramwatt_exporter.model import Device, EnergyReading, Meter, Sample
from gramwatt_exporter.sensors.bank import Bank
from gramwatt_exporter.sensors.hwmon import Hwmon
from scripted_sensor import Scripted


@pytest.fixture
def hwmon(sysfs: Callable[[str], Any], clock: Any) -> Callable[..., Hwmon]:
    def build(name: str, **settings: Any) -> Hwmon:
        sensor = Hwmon(str(sysfs(name).root), clock, **settings)
        sensor.open()
        return sensor

    return build


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
    # Not the limit that is set (190 W, it may be raised), nor the rated power alone (75 W, a limit may be above it).
    assert devices["0000:04:00.0"].of.max_watts == 1500.0
    assert devices["0000:05:00.0"].of.max_watts == 150.0


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


RAILS = {"grace": "hwmon1", "cpu": "hwmon2", "sysio": "hwmon3"}
WATT = 1_000_000


def set_rail(tree: Any, rail: str, value: object) -> None:
    tree.write(f"class/hwmon/{RAILS[rail]}/device/power1_average", value)


def joules(bank: Bank, clock: Any, samples: int) -> Counter[str]:
    """What the bank books in so many samples, 5 s apart, by device."""
    total: Counter[str] = Counter()
    for _ in range(samples):
        clock.advance(5)
        for step in bank.read().steps:
            total[f"{step.device.name} of {step.device.source}"] += step.microjoules
    return Counter({name: microjoules // 1_000_000 for name, microjoules in total.items()})


@pytest.mark.parametrize("rail", ["grace", "cpu", "sysio"])
@pytest.mark.parametrize("samples", [1, 4])
def test_a_rail_of_grace_that_fails_for_a_moment_changes_no_sum(
    sysfs: Callable[[str], Any], make: Callable[..., Bank], clock: Any, rail: str, samples: int
) -> None:
    tree = sysfs("grace-hopper")
    bank = make(Hwmon(str(tree.root), clock))
    bank.read()
    was = {"grace": 250, "cpu": 150, "sysio": 60}[rail] * WATT
    booked = joules(bank, clock, 5)
    set_rail(tree, rail, "N/A")
    booked += joules(bank, clock, samples)
    set_rail(tree, rail, was)
    booked += joules(bank, clock, 5)
    seconds = (10 + samples) * 5
    assert booked == {"package-0 of hwmon": 210 * seconds, "dram-0 of hwmon": 40 * seconds}


@pytest.mark.parametrize("rail", ["grace", "cpu", "sysio"])
def test_memory_of_grace_is_never_counted_twice_while_a_rail_fails(
    sysfs: Callable[[str], Any], make: Callable[..., Bank], clock: Any, rail: str
) -> None:
    tree = sysfs("grace-hopper")
    estimate = Scripted("estimate", clock)
    memory, package = Device("dram", "dram-0", "estimate", 0.5), Device("cpu", "package-0", "estimate", 0.5)
    estimate.power = {memory: 40 * WATT, package: 210 * WATT}  # as good as it can be: what is missing shows
    bank = make(Hwmon(str(tree.root), clock), estimate)
    bank.read()
    set_rail(tree, rail, "N/A")
    booked = joules(bank, clock, 60)
    # A minute of what is not known is held for the rail to come back, no more.
    assert 40 * 235 <= booked["dram-0 of estimate"] <= 40 * 240
    assert booked["dram-0 of hwmon"] == 0
    if rail == "grace":
        assert booked["package-0 of hwmon"] == 210 * 300  # the rails of the package go on
    else:
        assert 210 * 235 <= booked["package-0 of estimate"] <= 210 * 240


def test_grace_without_a_rail_counts_the_socket_as_the_package(
    sysfs: Callable[[str], Any], clock: Any
) -> None:
    tree = sysfs("grace-hopper")
    shutil.rmtree(tree.root / "class/hwmon/hwmon3")
    sensor = Hwmon(str(tree.root), clock)
    sensor.open()
    found = {
        r.of.name: values(Sample([r]))[r.of.name] for r in sensor.read().readings if isinstance(r.of, Device)
    }
    assert found == {"package-0": 250 * WATT}


def test_the_module_of_grace_is_no_device_and_may_draw_what_its_gpus_do(
    board: Board, make: Callable[..., Bank], clock: Any
) -> None:
    board.chip(
        1,
        "power_meter",
        "ACPI000D:00",
        power1_average=2_700 * WATT,  # a CPU and two GPUs of 1.2 kW
        power1_oem_info="Module Power Socket 0",
    )
    bank = make(Hwmon(str(board.root), clock))
    bank.read()
    clock.advance(5)
    sample = bank.read()
    assert {step.meter.name: step.microjoules for step in sample.meters} == {"module-0": 13_500 * WATT}
    assert sample.steps == []


# ACPI's "unknown", all bits set, was shown as 4.29 MW before Linux 6.13.
@pytest.mark.parametrize("value", [0xFFFFFFFF * 1000, -1])
@pytest.mark.parametrize("rail", ["grace", "cpu", "sysio"])
def test_a_rail_of_grace_that_cannot_be_is_a_reset_of_what_it_is_part_of(
    sysfs: Callable[[str], Any], make: Callable[..., Bank], clock: Any, rail: str, value: int
) -> None:
    tree = sysfs("grace-hopper")
    bank = make(Hwmon(str(tree.root), clock))
    bank.read()
    set_rail(tree, rail, value)
    clock.advance(5)
    sample = bank.read()
    assert sample.sensors[0].failures == {}
    parts = {("meter", f"{rail}-0"): 1, ("dram", "dram-0"): 1}
    assert sample.resets == (parts if rail == "grace" else parts | {("cpu", "package-0"): 1})
    steps = {step.device.name: step.microjoules for step in sample.steps}
    assert steps == ({"package-0": 1050 * WATT} if rail == "grace" else {})


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


@pytest.mark.parametrize("value", [65_535 * WATT, -1])
def test_power_that_cannot_be_is_a_reset_with_nothing_booked_on_both_sides(
    board: Board, make: Callable[..., Bank], clock: Any, value: int
) -> None:
    board.chip(1, "amdgpu", "0000:03:00.0", power1_average=100 * WATT, power1_cap_max=300 * WATT)
    bank = make(Hwmon(str(board.root), clock))
    bank.read()
    booked = []
    for power in (100 * WATT, value, 100 * WATT, 100 * WATT):
        board.write(1, "power1_average", power)
        clock.advance(5)
        sample = bank.read()
        booked.append([step.microjoules for step in sample.steps])
    assert booked == [[500 * WATT], [], [], [500 * WATT]]
    assert sample.resets == {("gpu", "0000:03:00.0"): 1}
    assert sample.sensors[0].failures == {}


def test_a_limit_that_is_raised_refuses_nothing(board: Board, make: Callable[..., Bank], clock: Any) -> None:
    board.chip(1, "xe", "0000:03:00.0", energy1_input=0, power1_max=60 * WATT)
    bank = make(Hwmon(str(board.root), clock))
    bank.read()
    board.write(1, "power1_max", 190 * WATT)
    for second in range(5, 65, 5):
        clock.advance(5)
        board.write(1, "energy1_input", second * 150 * WATT)
        assert [step.microjoules for step in bank.read().steps] == [5 * 150 * WATT]


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


# --- several chips of one kind


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


def test_another_chip_under_the_same_number_is_found(
    board: Board, make: Callable[..., Bank], clock: Any
) -> None:
    board.chip(1, "power_meter", "ACPI000D:00", power1_average=200 * WATT)
    board.chip(2, "nouveau", "0000:03:00.0", temp1_input=40_000)
    bank = make(Hwmon(str(board.root), clock))
    bank.read()
    board.remove(2)  # the kernel gives the lowest free number
    board.chip(2, "amdgpu", "0000:04:00.0", power1_average=150 * WATT)
    assert joules(bank, clock, 24)["0000:04:00.0 of hwmon"] >= 55 * 150


@pytest.mark.parametrize("seconds", [0, 40, 400])
def test_the_only_chip_keeps_its_name_however_long_its_driver_is_away(
    board: Board, make: Callable[..., Bank], clock: Any, seconds: int
) -> None:
    board.chip(2, "power_meter", "ACPI000D:00", power1_average=200 * WATT)
    sensor = Hwmon(str(board.root), clock)
    bank = make(sensor)
    bank.read()
    assert joules(bank, clock, 12) == {"acpi-hwmon2 of hwmon": 200 * 60}
    unloaded(sensor, "acpi-hwmon2")
    aside = board.root / "aside"
    (board.root / "class/hwmon/hwmon2").rename(aside)
    joules(bank, clock, seconds // 5)
    aside.rename(board.root / "class/hwmon/hwmon5")
    booked = joules(bank, clock, 36)
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


# --- a GPU that sleeps

CAP_SYS_NICE = 1 << 23


@pytest.fixture
def eperm() -> Iterator[int]:
    """A descriptor whose reads the kernel refuses with EPERM, as amdgpu does: another process's timer slack."""
    libc = ctypes.CDLL(None)
    header = struct.pack("Ii", 0x20080522, 0)  # of this thread
    had = ctypes.create_string_buffer(24)
    assert libc.capget(header, had) == 0
    effective, *more = struct.unpack("6I", had.raw)
    assert libc.capset(header, struct.pack("6I", effective & ~CAP_SYS_NICE, *more)) == 0
    with subprocess.Popen(["sleep", "60"]) as other:
        refused = os.open(f"/proc/{other.pid}/timerslack_ns", os.O_RDONLY)
        yield refused
        os.close(refused)
        other.kill()
    assert libc.capset(header, had.raw) == 0


@pytest.fixture
def einval() -> Iterator[int]:
    """A descriptor whose reads the kernel refuses with EINVAL, as nouveau does: a namespace."""
    with Path("/proc/self/ns/net").open("rb", buffering=0) as refused:
        yield refused.fileno()


class Dozing:
    """A GPU of 30 W in hwmon3 that can be put to sleep: its driver refuses to be read then."""

    def __init__(self, board: Board, driver: str, refused: int, **files: object) -> None:
        self.board = board
        self.refused = refused
        board.chip(3, driver, "0000:03:00.0", **files)
        self.status = board.root / "devices/0000:03:00.0/power/runtime_status"
        self.status.parent.mkdir(parents=True)

    def become(self, sensor: Hwmon, status: str, refused: bool) -> None:
        self.status.write_text(f"{status}\n")
        (channel,) = (c for c in sensor._channels if c.of.name == "0000:03:00.0")
        target = self.refused if refused else os.open(channel.path, os.O_RDONLY)
        os.dup2(target, channel.fd)
        if not refused:
            os.close(target)


@pytest.mark.parametrize(("driver", "errno"), [("amdgpu", "eperm"), ("nouveau", "einval")])
def test_a_gpu_that_sleeps_draws_nothing_and_stays_whose_it_is(
    board: Board,
    make: Callable[..., Bank],
    clock: Any,
    request: pytest.FixtureRequest,
    driver: str,
    errno: str,
) -> None:
    gpu = Dozing(board, driver, request.getfixturevalue(errno), power1_average=30 * WATT)
    sensor = Hwmon(str(board.root), clock)
    counter = Scripted("amdsmi", clock)  # reads the same GPU, and never sleeps
    counter.energy = {Device("gpu", "0000:03:00.0", "amdsmi", 0.1): 0}
    bank = make(sensor, counter)
    bank.read()
    booked: Counter[str] = Counter()
    for _ in range(5):  # 10 s awake, 140 s asleep
        gpu.become(sensor, "active", refused=False)
        booked += joules(bank, clock, 2)
        gpu.become(sensor, "suspended", refused=True)
        booked += joules(bank, clock, 28)
        sample = bank.read()
        assert sample.sensors[0].failures == {}
    # The sample before the first was awake; each time it falls asleep or wakes up counts as half a sample.
    assert booked == {"0000:03:00.0 of hwmon": 5 * 10 * 30 + 75}


def test_a_gpu_alone_that_sleeps_at_the_start_is_no_failure(board: Board, clock: Any, eperm: int) -> None:
    gpu = Dozing(board, "amdgpu", eperm, power1_average=30 * WATT)
    sensor = started(board, clock)
    gpu.become(sensor, "suspended", refused=True)
    sample = sensor.read()
    assert (values(sample), sample.failures) == ({"0000:03:00.0": 0}, {})


def test_a_gpu_that_is_awake_but_refuses_draws_what_nobody_knows(
    board: Board, clock: Any, eperm: int
) -> None:
    gpu = Dozing(board, "amdgpu", eperm, power1_average=30 * WATT)
    board.chip(4, "ina226", "1-0040", power1_input=1)
    sensor = started(board, clock)
    gpu.become(sensor, "active", refused=True)  # a reset
    (board.root / "class/hwmon/hwmon3/power1_average").unlink()  # opened again, it would be read
    sample = sensor.read()
    assert (values(sample), sample.failures) == ({"ina226-power1": 1}, {"0000:03:00.0": "lost"})


# --- what is numbered anew each time, and what never comes back


def power_supply(board: Board, number: int, plugged: int) -> None:
    device = f"0003:1B1C:1C0B.{plugged:04X}"
    rails = {f"power{i}_label": f"power {rail}" for i, rail in enumerate(("total", "+12v", "+5v"), 1)}
    board.chip(number, "corsairpsu", device, **rails, **{f"power{i}_input": i * WATT for i in (1, 2, 3)})


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


def test_names_are_kept_for_a_bounded_number_of_channels_for_a_day(board: Board, clock: Any) -> None:
    board.chip(1, "ina226", "1-0040", power1_input=1)
    sensor = started(board, clock)
    descriptors = len(list(Path("/proc/self/fd").iterdir()))
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
    assert len(list(Path("/proc/self/fd").iterdir())) == descriptors
