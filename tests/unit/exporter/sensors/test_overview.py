"""What stands for what, as `gramwatt-exporter sensors` prints it. To renew: GRAMWATT_GOLDEN=1 pytest FILE."""

from __future__ import annotations

import os
from pathlib import Path

import metered_machines as machines
import pytest
from gramwatt_exporter.sensors.overview import Looks, Overview
from gramwatt_exporter.sensors_command import table
from metered_machines import Machine
from msgspec.structs import replace

GOLDEN = Path(__file__).parents[3] / "golden" / "sensors.txt"


def looked(machine: Machine, looks: int = 4) -> Looks:
    """After so many looks, a second apart."""
    machine.start()
    assert machine.sensor_set is not None
    looker = Looks(machine.sensor_set)
    for _ in range(looks):
        looker.look()
        machine.pass_time(1.0)
    looker.look()
    return looker


def here(looks: Looks, root: Path) -> Overview:
    """The overview without this test's directory."""
    overview = looks.overview()
    rows = [replace(row, message=row.message.replace(str(root), "/machine")) for row in overview.sensors]
    return replace(overview, sensors=rows)


@pytest.mark.slow
def test_the_tables_of_some_machines(tmp_path: Path) -> None:
    dead = machines.guest(tmp_path / "guest")
    texts = {
        "a server with two meters of the same watts": looked(machines.server(tmp_path / "server")),
        "a laptop": looked(machines.laptop(tmp_path / "laptop")),
        "two dies with one counter": looked(machines.dies(tmp_path / "dies")),
        "psys and a controller": looked(machines.psys_and_controller(tmp_path / "psys")),
        "a guest whose counters stand at 0": looked(dead, 30),
    }
    printed = "\n".join(f"## {name}\n\n{table(here(looks, tmp_path))}\n" for name, looks in texts.items())
    if os.environ.get("GRAMWATT_GOLDEN"):
        GOLDEN.write_text(printed, encoding="utf-8")
    assert printed == GOLDEN.read_text(encoding="utf-8")


def test_what_it_reads_is_what_is_drawn(tmp_path: Path) -> None:
    overview = looked(machines.server(tmp_path / "server")).overview()
    rows = {row.name: row for row in overview.meters if row.sensor != "estimate"}
    packages = [rows["package-0"], rows["package-1"]]
    assert all(machines.package(0) < row.watts < machines.package(4) for row in packages if row.watts)
    assert {row.use for row in packages} == {"counted"}
    assert rows["ipmi"].use == "shown"
    assert rows["acpi-hwmon1"].use == "other"
