"""Frequency and sleep states, and a calibration that comes while the sensor runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from described_machines import describe
from gramwatt_exporter.model import Device, EnergyReading, Sample
from gramwatt_exporter.sensors.drivers.estimate.calibration import (
    Calibration,
    Measured,
    fingerprint,
    remove_calibration,
    save_calibration,
)
from gramwatt_exporter.sensors.drivers.estimate.estimate import Estimate
from gramwatt_exporter.sensors.drivers.estimate.live import LiveInputs
from gramwatt_exporter.sensors.drivers.estimate.machine import read_machine
from gramwatt_exporter.sensors.drivers.estimate.power import power_of
from gramwatt_exporter.sensors.drivers.estimate.table import built_in

SECOND = 1_000_000_000
CPU = "devices/system/cpu/cpu{}"


class Cpus:
    """Files of four CPUs in two packages."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.packages = {0: frozenset({0, 1}), 1: frozenset({2, 3})}

    def write(self, cpu: int, path: str, content: object) -> None:
        file = self.root / CPU.format(cpu) / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{content}\n")

    def frequency(self, *mhz: int) -> None:
        for cpu, value in enumerate(mhz):
            self.write(cpu, "cpufreq/scaling_cur_freq", value * 1000)

    def sleep_states(self, microseconds: int, disabled: int = 0, cpus: int = 4) -> None:
        for cpu in range(cpus):
            for place, (name, time) in enumerate((("POLL", 5), ("C1", 10), ("C6", microseconds))):
                self.write(cpu, f"cpuidle/state{place}/name", name)
                self.write(cpu, f"cpuidle/state{place}/time", time)
                self.write(cpu, f"cpuidle/state{place}/disable", disabled if name == "C6" else 0)

    def inputs(self) -> LiveInputs:
        return LiveInputs(self.root, self.packages, 2000, seconds=1.0)


@pytest.fixture
def cpus(tmp_path: Path) -> Cpus:
    return Cpus(tmp_path)


def test_below_its_base_frequency_a_busy_package_draws_less(cpus: Cpus) -> None:
    cpus.frequency(1000, 900, 2000, 2600)
    inputs = cpus.inputs()
    inputs.look(0)
    assert inputs.dynamic_factor(0, 1.0) == pytest.approx(0.25)
    assert 0.25 < inputs.dynamic_factor(0, 0.5) < 1
    assert inputs.dynamic_factor(0, 0.1) == 1  # the clock of idle cores says nothing
    assert inputs.dynamic_factor(1, 1.0) == 1  # turbo is part of the curve
    cpus.frequency(2000, 2000, 2000, 2000)
    inputs.look(SECOND // 2)  # too soon
    assert inputs.dynamic_factor(0, 1.0) < 1
    inputs.look(SECOND)
    assert inputs.dynamic_factor(0, 1.0) == 1
    inputs.close()


def test_a_package_that_does_not_sleep_draws_more_when_idle(cpus: Cpus) -> None:
    cpus.sleep_states(0)
    inputs = cpus.inputs()
    inputs.look(0)
    assert inputs.awake_share(0, 0.0) == 0  # nothing is known yet
    inputs.look(SECOND)
    assert inputs.awake_share(0, 0.0) == pytest.approx(0.25)
    assert inputs.awake_share(0, 0.5) == 0
    cpus.sleep_states(1_000_000)
    inputs.look(2 * SECOND)
    assert inputs.awake_share(0, 0.0) == 0
    inputs.close()


def test_sleep_states_that_are_switched_off(cpus: Cpus) -> None:
    cpus.sleep_states(0, disabled=1)
    inputs = cpus.inputs()
    inputs.look(0)
    inputs.look(SECOND)
    assert inputs.awake_share(0, 0.0) == pytest.approx(0.25)
    inputs.close()


def test_what_shows_nothing_changes_nothing(cpus: Cpus) -> None:
    inputs = cpus.inputs()
    inputs.look(0)
    assert not inputs.seen
    assert (inputs.dynamic_factor(0, 1.0), inputs.awake_share(1, 0.0)) == (1.0, 0.0)
    cpus.frequency(0, 0, 0, 0)
    inputs = cpus.inputs()
    inputs.look(0)
    assert inputs.dynamic_factor(0, 1.0) == 1.0
    inputs.close()


class Clock:
    def __init__(self) -> None:
        self.ns = 1_000 * SECOND

    def __call__(self) -> int:
        return self.ns


def device(sample: Sample, name: str) -> Device:
    (found,) = [reading.of for reading in sample.readings if reading.of.name == name]
    assert isinstance(found, Device)
    return found


def watts(sensor: Estimate, clock: Clock) -> dict[str, float]:
    before = {r.of.name: r.microjoules for r in sensor.read().readings if isinstance(r, EnergyReading)}
    clock.ns += SECOND
    after = {r.of.name: r.microjoules for r in sensor.read().readings if isinstance(r, EnergyReading)}
    return {name: (after[name] - before[name]) / 1e6 for name in after}


def test_the_sensor_draws_what_the_command_shows(tmp_path: Path) -> None:
    proc, sys = describe(tmp_path)
    power = power_of(read_machine(proc, sys), built_in())
    clock = Clock()
    sensor = Estimate(str(proc), str(sys), clock, other=True)
    sensor.open()
    found = watts(sensor, clock)
    assert found["package-0"] + found["package-1"] == pytest.approx(power.cpu[0], rel=0.001)
    assert found["dram-0"] == pytest.approx(power.dram, rel=0.001)
    assert found["machine-0"] == pytest.approx(power.other[0], rel=0.001)
    sensor.close()


@pytest.mark.slow
def test_a_calibration_is_taken_over_within_a_minute_and_so_is_its_end(tmp_path: Path) -> None:
    proc, sys = describe(tmp_path)
    state = tmp_path / "state"
    clock = Clock()
    sensor = Estimate(str(proc), str(sys), clock, state_dir=str(state))
    sensor.open()
    first = watts(sensor, clock)
    unsure = device(sensor.read(), "package-0").uncertainty_ratio
    machine = read_machine(proc, sys)
    wall = power_of(machine, built_in()).at(0).wall
    save_calibration(state, Calibration(fingerprint(machine), (Measured(0.0, 2 * wall),)))
    energy = sensor.read().readings[0]
    clock.ns += 61 * SECOND
    later = sensor.read().readings[0]
    assert isinstance(energy, EnergyReading)
    assert isinstance(later, EnergyReading)
    assert later.microjoules >= energy.microjoules  # counters that exist go on
    assert watts(sensor, clock)["package-0"] == pytest.approx(2 * first["package-0"], rel=0.05)
    assert device(sensor.read(), "package-0").uncertainty_ratio < unsure
    remove_calibration(state)
    clock.ns += 61 * SECOND
    sensor.read()
    assert watts(sensor, clock) == pytest.approx(first)
    sensor.close()


@pytest.mark.slow
def test_a_package_below_its_base_frequency_in_the_sensor(tmp_path: Path) -> None:
    proc, sys = describe(tmp_path, mhz=0)
    for cpu in range(256):
        folder = sys / CPU.format(cpu) / "cpufreq"
        folder.mkdir(parents=True)
        (folder / "base_frequency").write_text("2250000\n")
        (folder / "scaling_cur_freq").write_text(f"{2250000 if cpu % 2 else 1125000}\n")
    clock = Clock()
    sensor = Estimate(str(proc), str(sys), clock)
    sensor.open()
    lines = "".join(f"cpu{cpu} 100 0 0 100 0 0 0 0 0 0\n" for cpu in range(256))
    (proc / "stat").write_text(f"cpu  0 0 0 0 0 0 0 0 0 0\n{lines}")
    found = watts(sensor, clock)
    assert found["package-0"] < 0.6 * found["package-1"]
    sensor.close()
