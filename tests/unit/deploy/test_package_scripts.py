"""What the scripts of the deb and rpm packages do to services, with a systemctl that writes down its words."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

PACKAGES = Path(__file__).parents[3] / "deploy" / "packages"


def run(script: str, argument: str, folder: Path) -> str:
    """The words of every systemctl call of the exporter's package."""
    booted = folder / "booted"
    booted.mkdir()
    text = (PACKAGES / script).read_text()
    assert "/run/systemd/system" in text
    made = folder / script
    made.write_text(text.replace("@UNIT@", "gramwatt-exporter").replace("/run/systemd/system", str(booted)))
    calls = folder / "calls"
    calls.touch()
    fake = folder / "systemctl"
    fake.write_text(f'#!/bin/sh\necho "$@" >>{calls}\n')
    fake.chmod(0o755)
    environ = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
    subprocess.run(["sh", made, argument], env=environ, check=True)
    return calls.read_text()


@pytest.mark.parametrize("argument", ["remove", "0"])
def test_a_removed_package_stops_its_own_service_only(argument: str, tmp_path: Path) -> None:
    assert run("before-remove.sh", argument, tmp_path) == "disable --now gramwatt-exporter\n"


@pytest.mark.parametrize("argument", ["upgrade", "1"])
def test_an_upgrade_stops_nothing(argument: str, tmp_path: Path) -> None:
    assert run("before-remove.sh", argument, tmp_path) == ""


@pytest.mark.parametrize("argument", ["configure", "2"])
def test_an_installed_package_restarts_its_own_service_only(argument: str, tmp_path: Path) -> None:
    calls = run("after-install.sh", argument, tmp_path)
    assert calls == ("daemon-reload\ntry-restart gramwatt-exporter\nis-enabled --quiet gramwatt-exporter\n")


@pytest.mark.parametrize("name", ["exporter", "labeler"])
def test_each_package_has_scripts_of_its_own(name: str) -> None:
    recipe = (PACKAGES / f"{name}.yaml").read_text()
    for script in ("after-install", "before-remove"):
        assert f'"${{GRAMWATT_BUILD}}/{name}-{script}.sh"' in recipe
