"""What one measured value changes at the other loads, and how much surer it makes them."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from described_machines import describe
from gramwatt_exporter.errors import ConfigError
from gramwatt_exporter.sensors.drivers.estimate.calibration import (
    Calibration,
    Measured,
    calibrated,
    fingerprint,
    load_calibration,
    save_calibration,
    solve,
)
from gramwatt_exporter.sensors.drivers.estimate.machine import Machine, read_machine
from gramwatt_exporter.sensors.drivers.estimate.power import Power, power_of
from gramwatt_exporter.sensors.drivers.estimate.table import built_in
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    return read_machine(*describe(tmp_path_factory.mktemp("server")))


@pytest.fixture(scope="module")
def power(machine: Machine) -> Power:
    return power_of(machine, built_in())


def of(machine: Machine, *values: Measured) -> Calibration:
    return Calibration(fingerprint(machine), values)


def test_one_value_moves_its_load_most_and_narrows_it_most(machine: Machine, power: Power) -> None:
    true = power.at(0.5).wall * 1.3
    after = calibrated(power, machine, of(machine, Measured(0.5, true)))
    assert after.at(0.5).wall == pytest.approx(true, rel=0.03)
    ratios = [after.at(load).wall / power.at(load).wall for load in (0.0, 0.5, 1.0)]
    assert 1.1 < ratios[0] < ratios[1]
    assert 1.1 < ratios[2] < ratios[1]
    assert all(new < old for new, old in zip(after.sigma, power.sigma, strict=True))
    assert after.sigma[2] == min(after.sigma)
    assert all(new <= old for new, old in zip(after.cpu_sigma, power.cpu_sigma, strict=True))


def test_the_components_still_sum(machine: Machine, power: Power) -> None:
    for value in (
        Measured(0.0, 60),
        Measured(1.0, 900),
        Measured(0.5, 120, "cpu"),
        Measured(1.0, 500, "cpu"),
    ):
        after = calibrated(power, machine, of(machine, value))
        for load in (0.0, 0.25, 0.5, 1.0):
            point = after.at(load)
            assert min(point.cpu, point.dram, point.other) >= 0
            assert point.wall == pytest.approx(point.cpu + point.dram + point.other)


def test_a_meter_of_the_packages_leaves_the_sum_where_it_can(machine: Machine, power: Power) -> None:
    after = calibrated(power, machine, of(machine, Measured(1.0, power.at(1).cpu * 0.9, "cpu")))
    assert after.at(1).cpu == pytest.approx(power.at(1).cpu * 0.9, rel=0.02)
    assert after.at(1).wall == pytest.approx(power.at(1).wall)
    assert after.cpu_sigma[3] < power.cpu_sigma[3] / 2


def test_two_values_are_both_met(machine: Machine, power: Power) -> None:
    idle, full = power.at(0).wall * 0.8, power.at(1).wall * 1.1
    after = calibrated(power, machine, of(machine, Measured(0.0, idle), Measured(1.0, full)))
    assert after.at(0).wall == pytest.approx(idle, rel=0.03)
    assert after.at(1).wall == pytest.approx(full, rel=0.03)


def test_another_machine_is_not_corrected(machine: Machine, power: Power) -> None:
    assert calibrated(power, machine, Calibration("another CPU, 4 CPUs", (Measured(0.5, 1000),))) == power


def test_a_new_value_replaces_one_of_the_same_load(machine: Machine) -> None:
    name = fingerprint(machine)
    kept = Calibration().with_value(name, Measured(0.5, 100)).with_value(name, Measured(0.0, 50))
    assert kept.with_value(name, Measured(0.52, 120)).measured == (Measured(0.0, 50), Measured(0.52, 120))
    assert kept.with_value("moved to another machine", Measured(0.5, 9)).measured == (Measured(0.5, 9),)


def test_it_is_kept(tmp_path: Path, machine: Machine) -> None:
    assert load_calibration(None) == load_calibration(tmp_path / "state") == Calibration()
    kept = of(machine, Measured(0.25, 57.5), Measured(1.0, 90, "cpu"))
    save_calibration(tmp_path / "state", kept)
    assert load_calibration(tmp_path / "state") == kept


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"measured": [[1]]}',
        '{"measured": [{"load": 2, "watts": 5}]}',
        '{"measured": [{"load": 0, "watts": 0}]}',
        '{"unknown": ' + "[" * 100_000,
    ],
    ids=range(6),
)
def test_a_damaged_file_is_said(tmp_path: Path, text: str) -> None:
    (tmp_path / "estimate.json").write_text(text)
    with pytest.raises(ConfigError, match=r"is no calibration.*--reset"):
        load_calibration(tmp_path)


@pytest.mark.slow
@settings(deadline=None)
@given(st.lists(st.floats(-3, 3), min_size=1, max_size=6))
def test_equations_are_solved(right: list[float]) -> None:
    size = len(right)
    matrix = [[math.exp(-abs(a - b)) + (a == b) for b in range(size)] for a in range(size)]
    found = solve(matrix, right)
    for row, value in zip(matrix, right, strict=True):
        assert sum(a * b for a, b in zip(row, found, strict=True)) == pytest.approx(value, abs=1e-9)
