"""The rails of NVIDIA Grace."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

import pytest
from gramwatt_exporter.model import Device, Meter, Sample
from gramwatt_exporter.sensors.drivers.hwmon.hwmon import Hwmon
from gramwatt_exporter.sensors.sensor_set import SensorSet
from hwmon_boards import (
    WATT,
    Board,
    joules,
    set_rail,
    values,
)
from scripted_sensor import Scripted


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


@pytest.mark.parametrize("rail", ["grace", "cpu", "sysio"])
@pytest.mark.parametrize("samples", [1, 4])
def test_a_rail_of_grace_that_fails_for_a_moment_changes_no_sum(
    sysfs: Callable[[str], Any], make: Callable[..., SensorSet], clock: Any, rail: str, samples: int
) -> None:
    tree = sysfs("grace-hopper")
    sensor_set = make(Hwmon(str(tree.root), clock))
    sensor_set.read()
    was = {"grace": 250, "cpu": 150, "sysio": 60}[rail] * WATT
    booked = joules(sensor_set, clock, 5)
    set_rail(tree, rail, "N/A")
    booked += joules(sensor_set, clock, samples)
    set_rail(tree, rail, was)
    booked += joules(sensor_set, clock, 5)
    seconds = (10 + samples) * 5
    assert booked == {"package-0 of hwmon": 210 * seconds, "dram-0 of hwmon": 40 * seconds}


@pytest.mark.parametrize("rail", ["grace", "cpu", "sysio"])
def test_memory_of_grace_is_never_counted_twice_while_a_rail_fails(
    sysfs: Callable[[str], Any], make: Callable[..., SensorSet], clock: Any, rail: str
) -> None:
    tree = sysfs("grace-hopper")
    estimate = Scripted("estimate", clock)
    memory, package = Device("dram", "dram-0", "estimate", 0.5), Device("cpu", "package-0", "estimate", 0.5)
    estimate.power = {memory: 40 * WATT, package: 210 * WATT}  # as good as it can be: what is missing shows
    sensor_set = make(Hwmon(str(tree.root), clock), estimate)
    sensor_set.read()
    set_rail(tree, rail, "N/A")
    booked = joules(sensor_set, clock, 60)
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
    board: Board, make: Callable[..., SensorSet], clock: Any
) -> None:
    board.chip(
        1,
        "power_meter",
        "ACPI000D:00",
        power1_average=2_700 * WATT,  # a CPU and two GPUs of 1.2 kW
        power1_oem_info="Module Power Socket 0",
    )
    sensor_set = make(Hwmon(str(board.root), clock))
    sensor_set.read()
    clock.advance(5)
    sample = sensor_set.read()
    assert {step.meter.name: step.microjoules for step in sample.meters} == {"module-0": 13_500 * WATT}
    assert sample.steps == []


# ACPI's "unknown", all bits set, was shown as 4.29 MW before Linux 6.13.
@pytest.mark.parametrize("value", [0xFFFFFFFF * 1000, -1])
@pytest.mark.parametrize("rail", ["grace", "cpu", "sysio"])
def test_a_rail_of_grace_that_cannot_be_is_a_reset_of_what_it_is_part_of(
    sysfs: Callable[[str], Any], make: Callable[..., SensorSet], clock: Any, rail: str, value: int
) -> None:
    tree = sysfs("grace-hopper")
    sensor_set = make(Hwmon(str(tree.root), clock))
    sensor_set.read()
    set_rail(tree, rail, value)
    clock.advance(5)
    sample = sensor_set.read()
    assert sample.sensors[0].failures == {}
    parts = {("meter", f"{rail}-0"): 1, ("dram", "dram-0"): 1}
    assert sample.resets == (parts if rail == "grace" else parts | {("cpu", "package-0"): 1})
    steps = {step.device.name: step.microjoules for step in sample.steps}
    assert steps == ({"package-0": 1050 * WATT} if rail == "grace" else {})
