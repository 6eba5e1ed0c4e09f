"""The machine's id stays, is not the raw one, and is the machine's also in a container."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

import pytest
from gramwatt_exporter.machine import machine_info

ID = "0123456789abcdef0123456789abcdef"
UUID = "4C4C4544-0042-3510-8056-B8C04F4E4A32"


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def mounted(tmp_path: Path) -> Path:
    """A directory like /host, with the machine's procfs and sysfs below it."""
    (tmp_path / "proc").mkdir()
    (tmp_path / "sys").mkdir()
    return tmp_path


def info(mounted: Path, machine: str = "", node: str = "") -> Any:
    return machine_info(str(mounted / "proc"), str(mounted / "sys"), machine, node)


def test_the_id_is_a_hash_of_the_machine_id(mounted: Path) -> None:
    write(mounted / "etc/machine-id", f"{ID}\n")
    write(mounted / "etc/hostname", "node-a\n")
    found = info(mounted)
    assert found.node == "node-a"
    assert len(found.machine) == 16
    assert found.machine not in ID
    assert found == info(mounted)
    write(mounted / "etc/hostname", "renamed\n")
    assert info(mounted).machine == found.machine
    write(mounted / "etc/machine-id", "f" + ID[1:])
    assert info(mounted).machine != found.machine


def test_what_the_first_process_sees_wins_over_what_is_mounted(mounted: Path) -> None:
    write(mounted / "etc/machine-id", ID)
    apart = info(mounted).machine
    write(mounted / "proc/1/root/etc/machine-id", "e" + ID[1:])
    assert info(mounted).machine != apart


@pytest.mark.parametrize("text", ["", "uninitialized\n", "not an id"])
def test_without_a_machine_id_the_firmware_tells_and_else_the_name(mounted: Path, text: str) -> None:
    write(mounted / "etc/machine-id", text)
    write(mounted / "etc/hostname", "node-a")
    by_name = info(mounted).machine
    for useless in (
        "00000000-0000-0000-0000-000000000000",
        "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
        "Not Set",
    ):
        write(mounted / "sys/class/dmi/id/product_uuid", useless)
        assert info(mounted).machine == by_name
    write(mounted / "sys/class/dmi/id/product_uuid", UUID)
    by_firmware = info(mounted).machine
    assert by_firmware != by_name
    write(mounted / "etc/hostname", "node-b")
    assert info(mounted).machine == by_firmware


def test_settings_win_and_the_own_name_is_the_last_resort(mounted: Path) -> None:
    assert info(mounted).node == platform.node()
    found = info(mounted, "rack-3-slot-7", "gpu-07")
    assert (found.machine, found.node) == ("rack-3-slot-7", "gpu-07")
