"""All sensors as one: who measures what, power without a counter, what surrounds the devices."""

from __future__ import annotations

from typing import Any

import pytest
from gramwatt_exporter.model import (
    Device,
    DeviceUse,
    Meter,
    PowerReading,
    Sample,
)
from gramwatt_exporter.sensors.drivers.rapl.rapl import Rapl
from gramwatt_exporter.sensors.sensor_set import SensorSet
from scripted_sensor import J, Scripted, booked, cpu


def test_the_first_reading_is_no_step_and_the_second_is_the_difference(make: Any, clock: Any) -> None:
    rapl = Scripted("rapl", clock)
    rapl.microjoules = {cpu("rapl"): 100 * J}
    sensor_set = make(rapl)
    assert sensor_set.read().steps == []
    clock.advance(5)
    rapl.microjoules = {cpu("rapl"): 350 * J}
    (step,) = sensor_set.read().steps
    assert (step.microjoules, step.nanoseconds, step.missed) == (250 * J, 5_000_000_000, False)


def test_wrap_in_the_middle_of_a_real_tree(sysfs: Any, clock: Any, log: Any) -> None:
    tree = sysfs("dual-socket")
    tree.zone("intel-rapl:0", 262_143_328_850 - 10 * J)
    tree.zone("intel-rapl:0:0", 65_712_999_613 - 1 * J)
    sensor_set = SensorSet([Rapl(str(tree.root), clock)], clock, log)
    sensor_set.open()
    sensor_set.read()
    clock.advance(1)
    tree.zone("intel-rapl:0", 40 * J)
    tree.zone("intel-rapl:0:0", 2 * J)
    sample = sensor_set.read()
    assert booked(sample)["cpu", "package-0", "rapl"] == 50 * J + 61  # the register's unit
    assert (
        booked(sample)["dram", "dram-0", "rapl"] == 3 * J + 16
    )  # 15.3, and 0.7 that 130,719 units are above 2 J
    assert sample.resets == {}


def test_a_component_belongs_to_the_first_sensor_that_delivers_it(make: Any, clock: Any) -> None:
    rapl, estimate = Scripted("rapl", clock), Scripted("estimate", clock)
    dram = Device("dram", "dram-0", "estimate", 0.5)
    rapl.microjoules = {cpu("rapl"): 0, cpu("rapl", "package-1"): 0}
    estimate.microjoules = {cpu("estimate"): 0, dram: 0}
    sensor_set = make(rapl, estimate)
    sensor_set.read()
    clock.advance(1)
    rapl.microjoules = {cpu("rapl"): 1, cpu("rapl", "package-1"): 2}
    estimate.microjoules = {cpu("estimate"): 400, dram: 3}
    assert booked(sensor_set.read()) == {
        ("cpu", "package-0", "rapl"): 1, ("cpu", "package-1", "rapl"): 2, ("dram", "dram-0", "estimate"): 3,
    }  # fmt: skip


@pytest.mark.parametrize("measured", [True, False])
def test_a_model_explains_itself_once_where_it_is_used(
    make: Any, clock: Any, log: Any, measured: bool
) -> None:
    rapl, estimate = Scripted("rapl", clock), Scripted("estimate", clock)
    estimate.notes_by_component = {"cpu": ["a guess"]}
    rapl.microjoules, estimate.microjoules = {cpu("rapl"): 0}, {cpu("estimate"): 0}
    sensor_set = make(*([rapl, estimate] if measured else [estimate]))
    for _ in range(3):
        clock.advance(1)
        sensor_set.read()
    assert [message for _, message, _ in log.lines].count("a guess") == (0 if measured else 1)


def test_gpus_are_told_apart_by_identity(make: Any, clock: Any) -> None:
    hwmon, nvml = Scripted("hwmon", clock), Scripted("nvml", clock)
    amd, nvidia = Device("gpu", "0000:03:00.0", "hwmon", 0.05), Device("gpu", "GPU-1", "nvml", 0.05)
    again = Device("gpu", "0000:03:00.0", "nvml", 0.05)
    hwmon.microjoules, nvml.microjoules = {amd: 0}, {nvidia: 0, again: 0}
    nvml.uses = [DeviceUse(again, {7: 50}, frozenset({7}), "utilisation")]
    sensor_set = make(hwmon, nvml)
    sensor_set.read()
    clock.advance(1)
    hwmon.microjoules, nvml.microjoules = {amd: 10}, {nvidia: 20, again: 99}
    sample = sensor_set.read()
    assert booked(sample) == {("gpu", "0000:03:00.0", "hwmon"): 10, ("gpu", "GPU-1", "nvml"): 20}
    (use,) = sample.uses
    assert use.device == amd  # who used it comes from one sensor, its energy from the other
    assert use.weights == {7: 50}


def test_a_reset_is_counted_not_booked(make: Any, clock: Any) -> None:
    nvml = Scripted("nvml", clock)
    gpu = Device("gpu", "GPU-1", "nvml", 0.05, None, 700.0)
    nvml.microjoules = {gpu: 10**12}
    sensor_set = make(nvml)
    sensor_set.read()
    clock.advance(1)
    nvml.microjoules = {gpu: 5}
    sample = sensor_set.read()
    assert sample.steps == []
    assert sample.resets == {("gpu", "GPU-1"): 1}
    clock.advance(1)
    nvml.microjoules = {gpu: 100 * J + 5}
    assert booked(sensor_set.read()) == {("gpu", "GPU-1", "nvml"): 100 * J}


def test_power_is_integrated_and_a_repeated_reading_adds_nothing(make: Any, clock: Any, log: Any) -> None:
    hwmon = Scripted("hwmon", clock)
    gpu = Device("gpu", "0000:03:00.0", "hwmon", 0.05)
    hwmon.power = {gpu: 100 * J}  # 100 W
    sensor_set = make(hwmon)
    sensor_set.read()
    clock.advance(2)
    hwmon.power = {gpu: 200 * J}
    assert booked(sensor_set.read()) == {("gpu", "0000:03:00.0", "hwmon"): 300 * J}
    assert sensor_set.read().steps == []


def test_a_slow_meter_is_not_taken_for_a_sleeping_machine(make: Any, clock: Any) -> None:
    """Its answers are seconds old when they are read, more or less so: that is no difference of the two clocks."""
    ipmi = Scripted("ipmi", clock)
    whole = Meter("ipmi", "ipmi", covers=("cpu", "dram", "gpu"))
    sensor_set = make(ipmi, awake_ns=lambda: clock.ns - 5 * 10**9)
    booked_total = 0
    for asked_after in (0.1, 4.9, 0.2, 4.8):
        clock.advance(asked_after)
        at = clock.ns
        clock.advance(5 - asked_after)
        ipmi.answer = Sample([PowerReading(whole, 100 * J, at)])
        booked_total += sum(step.microjoules for step in sensor_set.read().meters)
    assert booked_total == (15 + 4.8 - 0.1) * 100 * J


def test_a_sleep_is_not_bridged_by_power(make: Any, clock: Any) -> None:
    awake = type(clock)()
    hwmon = Scripted("hwmon", clock)
    gpu = Device("gpu", "0000:03:00.0", "hwmon", 0.05)
    hwmon.power = {gpu: 100 * J}
    sensor_set = make(hwmon, awake_ns=awake)
    sensor_set.read()
    clock.advance(30)
    awake.advance(5)
    assert sensor_set.read().steps == []
    clock.advance(1)
    awake.advance(1)
    assert booked(sensor_set.read()) == {("gpu", "0000:03:00.0", "hwmon"): 100 * J}


def test_nobody_knows_the_energy_of_a_long_gap_in_power(make: Any, clock: Any) -> None:
    hwmon = Scripted("hwmon", clock)
    gpu = Device("gpu", "0000:03:00.0", "hwmon", 0.05)
    hwmon.power = {gpu: 100 * J}
    sensor_set = make(hwmon)
    sensor_set.read()
    power, hwmon.power = hwmon.power, {}
    sensor_set.read()
    clock.advance(3600)
    hwmon.power = power
    assert sensor_set.read().steps == []
    clock.advance(1)
    assert booked(sensor_set.read()) == {("gpu", "0000:03:00.0", "hwmon"): 100 * J}


def test_what_a_platform_meter_shows_beyond_the_devices_is_other(sysfs: Any, clock: Any, log: Any) -> None:
    tree = sysfs("laptop")
    sensor_set = SensorSet([Rapl(str(tree.root), clock)], clock, log)
    sensor_set.open()
    sensor_set.read()
    package, psys, other, node = 1_000_000, 9_000_000, 0, 0
    for watts, platform in [(10, 25), (12, 26), (30, 29), (10, 25)]:  # once the platform seems to draw less
        clock.advance(1)
        package, psys = package + watts * J, psys + platform * J
        tree.zone("intel-rapl:0", package)
        tree.zone("intel-rapl:1", psys)
        sample = sensor_set.read()
        parts = booked(sample)
        other += parts["other", "psys", "rapl"]
        node += sum(parts.values())
        meters = {step.meter.name: step for step in sample.meters}
        assert meters["psys"].microjoules == platform * J
        assert set(meters) == {"psys", "core-0", "uncore-0"}
    assert other == (25 + 26 + 29 + 25 - 10 - 12 - 30 - 10) * J
    assert node == psys - 9_000_000


def test_only_the_widest_platform_meter_makes_other(make: Any, clock: Any) -> None:
    rapl, ipmi = Scripted("rapl", clock), Scripted("ipmi", clock)
    psys = Meter("psys", "rapl", covers=("cpu", "dram"))
    whole = Meter("ipmi", "ipmi", covers=("cpu", "dram", "gpu"))
    rapl.microjoules, ipmi.microjoules = {psys: 0, cpu("rapl"): 0}, {whole: 0}
    sensor_set = make(rapl, ipmi)
    sensor_set.read()
    clock.advance(1)
    rapl.microjoules, ipmi.microjoules = {psys: 30 * J, cpu("rapl"): 20 * J}, {whole: 50 * J}
    assert booked(sensor_set.read()) == {
        ("cpu", "package-0", "rapl"): 20 * J,
        ("other", "ipmi", "ipmi"): 30 * J,
    }
