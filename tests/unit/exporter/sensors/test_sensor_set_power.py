"""Power values that no device can draw are not believed, at neither end of an interval."""

from __future__ import annotations

from typing import Any

import pytest
from gramwatt_exporter.model import Device, MergedSample, Meter, PowerReading, Sample
from scripted_sensor import J, Scripted, booked

GPU = Device("gpu", "GPU-1", "nvml", 0.05, None, 400.0)
KEY = ("gpu", "GPU-1", "nvml")
WHOLE = Meter("ipmi", "ipmi", covers=("cpu", "dram", "gpu"), max_watts=20_000.0)


@pytest.fixture
def power(make: Any, clock: Any) -> Any:
    """power(400) -> a sample 5 s later, with the GPU at 400 W."""
    nvml = Scripted("nvml", clock)
    sensor_set = make(nvml)

    def read(watts: float) -> MergedSample:
        clock.advance(5)
        nvml.power = {GPU: round(watts * J)}
        sample: MergedSample = sensor_set.read()
        return sample

    return read


@pytest.mark.parametrize("rubbish", [-1, -200, 481, 4_294_967.295])
def test_power_that_cannot_be_is_a_reset_at_both_ends(power: Any, rubbish: float) -> None:
    power(200)
    assert booked(power(200)) == {KEY: 1000 * J}
    sample = power(rubbish)
    assert (sample.steps, sample.resets) == ([], {("gpu", "GPU-1"): 1})
    sample = power(300)
    assert (sample.steps, sample.resets) == ([], {("gpu", "GPU-1"): 1})  # counting begins anew here
    (step,) = power(100).steps
    assert (step.microjoules, step.nanoseconds, step.missed) == (1000 * J, 5_000_000_000, False)


def test_power_up_to_a_fifth_above_the_maximum_is_believed(power: Any) -> None:
    power(480)
    assert booked(power(480)) == {KEY: 2400 * J}


def test_power_is_not_believed_from_the_very_first_value(power: Any) -> None:
    assert power(-1).resets == {("gpu", "GPU-1"): 1}
    assert power(200).steps == []
    assert booked(power(200)) == {KEY: 1000 * J}


def test_a_value_that_stays_rubbish_is_counted_but_said_once(power: Any, log: Any) -> None:
    power(200)
    for _ in range(20):
        sample = power(5000)
    assert sample.resets == {("gpu", "GPU-1"): 20}
    said = [message for level, message, _ in log.lines if level != "debug" and "not booked" in message]
    assert len(said) == 1


def test_one_answer_given_again_is_refused_once(make: Any, clock: Any) -> None:
    """A slow source gives its last answer with every tick until there is a new one."""
    ipmi = Scripted("ipmi", clock)
    sensor_set = make(ipmi)
    ipmi.answer = Sample([PowerReading(WHOLE, -J, clock.ns)])
    for _ in range(5):
        clock.advance(1)
        sample = sensor_set.read()
    assert sample.resets == {("meter", "ipmi"): 1}


@pytest.mark.parametrize("rubbish", [-1, 10**9])
def test_the_rest_of_the_node_goes_on_after_rubbish(make: Any, clock: Any, rubbish: int) -> None:
    rapl, ipmi = Scripted("rapl", clock), Scripted("ipmi", clock)
    cpu = Device("cpu", "package-0", "rapl", 0.05)
    rapl.microjoules, ipmi.power = {cpu: 0}, {WHOLE: 150 * J}
    sensor_set = make(rapl, ipmi)
    meter, other = [], []
    for watts in (150, 150, rubbish, 150, 150, 150):
        ipmi.power = {WHOLE: watts * J}
        sample = sensor_set.read()
        meter.append(sum(step.microjoules for step in sample.meters) // J)
        other.append(booked(sample).get(("other", "ipmi", "ipmi"), 0) // J)
        clock.advance(10)
        rapl.microjoules = {cpu: rapl.microjoules[cpu] + 1000 * J}
    assert meter == [0, 1500, 0, 0, 1500, 1500]
    assert other == [0, 500, 0, 0, 500, 500]


def test_the_rest_of_the_node_goes_on_after_a_gap_in_power(make: Any, clock: Any) -> None:
    """What the devices drew while the meter was away is not held against it afterwards."""
    rapl, ipmi = Scripted("rapl", clock), Scripted("ipmi", clock)
    cpu = Device("cpu", "package-0", "rapl", 0.05)
    rapl.microjoules, ipmi.power = {cpu: 0}, {WHOLE: 150 * J}
    sensor_set = make(rapl, ipmi)
    sensor_set.read()
    for away in [True] * 12 + [False] * 4:
        clock.advance(10)
        rapl.microjoules = {cpu: rapl.microjoules[cpu] + 1000 * J}
        ipmi.power = {} if away else {WHOLE: 150 * J}
        sample = sensor_set.read()
    assert booked(sample)["other", "ipmi", "ipmi"] == 500 * J


def test_power_over_a_stall_of_the_exporter_is_not_bridged(make: Any, clock: Any) -> None:
    """Stopped for an hour (docker pause): nobody knows what a device without a counter drew."""
    hwmon = Scripted("hwmon", clock)
    gpu = Device("gpu", "0000:03:00.0", "hwmon", 0.1, None, 400.0)
    hwmon.power = {gpu: 300 * J}
    sensor_set = make(hwmon)
    sensor_set.read()
    clock.advance(5)
    assert sum(step.microjoules for step in sensor_set.read().steps) == 1_500 * J
    clock.advance(3600)
    assert sensor_set.read().steps == []
    clock.advance(5)
    assert sum(step.microjoules for step in sensor_set.read().steps) == 1_500 * J
