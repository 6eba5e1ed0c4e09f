"""The script that makes the table of classes, on an invented list of servers."""

from __future__ import annotations

import csv
import random
import subprocess
import sys
from pathlib import Path

import pytest
from gramwatt_exporter.idle.machine import load_table

pytest.importorskip("numpy", reason="the table is made with numpy, which the exporter does without")

TOOL = Path(__file__).parents[4] / "exporter" / "tools" / "idle_classes.py"
STEPS = ["watts_idle", *(f"watts_{percent}" for percent in range(10, 101, 10))]


def invented(path: Path) -> None:
    """Five servers of each of two microarchitectures, and one of a third: too few for a class."""
    chance = random.Random(1)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["year", "make", "architecture", "cpu", "threads", *STEPS])
        writer.writeheader()
        for name, share, make in (
            [("epyc-gen2", 0.25, "amd")] * 5 + [("skylake", 0.15, "intel")] * 5 + [("odd", 0.9, "intel")]
        ):
            full, own = chance.uniform(100, 400), share * chance.uniform(0.9, 1.1)
            watts = [full * (own + (1 - own) * (load / 10) ** 0.8) for load in range(11)]
            writer.writerow(
                {"year": 2019, "make": make, "architecture": name, "cpu": "x", "threads": 64}
                | {step: f"{each:.1f}" for step, each in zip(STEPS, watts, strict=True)}
            )


@pytest.mark.slow
def test_it_writes_a_table_that_the_exporter_reads_and_says_how_far_off_it_is(tmp_path: Path) -> None:
    servers, sweeps, table = tmp_path / "servers.csv", tmp_path / "sweeps.csv", tmp_path / "table.json"
    invented(servers)
    lines = ["machine,pattern,load_percent,duration_seconds,rapl_joules"]
    lines += [f"m,all,{load},10,{10 * (15 + 0.25 * load)}" for load in range(0, 101, 10)]
    sweeps.write_text("\n".join(lines))
    command = [sys.executable, str(TOOL), str(servers), "--rapl", str(sweeps), "--write", str(table)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    classes = load_table(table.read_bytes())
    assert set(classes) == {"amd", "any", "epyc-gen2", "intel", "skylake"}
    assert 0.2 < classes["epyc-gen2"].share < 0.3
    assert "11 servers, each left out of its class" in done.stdout
    assert "m all: idle 15.0 of 40.0 W" in done.stdout


def test_the_committed_table_says_where_it_is_from() -> None:
    text = (TOOL.parents[1] / "gramwatt_exporter" / "idle" / "classes.json").read_text()
    assert "spec.org" in text
    assert "idle_classes.py" in text
