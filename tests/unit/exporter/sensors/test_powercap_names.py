"""Zones of powercap whose names are firmware's."""

from __future__ import annotations

from typing import Any

import pytest
from gramwatt_exporter.errors import NotHere
from gramwatt_exporter.model import Device, Meter
from gramwatt_exporter.sensors.drivers.rapl.powercap_names import kind_of, roles
from gramwatt_exporter.sensors.drivers.rapl.rapl import Rapl


def devices(control: str = "arm-scmi", **labels: str) -> dict[str, str]:
    """Path -> component and name of those that are devices; "z0_1" stands for the path 0:1."""
    zones = {path.removeprefix("z").replace("_", ":"): label for path, label in labels.items()}
    return {
        path: f"{role.component} {role.name}"
        for path, role in roles(control, zones).items()
        if role.component
    }


@pytest.mark.parametrize(
    ("label", "kind"),
    [
        ("soc", "package"), ("SoC_0", "package"), ("scmi-package-0", "package"), ("socket1", "package"),
        ("cpu_cluster1", "cpu"), ("BIG", "cpu"), ("little-cores", "cpu"), ("scmi-core", "cpu"), ("cluster.0", "cpu"),
        ("DRAM", "dram"), ("ddr ctrl", "dram"), ("GPU", "gpu"), ("mali", "gpu"), ("gpu_soc", "gpu"),
        ("SYSTEM", "machine"), ("platform", "machine"), ("pcie", "other"), ("", "other"), ("🔌", "other"),
        ("\\x00soc\\n", "package"), ("isp", "other"), ("chipmunk", "other"),
    ],
)  # fmt: skip
def test_what_a_name_says(label: str, kind: str) -> None:
    assert kind_of(label) == kind


def test_a_soc_is_the_package_and_what_lies_in_it_is_not_counted_again() -> None:
    found = roles("arm-scmi", {"0": "soc", "0:0": "cpu-cluster", "0:1": "gpu", "0:0:1": "core1"})
    assert found["0"].component == "cpu"
    assert found["0"].name == "package-0"
    assert [(found[path].component, found[path].part_of) for path in ("0:0", "0:1", "0:0:1")] == [
        (None, "package-0")
    ] * 3


def test_packages_have_the_numbers_of_their_names_or_their_places() -> None:
    assert devices(z0="scmi-package-0", z1="scmi-package-1") == {"0": "cpu package-0", "1": "cpu package-1"}
    assert devices(z3="SOC", z7="SOC") == {"3": "cpu package-0", "7": "cpu package-1"}


def test_clusters_are_devices_where_there_is_no_package() -> None:
    assert devices(z0="BIG", z1="LITTLE", z2="GPU", z3="DDR", z4="display") == {
        "0": "cpu big", "1": "cpu little", "2": "gpu gpu", "3": "dram ddr",
    }  # fmt: skip
    assert devices(z0="BIG", z1="soc") == {"1": "cpu package-0"}


def test_a_zone_around_everything_is_a_meter_and_what_lies_in_it_the_devices() -> None:
    found = roles("arm-scmi", {"0": "SYSTEM", "0:0": "soc", "0:1": "dram", "0:0:0": "cluster0"})
    assert found["0"].around
    assert {path: role.component for path, role in found.items()} == {
        "0": None, "0:0": "cpu", "0:1": "dram", "0:0:0": None,
    }  # fmt: skip


def test_names_that_come_twice_are_told_apart() -> None:
    found = roles("arm-scmi", {"0": "cluster", "1": "cluster", "2": "", "3": "x" * 300, "4": "x" * 300})
    assert len({role.name for role in found.values()}) == 5
    assert all(len(role.name) < 100 for role in found.values())


def test_a_model_measures_nothing() -> None:
    assert devices("dtpm", z0="cpu0-cpufreq", z1="soc") == {}


def test_the_zones_of_scmi_are_read(clock: Any, tmp_path: Any) -> None:
    root = tmp_path / "sys/class/powercap"
    for zone, label, energy in (
        ("arm-scmi", None, None),  # the control type itself
        ("arm-scmi:0", "soc", 700),
        ("arm-scmi:0:0", "cluster0", 500),
        ("arm-scmi:1", "charger", None),  # limits power and counts none
        ("dtpm:0", "soc", 9),
    ):
        (root / zone).mkdir(parents=True)
        if label is not None:
            (root / zone / "name").write_text(f"{label}\n")
        if energy is not None:
            (root / zone / "energy_uj").write_text(f"{energy}\n")
    sensor = Rapl(str(tmp_path / "sys"), clock)
    sensor.open()
    sample = sensor.read()
    assert {type(r.of): r.of.name for r in sample.readings} == {
        Device: "package-0",
        Meter: "arm-scmi-cluster0",
    }
    assert sample.failures == {}


def test_a_model_alone_is_no_meter(clock: Any, tmp_path: Any) -> None:
    zone = tmp_path / "sys/class/powercap/dtpm:0"
    zone.mkdir(parents=True)
    (zone / "name").write_text("soc\n")
    (zone / "energy_uj").write_text("9\n")
    with pytest.raises(NotHere):
        Rapl(str(tmp_path / "sys"), clock).open()
