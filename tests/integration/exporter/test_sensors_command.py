"""`gramwatt-exporter sensors` as people run it: beside a running exporter or without one, permitted or not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from running import exporter


def run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gramwatt_exporter", "sensors", "--seconds", "0.2", *words]
    environ = {key: value for key, value in os.environ.items() if not key.startswith("GRAMWATT")}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=environ)


def test_a_table_for_people(rapl: Any) -> None:
    done = run(f"--path.sysfs={rapl.root}")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["SENSOR", "METER", "MEASURES", "WATTS", "USE", "WHY"]
    assert any(line.startswith("rapl") and "package-0" in line and "counted" in line for line in lines)
    assert any(line.startswith("estimate") and "rapl measures cpu" in line for line in lines)


def test_json_for_machines_and_no_state(tmp_path: Path, rapl: Any) -> None:
    state = tmp_path / "state"
    done = run(f"--path.sysfs={rapl.root}", f"--state.dir={state}", "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert {row["name"] for row in answer["meters"] if row["use"] == "counted"} >= {"package-0", "package-1"}
    assert {row["sensor"] for row in answer["sensors"]} >= {"rapl", "hwmon", "estimate"}
    assert not state.exists()


def test_beside_a_running_exporter(tmp_path: Path, rapl: Any) -> None:
    with exporter(tmp_path, {"path.sysfs": str(rapl.root)}) as running:
        running.wait_samples(1)
        assert run(f"--path.sysfs={rapl.root}").returncode == 0
        running.wait_samples(1)


def test_a_wrong_setting_is_said(tmp_path: Path) -> None:
    file = tmp_path / "gw.yml"
    file.write_text("sensors: {rapl: {enabled: perhaps}}\n")
    done = run(f"--config.file={file}")
    assert (done.returncode, done.stdout) == (2, "")
    assert "sensors.rapl.enabled" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_any_powercap(tmp_path: Path) -> None:
    done = run(f"--path.sysfs={tmp_path}")
    assert done.returncode == 0
    assert "absent" in done.stdout
