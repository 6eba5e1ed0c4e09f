"""Sensors that are absent, denied, slow, hanging or lost: the others go on, and no energy is counted twice."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

import pytest
from gramwatt_exporter.errors import Denied, Fatal, NotHere, TryAgain
from gramwatt_exporter.model import (
    Device,
    EnergyStep,
    Meter,
    PowerReading,
    Sample,
)
from gramwatt_exporter.sensors import supervisor
from gramwatt_exporter.sensors.disabled import Disabled
from gramwatt_exporter.sensors.sensor_set import SensorSet
from scripted_sensor import J, Scripted, booked, cpu, state_of


def test_an_outage_is_booked_once_as_missed_and_nobody_else_counts_it(
    make: Any, clock: Any, log: Any
) -> None:
    rapl, estimate = Scripted("rapl", clock), Scripted("estimate", clock)
    rapl.microjoules, estimate.microjoules = {cpu("rapl"): 0}, {cpu("estimate"): 0}
    sensor_set = make(rapl, estimate)
    sensor_set.read()
    rapl.reading = TryAgain("bus error")
    for _ in range(3):
        clock.advance(1)
        estimate.microjoules = {cpu("estimate"): clock.ns}
        sample = sensor_set.read()
        assert sample.steps == []
        assert state_of(sample, "rapl").up is False
        assert state_of(sample, "rapl").reason == "error"
    rapl.reading, rapl.microjoules = None, {cpu("rapl"): 400 * J}
    clock.advance(1)
    (step,) = sensor_set.read().steps
    assert (step.device.source, step.microjoules, step.nanoseconds) == ("rapl", 400 * J, 4_000_000_000)
    assert step.missed
    clock.advance(1)
    rapl.microjoules = {cpu("rapl"): 500 * J}
    (step,) = sensor_set.read().steps
    assert (step.microjoules, step.missed) == (100 * J, False)
    assert len(log.warnings()) == 1  # said once, not per tick


def test_a_sensor_away_for_long_is_replaced_and_its_gap_forgotten(make: Any, clock: Any) -> None:
    rapl, estimate = Scripted("rapl", clock), Scripted("estimate", clock)
    rapl.microjoules, estimate.microjoules = {cpu("rapl"): 0}, {cpu("estimate"): 0}
    sensor_set = make(rapl, estimate)
    sensor_set.read()
    rapl.reading = TryAgain("bus error")
    total = 0
    for second in range(1, 200):
        clock.advance(1)
        estimate.microjoules = {cpu("estimate"): second * J}
        total += sum(booked(sensor_set.read()).values())
    assert 130 * J < total < 140 * J  # all but the minute during which the sensor was waited for
    rapl.reading, rapl.microjoules = None, {cpu("rapl"): 5000 * J}
    sources = set()
    for second in range(200, 330):
        clock.advance(1)
        rapl.microjoules = {cpu("rapl"): (5000 + second) * J}
        estimate.microjoules = {cpu("estimate"): second * J}
        for step in sensor_set.read().steps:
            sources.add(step.device.source)
            assert step.microjoules == J
            assert not step.missed
    assert sources == {"rapl", "estimate"}  # it came back, and took over from then on


def test_a_sensor_that_vanishes_is_replaced_after_the_hold(make: Any, clock: Any) -> None:
    rapl, estimate = Scripted("rapl", clock), Scripted("estimate", clock)
    rapl.microjoules, estimate.microjoules = {cpu("rapl"): 0}, {cpu("estimate"): 0}
    sensor_set = make(rapl, estimate)
    sensor_set.read()
    rapl.reading = rapl.opening = NotHere("driver unloaded")
    clock.advance(1)
    assert state_of(sensor_set.read(), "rapl").reason == "lost"
    clock.advance(2)
    assert state_of(sensor_set.read(), "rapl").reason == "absent"  # opening it again says it is gone for good
    clock.advance(1)
    estimate.microjoules = {cpu("estimate"): J}
    assert set(booked(sensor_set.read())) == {("cpu", "package-0", "estimate")}


def test_denied_is_said_once_with_its_fix_and_tried_again_later(make: Any, clock: Any, log: Any) -> None:
    rapl = Scripted("rapl", clock)
    rapl.opening = Denied("no permission", "do this")
    sensor_set = make(rapl)
    for _ in range(30):
        clock.advance(10)
        assert state_of(sensor_set.read(), "rapl").reason == "denied"
    (line,) = log.warnings()
    assert line["fix"] == "do this"
    assert 3 <= rapl.opened <= 6
    rapl.opening, rapl.microjoules = None, {cpu("rapl"): 0}
    clock.advance(60)
    assert state_of(sensor_set.read(), "rapl").up


def test_absent_is_not_worth_a_warning(make: Any, clock: Any, log: Any) -> None:
    rapl = Scripted("rapl", clock)
    rapl.opening = NotHere("no powercap")
    sample = make(rapl).read()
    assert (state_of(sample, "rapl").up, state_of(sample, "rapl").reason) == (False, "absent")
    assert log.warnings() == []
    assert state_of(sample, "rapl").failures == {}


def test_absent_is_a_warning_once_where_the_user_switched_it_on(make: Any, clock: Any, log: Any) -> None:
    ipmi = Scripted("ipmi", clock)
    ipmi.opening = NotHere("no ipmitool on the PATH")
    sensor_set = make(ipmi, wanted={"ipmi"})
    for _ in range(20):
        clock.advance(30)
        sensor_set.read()
    (line,) = log.warnings()
    assert (line["sensor"], line["reason"]) == ("ipmi", "absent")


def test_an_old_answer_given_again_and_again_is_stale(make: Any, clock: Any) -> None:
    ipmi = Scripted("ipmi", clock)
    sensor_set = make(ipmi)
    meter = Meter("ipmi", "ipmi", None, ("cpu", "dram", "gpu"))
    for _ in range(3):
        clock.advance(10)
        ipmi.answer = Sample([PowerReading(meter, 100 * J, clock.ns)])
        assert state_of(sensor_set.read(), "ipmi").up
    for _ in range(7):
        clock.advance(10)
        state = state_of(sensor_set.read(), "ipmi")
    assert (state.up, state.reason) == (False, "stale")
    ipmi.answer = Sample([PowerReading(meter, 100 * J, clock.ns)])
    assert state_of(sensor_set.read(), "ipmi").up


def test_disabled_is_reported(make: Any) -> None:
    state = state_of(make(Disabled("nvml")).read(), "nvml")
    assert (state.up, state.reason) == (False, "disabled")


@pytest.mark.parametrize("error", [TryAgain("busy"), Fatal("replaced", "restart"), RuntimeError("a bug")])
def test_one_failing_sensor_never_stops_the_others(make: Any, clock: Any, error: Exception) -> None:
    bad, good = Scripted("nvml", clock), Scripted("rapl", clock)
    good.microjoules = {cpu("rapl"): 0}
    sensor_set = make(bad, good)
    sensor_set.read()
    bad.reading = error
    clock.advance(1)
    good.microjoules = {cpu("rapl"): 5}
    sample = sensor_set.read()
    assert booked(sample) == {("cpu", "package-0", "rapl"): 5}
    assert state_of(sample, "nvml").failures == {"error": 1}
    assert state_of(sample, "rapl").up


def test_opening_is_retried_with_growing_pauses(make: Any, clock: Any, log: Any) -> None:
    nvml = Scripted("nvml", clock)
    nvml.opening = TryAgain("driver starting")
    sensor_set = make(nvml)
    for _ in range(300):
        clock.advance(1)
        sensor_set.read()
    assert 6 <= nvml.opened <= 12
    assert len(log.warnings()) == 1


def test_a_slow_open_does_not_hold_up_a_tick(clock: Any, log: Any) -> None:
    class Slow(Scripted):
        slow_open = True
        go = False

        def open(self) -> None:
            while not self.go:
                time.sleep(0.002)

    slow, rapl = Slow("nvml", clock), Scripted("rapl", clock)
    rapl.microjoules = {cpu("rapl"): 0}
    sensor_set = SensorSet([slow, rapl], clock, log)
    sensor_set.open()
    sample = sensor_set.read()  # while the other one is still opening
    assert state_of(sample, "rapl").up
    assert not state_of(sample, "nvml").up
    slow.go = True
    deadline = time.monotonic() + 10
    while not state_of(sensor_set.read(), "nvml").up:
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_a_driver_that_hangs_does_not_stop_the_tick(clock: Any, log: Any) -> None:
    class Wedged(Scripted):
        may_hang = True
        stuck = threading.Event()
        calls = 0

        def read(self) -> Sample:
            self.calls += 1
            if self.calls > 1:
                assert self.stuck.wait(30)
            return super().read()

    nvml, rapl = Wedged("nvml", clock), Scripted("rapl", clock)
    gpu = Device("gpu", "GPU-1", "nvml", 0.05)
    nvml.microjoules, rapl.microjoules = {gpu: 0}, {cpu("rapl"): 0}
    sensor_set = SensorSet([nvml, rapl], clock, log)
    sensor_set.open()
    sensor_set.read()
    for tick in range(1, 5):
        clock.advance(1)
        rapl.microjoules = {cpu("rapl"): tick}
        sample = sensor_set.read()
        assert booked(sample) == {("cpu", "package-0", "rapl"): 1}
        assert state_of(sample, "nvml").reason == "error"
    assert nvml.calls == 2  # the one that hangs is waited for, no other is sent after it
    nvml.microjoules = {gpu: 9 * J}
    nvml.stuck.set()
    deadline = time.monotonic() + 10
    steps: Sequence[EnergyStep] = ()
    while not steps:
        assert time.monotonic() < deadline
        clock.advance(0.001)
        steps = [step for step in sensor_set.read().steps if step.device == gpu]
    assert (steps[0].microjoules, steps[0].missed) == (9 * J, True)


def test_a_driver_that_hangs_in_its_first_read_does_not_stop_the_tick(
    clock: Any, log: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "FIRST_READ_WAIT_SECONDS", 0.05)

    class Wedged(Scripted):
        stuck = threading.Event()
        calls = 0

        def read(self) -> Sample:
            self.calls += 1
            assert self.stuck.wait(30)
            return super().read()

    hwmon, rapl = Wedged("hwmon", clock), Scripted("rapl", clock)
    gpu = Device("gpu", "0000:03:00.0", "hwmon", 0.05)
    hwmon.microjoules, rapl.microjoules = {gpu: 0}, {cpu("rapl"): 0}
    sensor_set = SensorSet([hwmon, rapl], clock, log)
    sensor_set.open()
    for tick in range(3):
        clock.advance(1)
        rapl.microjoules = {cpu("rapl"): tick}
        sample = sensor_set.read()
        assert state_of(sample, "rapl").up
        assert state_of(sample, "hwmon").reason == "error"
    assert hwmon.calls == 1
    hwmon.stuck.set()
    deadline = time.monotonic() + 10
    while not state_of(sensor_set.read(), "hwmon").up:
        assert time.monotonic() < deadline
        clock.advance(0.001)


def test_a_lost_device_does_not_take_the_others_with_it(make: Any, clock: Any, log: Any) -> None:
    nvml = Scripted("nvml", clock)
    one, two = Device("gpu", "GPU-1", "nvml", 0.05), Device("gpu", "GPU-2", "nvml", 0.05)
    nvml.microjoules = {one: 0, two: 0}
    sensor_set = make(nvml)
    sensor_set.read()
    nvml.microjoules, nvml.failures = {two: 7}, {"GPU-1": "lost"}
    for tick in range(3):
        clock.advance(1)
        nvml.microjoules = {two: 7 * (tick + 1)}
        sample = sensor_set.read()
        assert booked(sample) == {("gpu", "GPU-2", "nvml"): 7}
        assert state_of(sample, "nvml").up
    assert state_of(sample, "nvml").failures == {"lost": 3}
    assert len(log.warnings()) == 1


def test_what_comes_and_goes_is_logged_twice_and_counted_always(make: Any, clock: Any, log: Any) -> None:
    rapl = Scripted("rapl", clock)
    rapl.microjoules = {cpu("rapl"): 0}
    sensor_set = make(rapl)
    sensor_set.read()
    log.lines.clear()
    for second in range(100):
        clock.advance(1)
        rapl.microjoules = {cpu("rapl"): clock.ns}
        rapl.reading = TryAgain("bus error") if second % 2 else None
        sample = sensor_set.read()
    assert len(log.warnings()) == 2
    assert "counted, not logged" in str(log.warnings()[1])
    assert sum(level != "debug" for level, _, _ in log.lines) == 4  # each of the two came to an end
    assert state_of(sample, "rapl").failures["error"] == 50
    for _ in range(150):  # now it is not one of many short failures any more
        clock.advance(1)
        sensor_set.read()
    assert len(log.warnings()) == 3
    rapl.reading = None
    rapl.microjoules = {cpu("rapl"): clock.ns}
    clock.advance(61)
    sensor_set.read()
    assert "sensor delivers" in str(log.lines[-1])


def test_a_device_that_comes_and_goes_is_logged_twice_too(make: Any, clock: Any, log: Any) -> None:
    rapl = Scripted("rapl", clock)
    rapl.microjoules = {cpu("rapl"): 0}
    sensor_set = make(rapl)
    for second in range(100):
        clock.advance(1)
        rapl.microjoules = {cpu("rapl"): clock.ns}
        rapl.failures = {"package-1": "lost"} if second % 2 else {}
        sensor_set.read()
    assert sum("device not readable" in str(line) for line in log.lines) == 2
    assert sum("device readable again" in str(line) for line in log.lines) == 2
