"""Watts by component: they sum, they rise with the load, and each kind of machine has a plausible size."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
from described_machines import describe
from gramwatt_exporter.sensors.drivers.estimate.machine import read_machine
from gramwatt_exporter.sensors.drivers.estimate.package import steep
from gramwatt_exporter.sensors.drivers.estimate.power import Power, power_of
from gramwatt_exporter.sensors.drivers.estimate.table import FEATURES, at, built_in, exponent, region
from hypothesis import given
from hypothesis import strategies as st

XEON = {
    "name": "Intel(R) Xeon(R) Platinum 8180 CPU @ 2.50GHz",
    "vendor": "intel",
    "numbers": (6, 85, 4),
    "mhz": 0,
}
SMALL = {
    "name": "Intel(R) Xeon(R) E-2288G CPU @ 3.70GHz", "vendor": "intel", "numbers": (6, 158, 13), "mhz": 0,
    "chips": 1, "cores": 8, "threads": 16, "memory_gb": 16,
}  # fmt: skip


def power(root: Path, **facts: Any) -> Power:
    return power_of(read_machine(*describe(root, **facts)), built_in())


@pytest.mark.parametrize(
    ("facts", "idle", "full"),
    [
        # Within a factor of 1.4 of results of SPECpower_ssj2008 for such machines (spec.org).
        ({}, 110, 430),  # two EPYC 7742
        (XEON | {"cores": 56, "threads": 112, "memory_gb": 192}, 52, 456),
        (SMALL, 16, 55),
    ],
)
def test_wall_power(tmp_path: Path, facts: dict[str, Any], idle: float, full: float) -> None:
    found = power(tmp_path, **facts)
    assert idle / 1.4 < found.at(0).wall < idle * 1.4
    assert full / 1.4 < found.at(1).wall < full * 1.4
    assert all(0.05 < sigma < 0.5 for sigma in found.sigma)


@pytest.mark.slow
@given(
    chips=st.sampled_from([1, 2, 4, 8]), each=st.sampled_from([1, 2, 4, 8, 28, 64, 128]), smt=st.sampled_from([1, 2]),
    memory=st.sampled_from([0, 1, 16, 512, 6000]), mhz=st.sampled_from([0, 800, 2500, 5000]),
    numbers=st.sampled_from([None, (23, 49, 0), (25, 17, 1), (16, 9, 1), (25, 33, 0)]),
    name=st.sampled_from(["AMD EPYC", "AMD EPYC 7742 64-Core Processor", "AMD Ryzen 7 5800X 8-Core Processor", ""]),
    guest=st.booleans(),
)  # fmt: skip
def test_components_are_positive_and_rise_with_the_load(
    tmp_path_factory: pytest.TempPathFactory,
    chips: int, each: int, smt: int, memory: int, mhz: int, numbers: tuple[int, int, int] | None, name: str,
    guest: bool,
) -> None:  # fmt: skip
    found = power(
        tmp_path_factory.mktemp("machine"), name=name, numbers=numbers, chips=chips, cores=chips * each,
        threads=chips * each * smt, memory_gb=memory, mhz=mhz, flags="fpu hypervisor" if guest else "fpu",
    )  # fmt: skip
    points = [found.at(percent / 100) for percent in range(0, 101, 5)]
    for point in points:
        assert min(point.cpu, point.dram, point.other) >= 0
        assert point.wall == pytest.approx(point.cpu + point.dram + point.other)
        assert 0 < point.sigma_ratio < 1.5
    for lower, higher in itertools.pairwise(points):
        assert higher.wall >= lower.wall * 0.999
        assert higher.cpu >= lower.cpu * 0.999


@pytest.mark.slow
def test_what_is_not_known_makes_it_less_certain(tmp_path: Path) -> None:
    known = power(tmp_path / "known")
    unknown: list[dict[str, Any]] = [{"memory_gb": 0}, {"mhz": 0}, {"name": "AMD EPYC Processor"}]
    for place, missing in enumerate(unknown):
        found = power(tmp_path / str(place), **missing)
        assert found.missing
        assert all(a > b for a, b in zip(found.sigma, known.sigma, strict=True))
    newer = power(tmp_path / "newer", name="AMD EPYC", numbers=(26, 2, 1))
    assert "lacks" in newer.how
    assert newer.sigma[2] > known.sigma[2]


def test_a_guest_is_a_share_of_a_host(tmp_path: Path) -> None:
    host = power(tmp_path / "host")
    guest = power(tmp_path / "guest", chips=1, cores=32, threads=64, memory_gb=64, flags="fpu hypervisor")
    assert guest.at(1).cpu == pytest.approx(host.at(1).cpu / 4, rel=0.2)
    assert guest.at(0).cpu == pytest.approx(host.at(0).cpu / 4, rel=0.2)
    assert guest.sigma[2] > host.sigma[2]
    assert guest.dram < 64 * 3 / 8  # hosts have large modules: far below 3 W per 8 GB


def test_modules_of_memory_count_and_not_only_gigabytes(tmp_path: Path) -> None:
    """Sixteen modules of 8 GB draw more than two of 64 GB."""
    watts = {}
    for count, megabytes in ((2, 64 << 10), (16, 8 << 10)):
        proc, sys = describe(tmp_path / str(count), memory_gb=128)
        for number in range(count):
            table = bytearray(0x28)
            table[0:2] = 17, 0x28
            table[0x0C:0x0E] = min(megabytes, 0x7FFF).to_bytes(2, "little")
            table[0x0E], table[0x12] = 0x09, 0x1A
            table[0x1C:0x20] = megabytes.to_bytes(4, "little")
            entry = sys / f"firmware/dmi/entries/17-{number}"
            entry.mkdir(parents=True)
            (entry / "raw").write_bytes(bytes(table))
        watts[count] = power_of(read_machine(proc, sys), built_in()).dram
    assert watts[2] == pytest.approx(10, abs=1)
    assert watts[16] > 2 * watts[2]


def test_the_table_is_whole() -> None:
    table = built_in()
    assert {"amd", "intel", "any", "skylake", "epyc-gen2", "kabylake"} <= table.classes.keys()
    assert "spec.org" in table.source
    assert "estimate_fit.py" in table.source
    for fit in table.classes.values():
        assert set(fit.exponents) == set(FEATURES)
        assert len(fit.watts) == 11
        assert all(0 < sigma < 1 for sigma in fit.sigma)


@pytest.mark.slow
@given(st.floats(0, 1))
def test_between_its_points_a_curve_lies_between_them(load: float) -> None:
    curve = [float(step * step) for step in range(11)]
    below = curve[min(int(load * 10), 9)]
    assert below <= at(curve, load) <= curve[min(int(load * 10), 9) + 1]
    assert 0 <= steep(load, 2.0, 0.3) <= 1
    assert 0 <= region(load) <= 3


def test_exponents_between_their_three_values() -> None:
    assert [exponent((5, 1, 2), step) for step in (0, 1, 10)] == [5, 1, 2]
    assert exponent((5, 1, 2), 4) == pytest.approx(4 / 3)
