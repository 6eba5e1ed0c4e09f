"""The units of systemd: how much they leave open, and that they start what the docs say."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

UNITS = Path(__file__).parents[3] / "deploy" / "systemd"
LIMITS = {"gramwatt-exporter": 2.3, "gramwatt-labeler": 2.3}


def settings(unit: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in (UNITS / f"{unit}.service").read_text().splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


@pytest.mark.parametrize("unit", sorted(LIMITS))
def test_exposure_is_low(unit: str) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("needs systemd-analyze")
    command = ["systemd-analyze", "security", "--offline=true", str(UNITS / f"{unit}.service")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd-analyze cannot judge files")
    match = re.search(r"Overall exposure level for .*: ([0-9.]+) ", done.stdout)
    assert match is not None, done.stdout + done.stderr
    assert float(match[1]) <= LIMITS[unit]


@pytest.mark.parametrize("unit", sorted(LIMITS))
def test_a_unit_cannot_take_the_machine_s_memory(unit: str) -> None:
    found = settings(unit)
    assert "MemoryMax" in found
    assert "TasksMax" in found
    assert found["Restart"] == ["on-failure"]


def test_the_exporter_has_the_two_rights_it_needs_and_sees_the_gpus() -> None:
    found = settings("gramwatt-exporter")
    rights = "CAP_DAC_READ_SEARCH CAP_NET_ADMIN"
    assert found["AmbientCapabilities"] == found["CapabilityBoundingSet"] == [rights]
    assert found["DevicePolicy"] == ["closed"]
    assert {"char-nvidia rw", "char-drm rw", "char-kfd rw"} <= set(found["DeviceAllow"])
    for name in ("PrivateDevices", "PrivateNetwork", "ProtectProc", "ProcSubset", "PrivateUsers"):
        assert name not in found, f"{name} hides what is measured"
