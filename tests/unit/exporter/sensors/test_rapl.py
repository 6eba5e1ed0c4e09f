"""RAPL through fixture trees of documented layouts."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from descriptors import open_below
from gramwatt_exporter.errors import Denied, NotHere, TryAgain
from gramwatt_exporter.model import Device, EnergyReading, Meter
from gramwatt_exporter.sensors.drivers.rapl.rapl import FIX, Rapl
from gramwatt_exporter.sensors.sensor_set import SensorSet

J = 1_000_000


def by_name(sensor: Rapl) -> dict[str, EnergyReading]:
    return {r.of.name: r for r in sensor.read().readings if isinstance(r, EnergyReading)}


@pytest.fixture
def rapl(sysfs: Callable[[str], Any], clock: Any) -> Callable[[str], Rapl]:
    def build(name: str) -> Rapl:
        sensor = Rapl(str(sysfs(name).root), clock)
        sensor.open()
        return sensor

    return build


def test_one_socket(rapl: Callable[[str], Rapl]) -> None:
    readings = by_name(rapl("single-socket"))
    assert {name: r.microjoules for name, r in readings.items()} == {
        "package-0": 1_000_000, "core-0": 400_000, "uncore-0": 1_000, "dram-0": 50_000,
    }  # fmt: skip
    assert readings["package-0"].of == Device("cpu", "package-0", "rapl", 0.05, None, 1000.0)
    assert readings["core-0"].of == Meter("core-0", "rapl", part_of="package-0", max_watts=1000.0)
    assert readings["package-0"].wraps_at == 262_143_328_850


def test_two_sockets_keep_their_memories_apart_each_with_its_own_wrap(rapl: Callable[[str], Rapl]) -> None:
    readings = by_name(rapl("dual-socket"))
    assert {name: (r.microjoules, r.wraps_at) for name, r in readings.items()} == {
        "package-0": (1_000_000, 262_143_328_850), "dram-0": (500_000, 65_712_999_613),
        "package-1": (2_000_000, 262_143_328_850), "dram-1": (600_000, 65_712_999_613),
    }  # fmt: skip


def test_amd_has_no_memory(rapl: Callable[[str], Rapl]) -> None:
    assert set(by_name(rapl("amd"))) == {"package-0", "core-0"}


def test_a_laptop_counts_its_package_once_and_psys_around_it(rapl: Callable[[str], Rapl]) -> None:
    sample = rapl("laptop").read()
    names = [reading.of.name for reading in sample.readings]
    assert sorted(names) == ["core-0", "package-0", "psys", "uncore-0"]
    values = {r.of.name: r for r in sample.readings if isinstance(r, EnergyReading)}
    assert values["package-0"].microjoules == 1_000_000  # the MSR, not its MMIO twin
    psys = values["psys"].of
    assert isinstance(psys, Meter)
    assert psys.covers == ("cpu", "dram", "gpu")
    assert psys.part_of is None


def test_mmio_counts_where_it_has_no_twin(rapl: Callable[[str], Rapl]) -> None:
    assert by_name(rapl("mmio-only"))["package-0"].microjoules == 1_000_123


def test_no_powercap_is_normal(tmp_path: Path, clock: Any) -> None:
    with pytest.raises(NotHere, match="does not exist"):
        Rapl(str(tmp_path), clock).open()


def test_an_empty_powercap_is_normal(tmp_path: Path, clock: Any) -> None:
    (tmp_path / "class/powercap/intel-rapl").mkdir(parents=True)
    with pytest.raises(NotHere, match="no readable energy counter"):
        Rapl(str(tmp_path), clock).open()


def test_a_container_that_hides_powercap_is_told_what_to_do(tmp_path: Path, clock: Any) -> None:
    """Runtimes mask /sys/devices/virtual/powercap: the class's links are there and lead nowhere."""
    powercap = tmp_path / "class/powercap"
    powercap.mkdir(parents=True)
    (powercap / "intel-rapl:0").symlink_to(tmp_path / "devices/virtual/powercap/intel-rapl/intel-rapl:0")
    with pytest.raises(Denied) as caught:
        Rapl(str(tmp_path), clock).open()
    assert "--path.sysfs" in caught.value.fix


def test_values_follow_the_files(sysfs: Callable[[str], Any], clock: Any) -> None:
    tree = sysfs("amd")
    sensor = Rapl(str(tree.root), clock)
    sensor.open()
    tree.zone("intel-rapl:0", 8_000_000)
    clock.advance(5)
    reading = by_name(sensor)["package-0"]
    assert (reading.microjoules, reading.at_ns) == (8_000_000, clock.ns)


@pytest.mark.parametrize("content", ["", "garbage", "-5", "12 34", "1e9", "\x00"])
def test_garbage_fails_that_zone_only(sysfs: Callable[[str], Any], clock: Any, content: str) -> None:
    tree = sysfs("dual-socket")
    sensor = Rapl(str(tree.root), clock)
    sensor.open()
    tree.zone("intel-rapl:1", content)
    sample = sensor.read()
    assert sample.failures == {"package-1": "garbage"}
    assert {r.of.name for r in sample.readings} == {"package-0", "dram-0", "dram-1"}


def test_a_zone_replaced_by_a_driver_reload_is_read_again(sysfs: Callable[[str], Any], clock: Any) -> None:
    tree = sysfs("amd")
    sensor = Rapl(str(tree.root), clock)
    sensor.open()
    sensor._zones[0].fd = _dead_descriptor()  # what a removed kernel object leaves behind: reads fail
    tree.zone("intel-rapl:0", 42)
    assert by_name(sensor)["package-0"].microjoules == 42


def _dead_descriptor() -> int:
    """A descriptor every read of which fails, as after the removal of a device."""
    return os.open("/", os.O_RDONLY)


def test_a_zone_that_cannot_be_read_at_first_is_said_and_tried_again(
    sysfs: Callable[[str], Any], make: Callable[..., SensorSet], clock: Any
) -> None:
    tree = sysfs("dual-socket")
    counter = tree.root / "class/powercap/intel-rapl:1/energy_uj"
    counter.unlink()
    counter.mkdir()  # opens, and every read fails
    sensor_set = make(Rapl(str(tree.root), clock))
    assert dict(sensor_set.read().sensors[0].failures) == {"lost": 1}
    counter.rmdir()
    energy: dict[str, int] = {}
    for second in range(5, 35, 5):
        clock.advance(5)
        tree.zone("intel-rapl:0", (1 + second) * J)
        tree.zone("intel-rapl:1", (2 + second) * J)
        sample = sensor_set.read()
        for step in sample.steps:
            energy[step.device.name] = energy.get(step.device.name, 0) + step.microjoules
    assert (energy["package-0"], energy["package-1"]) == (
        30 * J,
        25 * J,
    )  # package-1 counts from its first reading
    assert sample.sensors[0].failures["lost"] == 1


def test_a_zone_that_does_not_say_what_it_is_is_asked_again(
    sysfs: Callable[[str], Any], clock: Any, tmp_path: Path
) -> None:
    tree = sysfs("dual-socket")
    name = tree.root / "class/powercap/intel-rapl:1/name"
    name.rename(tmp_path / "name")
    sensor = Rapl(str(tree.root), clock)
    sensor.open()
    assert sensor.read().failures == {"intel-rapl:1": "lost"}
    (tmp_path / "name").rename(name)
    clock.advance(60)
    sensor.read()
    assert sensor.read().failures == {}
    assert by_name(sensor)["package-1"].microjoules == 2_000_000


def test_zones_that_come_later_are_found_within_a_minute(
    sysfs: Callable[[str], Any], clock: Any, tmp_path: Path
) -> None:
    tree = sysfs("dual-socket")
    (tree.root / "class/powercap/intel-rapl:1").rename(tmp_path / "later")
    sensor = Rapl(str(tree.root), clock)
    sensor.open()
    assert "package-1" not in by_name(sensor)
    (tmp_path / "later").rename(tree.root / "class/powercap/intel-rapl:1")
    for _ in range(13):
        clock.advance(5)
        sample = sensor.read()
        assert sample.failures == {}
    assert by_name(sensor)["package-1"].microjoules == 2_000_000


def test_zones_that_change_numbers_are_not_read_for_each_other(
    sysfs: Callable[[str], Any], clock: Any
) -> None:
    tree = sysfs("dual-socket")
    sensor = Rapl(str(tree.root), clock)
    sensor.open()
    before = {name: reading.microjoules for name, reading in by_name(sensor).items()}
    powercap = tree.root / "class/powercap"
    for old, new in (("0", "x"), ("1", "0"), ("x", "1")):
        (powercap / f"intel-rapl:{old}").rename(powercap / f"intel-rapl:{new}")
        (powercap / f"intel-rapl:{old}:0").rename(powercap / f"intel-rapl:{new}:0")
    for zone in sensor._zones:
        zone.fd = _dead_descriptor()
    with pytest.raises(TryAgain, match="lost"):
        sensor.read()
    sensor.open()
    assert {name: reading.microjoules for name, reading in by_name(sensor).items()} == before


def test_a_zone_that_moved_while_others_go_on_is_found_again(sysfs: Callable[[str], Any], clock: Any) -> None:
    tree = sysfs("laptop")
    sensor = Rapl(str(tree.root), clock)
    sensor.open()
    psys = next(zone for zone in sensor._zones if zone.of.name == "psys")
    old = psys.path.parent
    os.close(psys.fd)
    psys.fd = _dead_descriptor()
    old.rename(old.with_name("intel-rapl:7"))
    assert sensor.read().failures == {"psys": "lost"}
    clock.advance(60)
    sensor.read()
    assert "psys" in by_name(sensor)
    assert sensor.read().failures == {}


def test_everything_failing_is_worth_another_try_and_gone_is_gone(
    sysfs: Callable[[str], Any], clock: Any
) -> None:
    tree = sysfs("amd")
    sensor = Rapl(str(tree.root), clock)
    sensor.open()
    tree.zone("intel-rapl:0", "x")
    tree.zone("intel-rapl:0:0", "y")
    with pytest.raises(TryAgain):
        sensor.read()
    shutil.rmtree(tree.root / "class")
    with pytest.raises(NotHere):
        sensor.read()


def test_denied_says_how_to_fix_it_and_never_opens_the_counter_to_all() -> None:
    error = Denied("no", FIX)
    assert "CAP_DAC_READ_SEARCH" in error.fix
    assert "chmod" not in error.fix


AS_NOBODY = """
import os, sys
from gramwatt_exporter.errors import Denied
from gramwatt_exporter.sensors.sensor_set import SensorSet
from gramwatt_exporter.sensors.drivers.rapl.rapl import Rapl
if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
try:
    Rapl(sys.argv[1], lambda: 0).open()
except Denied as error:
    print(error, error.fix)
"""


@pytest.mark.slow
def test_a_user_without_the_right_is_denied(sysfs: Callable[[str], Any]) -> None:
    """Root may read anything, so the check runs as a user who may not."""
    with tempfile.TemporaryDirectory() as folder:  # tmp_path lies below a folder only its owner may enter
        root = Path(folder) / "sys"
        shutil.copytree(sysfs("amd").root, root)
        Path(folder).chmod(0o755)
        for file in root.rglob("energy_uj"):
            file.chmod(0o400 if os.getuid() == 0 else 0)
        run = subprocess.run(
            [sys.executable, "-c", AS_NOBODY, str(root)], capture_output=True, text=True, check=True
        )
    assert "no permission to read" in run.stdout
    assert "CAP_DAC_READ_SEARCH" in run.stdout


@pytest.mark.slow
def test_no_descriptor_is_left_open(sysfs: Callable[[str], Any], clock: Any) -> None:
    root = Path(sysfs("dual-socket").root)
    sensor = Rapl(str(root), clock)
    for _ in range(3):
        sensor.open()
        assert len(open_below(root)) == 4
    sensor.close()
    assert open_below(root) == []
