"""What the sensor set keeps over a restart of the exporter, and what it does not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from gramwatt_exporter.errors import TryAgain
from gramwatt_exporter.model import (
    Device,
    Meter,
)
from gramwatt_exporter.sensors.drivers.rapl.rapl import Rapl
from gramwatt_exporter.sensors.sensor_set import SensorSet
from scripted_sensor import J, Scripted, booked, cpu


def restart(sensor_set: SensorSet, sensors: Sequence[Any], clock: Any, log: Any) -> SensorSet:
    saved = json.loads(json.dumps(sensor_set.state()))
    sensor_set.close()
    after = SensorSet(sensors, clock, log)
    after.restore(saved)
    after.open()
    return after


def test_energy_of_a_restart_is_missed_never_lost(make: Any, clock: Any, log: Any) -> None:
    rapl = Scripted("rapl", clock)
    rapl.microjoules = {cpu("rapl"): 100 * J}
    sensor_set = make(rapl)
    sensor_set.read()
    clock.advance(30)
    rapl.microjoules = {cpu("rapl"): 400 * J}
    sensor_set = restart(sensor_set, [rapl], clock, log)
    (step,) = sensor_set.read().steps
    assert (step.microjoules, step.nanoseconds, step.missed) == (300 * J, 30_000_000_000, True)
    clock.advance(1)
    rapl.microjoules = {cpu("rapl"): 410 * J}
    (step,) = sensor_set.read().steps
    assert (step.microjoules, step.missed) == (10 * J, False)


def test_a_counter_that_went_back_over_a_restart_is_a_reset(make: Any, clock: Any, log: Any) -> None:
    nvml = Scripted("nvml", clock)
    gpu = Device("gpu", "GPU-1", "nvml", 0.05, None, 700.0)
    nvml.microjoules = {gpu: 10**9}
    sensor_set = make(nvml)
    sensor_set.read()
    clock.advance(30)
    nvml.microjoules = {gpu: 10}
    sensor_set = restart(sensor_set, [nvml], clock, log)
    sample = sensor_set.read()
    assert sample.steps == []
    assert sample.resets == {("gpu", "GPU-1"): 1}
    clock.advance(1)
    sensor_set = restart(sensor_set, [nvml], clock, log)
    assert sensor_set.read().resets == {("gpu", "GPU-1"): 1}  # kept with the ledger's other totals


def test_estimates_and_power_have_no_energy_of_a_restart(make: Any, clock: Any, log: Any) -> None:
    estimate, hwmon = Scripted("estimate", clock), Scripted("hwmon", clock)
    gpu = Device("gpu", "0000:03:00.0", "hwmon", 0.05)
    estimate.microjoules, hwmon.power = {cpu("estimate"): 100}, {gpu: 100 * J}
    sensor_set = make(hwmon, estimate)
    sensor_set.read()
    clock.advance(30)
    estimate.microjoules = {cpu("estimate"): 900}
    sensor_set = restart(sensor_set, [hwmon, estimate], clock, log)
    assert sensor_set.read().steps == []


def test_after_a_restart_a_sensor_that_is_late_keeps_its_devices(make: Any, clock: Any, log: Any) -> None:
    rapl, estimate = Scripted("rapl", clock), Scripted("estimate", clock)
    rapl.microjoules, estimate.microjoules = {cpu("rapl"): 0}, {cpu("estimate"): 0}
    sensor_set = make(rapl, estimate)
    sensor_set.read()
    rapl.opening = TryAgain("not yet")
    clock.advance(10)
    sensor_set = restart(sensor_set, [rapl, estimate], clock, log)
    assert sensor_set.read().steps == []
    clock.advance(1)
    estimate.microjoules = {cpu("estimate"): 5 * J}
    rapl.opening, rapl.microjoules = None, {cpu("rapl"): 50 * J}
    (step,) = sensor_set.read().steps
    assert (step.device.source, step.microjoules, step.missed) == ("rapl", 50 * J, True)


def test_the_rest_of_the_node_goes_on_over_a_restart(make: Any, clock: Any, log: Any) -> None:
    rapl = Scripted("rapl", clock)
    psys = Meter("psys", "rapl", covers=("cpu", "dram", "gpu"))
    rapl.microjoules = {cpu("rapl"): 0, psys: 0}
    sensor_set = make(rapl)
    sensor_set.read()
    clock.advance(10)
    rapl.microjoules = {cpu("rapl"): 60 * J, psys: 100 * J}
    sensor_set.read()
    clock.advance(10)
    rapl.microjoules = {cpu("rapl"): 120 * J, psys: 200 * J}
    sensor_set = restart(sensor_set, [rapl], clock, log)
    assert booked(sensor_set.read()) == {
        ("cpu", "package-0", "rapl"): 60 * J,
        ("other", "psys", "rapl"): 40 * J,
    }


@pytest.mark.parametrize("saved", [{}, {"counters": 5, "owners": {}, "resets": [], "around": []}])
def test_a_state_that_is_none_is_refused_whole(make: Any, clock: Any, saved: Any) -> None:
    rapl = Scripted("rapl", clock)
    with pytest.raises((KeyError, TypeError, ValueError, AttributeError)):
        make(rapl).restore(saved)


def test_a_sleep_that_cleared_the_counter_is_not_taken_for_a_wrap(sysfs: Any, clock: Any, log: Any) -> None:
    tree = sysfs("amd")
    awake = type(clock)()
    sensor_set = SensorSet([Rapl(str(tree.root), clock)], clock, log, awake_ns=awake)
    sensor_set.open()
    sensor_set.read()
    clock.advance(8 * 3600)
    awake.advance(5)
    tree.zone("intel-rapl:0", 1000)
    tree.zone("intel-rapl:0:0", 500)
    sample = sensor_set.read()
    assert sample.steps == []
    assert sample.resets[("cpu", "package-0")] == 1
    clock.advance(5)
    awake.advance(5)
    tree.zone("intel-rapl:0", 1000 + 50 * J)
    assert booked(sensor_set.read()) == {("cpu", "package-0", "rapl"): 50 * J}
