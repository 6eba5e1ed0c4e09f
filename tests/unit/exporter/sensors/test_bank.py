"""All sensors as one: who measures what, gaps, resets, failures, restarts."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from gramwatt_exporter.errors import Denied, Fatal, NotHere, TryAgain
from gramwatt_exporter.model import (
    BankSample,
    Device,
    DeviceUse,
    EnergyReading,
    EnergyStep,
    Meter,
    PowerReading,
    Reading,
    Sample,
    SensorState,
)
from gramwatt_exporter.sensors.bank import Bank
from gramwatt_exporter.sensors.disabled import Disabled
from gramwatt_exporter.sensors.rapl import Rapl

J = 1_000_000


class Scripted:
    """A sensor whose answers the test sets: readings, or an error to raise."""

    def __init__(self, name: str, clock: Any) -> None:
        self.name = name
        self.clock = clock
        self.opening: Exception | None = None
        self.reading: Exception | None = None
        self.answer: Sample | None = None  # given as it is, with its own times
        self.energy: dict[Device | Meter, int] = {}
        self.power: dict[Device | Meter, int] = {}
        self.uses: Sequence[DeviceUse] = ()
        self.failures: dict[str, str] = {}
        self.notes: list[str] = []
        self.notes_by_component: dict[str, list[str]] = {}
        self.opened = 0

    def open(self) -> None:
        self.opened += 1
        if self.opening is not None:
            raise self.opening

    def read(self) -> Sample:
        if self.reading is not None:
            raise self.reading
        if self.answer is not None:
            return self.answer
        readings: list[Reading] = [EnergyReading(of, uj, self.clock()) for of, uj in self.energy.items()]
        readings += [PowerReading(of, uw, self.clock()) for of, uw in self.power.items()]
        return Sample(readings, self.uses, dict(self.failures))

    def close(self) -> None:
        pass


def cpu(source: str, name: str = "package-0", max_watts: float | None = None) -> Device:
    return Device("cpu", name, source, 0.05, None, max_watts)


def booked(sample: BankSample) -> dict[tuple[str, str, str], int]:
    return {(s.device.component, s.device.name, s.device.source): s.microjoules for s in sample.steps}


def state_of(sample: BankSample, name: str) -> SensorState:
    return next(s for s in sample.sensors if s.name == name)


@pytest.fixture
def make(clock: Any, log: Any) -> Callable[..., Bank]:
    def build(*sensors: Any, **more: Any) -> Bank:
        bank = Bank(sensors, clock, log, **more)
        bank.open()
        return bank

    return build


def test_the_first_reading_is_no_step_and_the_second_is_the_difference(make: Any, clock: Any) -> None:
    rapl = Scripted("rapl", clock)
    rapl.energy = {cpu("rapl"): 100 * J}
    bank = make(rapl)
    assert bank.read().steps == []
    clock.advance(5)
    rapl.energy = {cpu("rapl"): 350 * J}
    (step,) = bank.read().steps
    assert (step.microjoules, step.nanoseconds, step.missed) == (250 * J, 5_000_000_000, False)


def test_wrap_in_the_middle_of_a_real_tree(sysfs: Any, clock: Any, log: Any) -> None:
    tree = sysfs("dual-socket")
    tree.zone("intel-rapl:0", 262_143_328_850 - 10 * J)
    tree.zone("intel-rapl:0:0", 65_712_999_613 - 1 * J)
    bank = Bank([Rapl(str(tree.root), clock)], clock, log)
    bank.open()
    bank.read()
    clock.advance(1)
    tree.zone("intel-rapl:0", 40 * J)
    tree.zone("intel-rapl:0:0", 2 * J)
    sample = bank.read()
    assert booked(sample)["cpu", "package-0", "rapl"] == 50 * J + 61  # the register's unit
    assert (
        booked(sample)["dram", "dram-0", "rapl"] == 3 * J + 16
    )  # 15.3, and 0.7 that 130,719 units are above 2 J
    assert sample.resets == {}


def test_a_component_belongs_to_the_first_sensor_that_delivers_it(make: Any, clock: Any) -> None:
    rapl, estimate = Scripted("rapl", clock), Scripted("estimate", clock)
    dram = Device("dram", "dram-0", "estimate", 0.5)
    rapl.energy = {cpu("rapl"): 0, cpu("rapl", "package-1"): 0}
    estimate.energy = {cpu("estimate"): 0, dram: 0}
    bank = make(rapl, estimate)
    bank.read()
    clock.advance(1)
    rapl.energy = {cpu("rapl"): 1, cpu("rapl", "package-1"): 2}
    estimate.energy = {cpu("estimate"): 400, dram: 3}
    assert booked(bank.read()) == {
        ("cpu", "package-0", "rapl"): 1, ("cpu", "package-1", "rapl"): 2, ("dram", "dram-0", "estimate"): 3,
    }  # fmt: skip


@pytest.mark.parametrize("measured", [True, False])
def test_a_model_explains_itself_once_where_it_is_used(
    make: Any, clock: Any, log: Any, measured: bool
) -> None:
    rapl, estimate = Scripted("rapl", clock), Scripted("estimate", clock)
    estimate.notes_by_component = {"cpu": ["a guess"]}
    rapl.energy, estimate.energy = {cpu("rapl"): 0}, {cpu("estimate"): 0}
    bank = make(*([rapl, estimate] if measured else [estimate]))
    for _ in range(3):
        clock.advance(1)
        bank.read()
    assert [message for _, message, _ in log.lines].count("a guess") == (0 if measured else 1)


def test_gpus_are_told_apart_by_identity(make: Any, clock: Any) -> None:
    hwmon, nvml = Scripted("hwmon", clock), Scripted("nvml", clock)
    amd, nvidia = Device("gpu", "0000:03:00.0", "hwmon", 0.05), Device("gpu", "GPU-1", "nvml", 0.05)
    again = Device("gpu", "0000:03:00.0", "nvml", 0.05)
    hwmon.energy, nvml.energy = {amd: 0}, {nvidia: 0, again: 0}
    nvml.uses = [DeviceUse(again, {7: 50}, frozenset({7}), "utilisation")]
    bank = make(hwmon, nvml)
    bank.read()
    clock.advance(1)
    hwmon.energy, nvml.energy = {amd: 10}, {nvidia: 20, again: 99}
    sample = bank.read()
    assert booked(sample) == {("gpu", "0000:03:00.0", "hwmon"): 10, ("gpu", "GPU-1", "nvml"): 20}
    (use,) = sample.uses
    assert use.device == amd  # who used it comes from one sensor, its energy from the other
    assert use.weights == {7: 50}


def test_an_outage_is_booked_once_as_missed_and_nobody_else_counts_it(
    make: Any, clock: Any, log: Any
) -> None:
    rapl, estimate = Scripted("rapl", clock), Scripted("estimate", clock)
    rapl.energy, estimate.energy = {cpu("rapl"): 0}, {cpu("estimate"): 0}
    bank = make(rapl, estimate)
    bank.read()
    rapl.reading = TryAgain("bus error")
    for _ in range(3):
        clock.advance(1)
        estimate.energy = {cpu("estimate"): clock.ns}
        sample = bank.read()
        assert sample.steps == []
        assert state_of(sample, "rapl").up is False
        assert state_of(sample, "rapl").reason == "error"
    rapl.reading, rapl.energy = None, {cpu("rapl"): 400 * J}
    clock.advance(1)
    (step,) = bank.read().steps
    assert (step.device.source, step.microjoules, step.nanoseconds) == ("rapl", 400 * J, 4_000_000_000)
    assert step.missed
    clock.advance(1)
    rapl.energy = {cpu("rapl"): 500 * J}
    (step,) = bank.read().steps
    assert (step.microjoules, step.missed) == (100 * J, False)
    assert len(log.warnings()) == 1  # said once, not per tick


def test_a_sensor_away_for_long_is_replaced_and_its_gap_forgotten(make: Any, clock: Any) -> None:
    rapl, estimate = Scripted("rapl", clock), Scripted("estimate", clock)
    rapl.energy, estimate.energy = {cpu("rapl"): 0}, {cpu("estimate"): 0}
    bank = make(rapl, estimate)
    bank.read()
    rapl.reading = TryAgain("bus error")
    total = 0
    for second in range(1, 200):
        clock.advance(1)
        estimate.energy = {cpu("estimate"): second * J}
        total += sum(booked(bank.read()).values())
    assert 130 * J < total < 140 * J  # all but the minute during which the sensor was waited for
    rapl.reading, rapl.energy = None, {cpu("rapl"): 5000 * J}
    sources = set()
    for second in range(200, 330):
        clock.advance(1)
        rapl.energy = {cpu("rapl"): (5000 + second) * J}
        estimate.energy = {cpu("estimate"): second * J}
        for step in bank.read().steps:
            sources.add(step.device.source)
            assert step.microjoules == J
            assert not step.missed
    assert sources == {"rapl", "estimate"}  # it came back, and took over from then on


def test_a_sensor_that_vanishes_is_replaced_after_the_hold(make: Any, clock: Any) -> None:
    rapl, estimate = Scripted("rapl", clock), Scripted("estimate", clock)
    rapl.energy, estimate.energy = {cpu("rapl"): 0}, {cpu("estimate"): 0}
    bank = make(rapl, estimate)
    bank.read()
    rapl.reading = rapl.opening = NotHere("driver unloaded")
    clock.advance(1)
    assert state_of(bank.read(), "rapl").reason == "lost"
    clock.advance(2)
    assert state_of(bank.read(), "rapl").reason == "absent"  # opening it again says it is gone for good
    clock.advance(1)
    estimate.energy = {cpu("estimate"): J}
    assert set(booked(bank.read())) == {("cpu", "package-0", "estimate")}


def test_denied_is_said_once_with_its_fix_and_tried_again_later(make: Any, clock: Any, log: Any) -> None:
    rapl = Scripted("rapl", clock)
    rapl.opening = Denied("no permission", "do this")
    bank = make(rapl)
    for _ in range(30):
        clock.advance(10)
        assert state_of(bank.read(), "rapl").reason == "denied"
    (line,) = log.warnings()
    assert line["fix"] == "do this"
    assert 3 <= rapl.opened <= 6
    rapl.opening, rapl.energy = None, {cpu("rapl"): 0}
    clock.advance(60)
    assert state_of(bank.read(), "rapl").up


def test_absent_is_not_worth_a_warning(make: Any, clock: Any, log: Any) -> None:
    rapl = Scripted("rapl", clock)
    rapl.opening = NotHere("no powercap")
    sample = make(rapl).read()
    assert (state_of(sample, "rapl").up, state_of(sample, "rapl").reason) == (False, "absent")
    assert log.warnings() == []
    assert state_of(sample, "rapl").failures == {}


def test_disabled_is_reported(make: Any) -> None:
    state = state_of(make(Disabled("nvml")).read(), "nvml")
    assert (state.up, state.reason) == (False, "disabled")


@pytest.mark.parametrize("error", [TryAgain("busy"), Fatal("replaced", "restart"), RuntimeError("a bug")])
def test_one_failing_sensor_never_stops_the_others(make: Any, clock: Any, error: Exception) -> None:
    bad, good = Scripted("nvml", clock), Scripted("rapl", clock)
    good.energy = {cpu("rapl"): 0}
    bank = make(bad, good)
    bank.read()
    bad.reading = error
    clock.advance(1)
    good.energy = {cpu("rapl"): 5}
    sample = bank.read()
    assert booked(sample) == {("cpu", "package-0", "rapl"): 5}
    assert state_of(sample, "nvml").failures == {"error": 1}
    assert state_of(sample, "rapl").up


def test_opening_is_retried_with_growing_pauses(make: Any, clock: Any, log: Any) -> None:
    nvml = Scripted("nvml", clock)
    nvml.opening = TryAgain("driver starting")
    bank = make(nvml)
    for _ in range(300):
        clock.advance(1)
        bank.read()
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
    rapl.energy = {cpu("rapl"): 0}
    bank = Bank([slow, rapl], clock, log)
    bank.open()
    sample = bank.read()  # while the other one is still opening
    assert state_of(sample, "rapl").up
    assert not state_of(sample, "nvml").up
    slow.go = True
    deadline = time.monotonic() + 10
    while not state_of(bank.read(), "nvml").up:
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
    nvml.energy, rapl.energy = {gpu: 0}, {cpu("rapl"): 0}
    bank = Bank([nvml, rapl], clock, log)
    bank.open()
    bank.read()
    for tick in range(1, 5):
        clock.advance(1)
        rapl.energy = {cpu("rapl"): tick}
        sample = bank.read()
        assert booked(sample) == {("cpu", "package-0", "rapl"): 1}
        assert state_of(sample, "nvml").reason == "error"
    assert nvml.calls == 2  # the one that hangs is waited for, no other is sent after it
    nvml.energy = {gpu: 9 * J}
    nvml.stuck.set()
    deadline = time.monotonic() + 10
    steps: Sequence[EnergyStep] = ()
    while not steps:
        assert time.monotonic() < deadline
        clock.advance(0.001)
        steps = [step for step in bank.read().steps if step.device == gpu]
    assert (steps[0].microjoules, steps[0].missed) == (9 * J, True)


def test_a_lost_device_does_not_take_the_others_with_it(make: Any, clock: Any, log: Any) -> None:
    nvml = Scripted("nvml", clock)
    one, two = Device("gpu", "GPU-1", "nvml", 0.05), Device("gpu", "GPU-2", "nvml", 0.05)
    nvml.energy = {one: 0, two: 0}
    bank = make(nvml)
    bank.read()
    nvml.energy, nvml.failures = {two: 7}, {"GPU-1": "lost"}
    for tick in range(3):
        clock.advance(1)
        nvml.energy = {two: 7 * (tick + 1)}
        sample = bank.read()
        assert booked(sample) == {("gpu", "GPU-2", "nvml"): 7}
        assert state_of(sample, "nvml").up
    assert state_of(sample, "nvml").failures == {"lost": 3}
    assert len(log.warnings()) == 1


def test_a_reset_is_counted_not_booked(make: Any, clock: Any) -> None:
    nvml = Scripted("nvml", clock)
    gpu = Device("gpu", "GPU-1", "nvml", 0.05, None, 700.0)
    nvml.energy = {gpu: 10**12}
    bank = make(nvml)
    bank.read()
    clock.advance(1)
    nvml.energy = {gpu: 5}
    sample = bank.read()
    assert sample.steps == []
    assert sample.resets == {("gpu", "GPU-1"): 1}
    clock.advance(1)
    nvml.energy = {gpu: 100 * J + 5}
    assert booked(bank.read()) == {("gpu", "GPU-1", "nvml"): 100 * J}


def test_power_is_integrated_and_a_repeated_reading_adds_nothing(make: Any, clock: Any, log: Any) -> None:
    hwmon = Scripted("hwmon", clock)
    gpu = Device("gpu", "0000:03:00.0", "hwmon", 0.05)
    hwmon.power = {gpu: 100 * J}  # 100 W
    bank = make(hwmon)
    bank.read()
    clock.advance(2)
    hwmon.power = {gpu: 200 * J}
    assert booked(bank.read()) == {("gpu", "0000:03:00.0", "hwmon"): 300 * J}
    assert bank.read().steps == []


def test_a_slow_meter_is_not_taken_for_a_sleeping_machine(make: Any, clock: Any) -> None:
    """Its answers are seconds old when they are read, more or less so: that is no difference of the two clocks."""
    ipmi = Scripted("ipmi", clock)
    whole = Meter("ipmi", "ipmi", covers=("cpu", "dram", "gpu"))
    bank = make(ipmi, awake_ns=lambda: clock.ns - 5 * 10**9)
    booked_total = 0
    for asked_after in (0.1, 4.9, 0.2, 4.8):
        clock.advance(asked_after)
        at = clock.ns
        clock.advance(5 - asked_after)
        ipmi.answer = Sample([PowerReading(whole, 100 * J, at)])
        booked_total += sum(step.microjoules for step in bank.read().meters)
    assert booked_total == (15 + 4.8 - 0.1) * 100 * J


def test_a_sleep_is_not_bridged_by_power(make: Any, clock: Any) -> None:
    awake = type(clock)()
    hwmon = Scripted("hwmon", clock)
    gpu = Device("gpu", "0000:03:00.0", "hwmon", 0.05)
    hwmon.power = {gpu: 100 * J}
    bank = make(hwmon, awake_ns=awake)
    bank.read()
    clock.advance(30)
    awake.advance(5)
    assert bank.read().steps == []
    clock.advance(1)
    awake.advance(1)
    assert booked(bank.read()) == {("gpu", "0000:03:00.0", "hwmon"): 100 * J}


def test_nobody_knows_the_energy_of_a_long_gap_in_power(make: Any, clock: Any) -> None:
    hwmon = Scripted("hwmon", clock)
    gpu = Device("gpu", "0000:03:00.0", "hwmon", 0.05)
    hwmon.power = {gpu: 100 * J}
    bank = make(hwmon)
    bank.read()
    power, hwmon.power = hwmon.power, {}
    bank.read()
    clock.advance(3600)
    hwmon.power = power
    assert bank.read().steps == []
    clock.advance(1)
    assert booked(bank.read()) == {("gpu", "0000:03:00.0", "hwmon"): 100 * J}


def test_what_a_platform_meter_shows_beyond_the_devices_is_other(sysfs: Any, clock: Any, log: Any) -> None:
    tree = sysfs("laptop")
    bank = Bank([Rapl(str(tree.root), clock)], clock, log)
    bank.open()
    bank.read()
    package, psys, other, node = 1_000_000, 9_000_000, 0, 0
    for watts, platform in [(10, 25), (12, 26), (30, 29), (10, 25)]:  # once the platform seems to draw less
        clock.advance(1)
        package, psys = package + watts * J, psys + platform * J
        tree.zone("intel-rapl:0", package)
        tree.zone("intel-rapl:1", psys)
        sample = bank.read()
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
    rapl.energy, ipmi.energy = {psys: 0, cpu("rapl"): 0}, {whole: 0}
    bank = make(rapl, ipmi)
    bank.read()
    clock.advance(1)
    rapl.energy, ipmi.energy = {psys: 30 * J, cpu("rapl"): 20 * J}, {whole: 50 * J}
    assert booked(bank.read()) == {("cpu", "package-0", "rapl"): 20 * J, ("other", "ipmi", "ipmi"): 30 * J}


# --- restarts


def restart(bank: Bank, sensors: Sequence[Any], clock: Any, log: Any) -> Bank:
    saved = json.loads(json.dumps(bank.state()))
    bank.close()
    after = Bank(sensors, clock, log)
    after.restore(saved)
    after.open()
    return after


def test_energy_of_a_restart_is_missed_never_lost(make: Any, clock: Any, log: Any) -> None:
    rapl = Scripted("rapl", clock)
    rapl.energy = {cpu("rapl"): 100 * J}
    bank = make(rapl)
    bank.read()
    clock.advance(30)
    rapl.energy = {cpu("rapl"): 400 * J}
    bank = restart(bank, [rapl], clock, log)
    (step,) = bank.read().steps
    assert (step.microjoules, step.nanoseconds, step.missed) == (300 * J, 30_000_000_000, True)
    clock.advance(1)
    rapl.energy = {cpu("rapl"): 410 * J}
    (step,) = bank.read().steps
    assert (step.microjoules, step.missed) == (10 * J, False)


def test_a_counter_that_went_back_over_a_restart_is_a_reset(make: Any, clock: Any, log: Any) -> None:
    nvml = Scripted("nvml", clock)
    gpu = Device("gpu", "GPU-1", "nvml", 0.05, None, 700.0)
    nvml.energy = {gpu: 10**9}
    bank = make(nvml)
    bank.read()
    clock.advance(30)
    nvml.energy = {gpu: 10}
    bank = restart(bank, [nvml], clock, log)
    sample = bank.read()
    assert sample.steps == []
    assert sample.resets == {("gpu", "GPU-1"): 1}
    clock.advance(1)
    bank = restart(bank, [nvml], clock, log)
    assert bank.read().resets == {("gpu", "GPU-1"): 1}  # kept with the ledger's other totals


def test_estimates_and_power_have_no_energy_of_a_restart(make: Any, clock: Any, log: Any) -> None:
    estimate, hwmon = Scripted("estimate", clock), Scripted("hwmon", clock)
    gpu = Device("gpu", "0000:03:00.0", "hwmon", 0.05)
    estimate.energy, hwmon.power = {cpu("estimate"): 100}, {gpu: 100 * J}
    bank = make(hwmon, estimate)
    bank.read()
    clock.advance(30)
    estimate.energy = {cpu("estimate"): 900}
    bank = restart(bank, [hwmon, estimate], clock, log)
    assert bank.read().steps == []


def test_after_a_restart_a_sensor_that_is_late_keeps_its_devices(make: Any, clock: Any, log: Any) -> None:
    rapl, estimate = Scripted("rapl", clock), Scripted("estimate", clock)
    rapl.energy, estimate.energy = {cpu("rapl"): 0}, {cpu("estimate"): 0}
    bank = make(rapl, estimate)
    bank.read()
    rapl.opening = TryAgain("not yet")
    clock.advance(10)
    bank = restart(bank, [rapl, estimate], clock, log)
    assert bank.read().steps == []
    clock.advance(1)
    estimate.energy = {cpu("estimate"): 5 * J}
    rapl.opening, rapl.energy = None, {cpu("rapl"): 50 * J}
    (step,) = bank.read().steps
    assert (step.device.source, step.microjoules, step.missed) == ("rapl", 50 * J, True)


def test_the_rest_of_the_node_goes_on_over_a_restart(make: Any, clock: Any, log: Any) -> None:
    rapl = Scripted("rapl", clock)
    psys = Meter("psys", "rapl", covers=("cpu", "dram", "gpu"))
    rapl.energy = {cpu("rapl"): 0, psys: 0}
    bank = make(rapl)
    bank.read()
    clock.advance(10)
    rapl.energy = {cpu("rapl"): 60 * J, psys: 100 * J}
    bank.read()
    clock.advance(10)
    rapl.energy = {cpu("rapl"): 120 * J, psys: 200 * J}
    bank = restart(bank, [rapl], clock, log)
    assert booked(bank.read()) == {("cpu", "package-0", "rapl"): 60 * J, ("other", "psys", "rapl"): 40 * J}


@pytest.mark.parametrize("saved", [{}, {"counters": 5, "owners": {}, "resets": [], "around": []}])
def test_a_state_that_is_none_is_refused_whole(make: Any, clock: Any, saved: Any) -> None:
    rapl = Scripted("rapl", clock)
    with pytest.raises((KeyError, TypeError, ValueError, AttributeError)):
        make(rapl).restore(saved)


def test_a_sleep_that_cleared_the_counter_is_not_taken_for_a_wrap(sysfs: Any, clock: Any, log: Any) -> None:
    tree = sysfs("amd")
    awake = type(clock)()
    bank = Bank([Rapl(str(tree.root), clock)], clock, log, awake_ns=awake)
    bank.open()
    bank.read()
    clock.advance(8 * 3600)
    awake.advance(5)
    tree.zone("intel-rapl:0", 1000)
    tree.zone("intel-rapl:0:0", 500)
    sample = bank.read()
    assert sample.steps == []
    assert sample.resets[("cpu", "package-0")] == 1
    clock.advance(5)
    awake.advance(5)
    tree.zone("intel-rapl:0", 1000 + 50 * J)
    assert booked(bank.read()) == {("cpu", "package-0", "rapl"): 50 * J}
