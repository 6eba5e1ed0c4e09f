"""The scripts that fit the table, on an invented list of servers."""

from __future__ import annotations

import csv
import random
import subprocess
import sys
from pathlib import Path

import pytest
from gramwatt_exporter.sensors.drivers.estimate.table import decode

pytest.importorskip("numpy", reason="the fit is made with numpy, which the exporter does without")

TOOLS = Path(__file__).parents[4] / "exporter" / "tools"
STEPS = ["watts_idle", *(f"watts_{percent}" for percent in range(10, 101, 10))]
FACTS = [
    "year",
    "cpu",
    "make",
    "architecture",
    "chips",
    "cores",
    "threads",
    "mhz",
    "tdp_watts_per_chip",
    "memory_gb",
]
CPUS = [
    ("AMD EPYC 7702", "amd", "epyc-gen2", 64, 200), ("AMD EPYC 7502", "amd", "epyc-gen2", 32, 180),
    ("AMD EPYC 7252", "amd", "epyc-gen2", 8, 120), ("Intel Xeon Platinum 8180", "intel", "skylake", 28, 205),
    ("Intel Xeon Gold 6130", "intel", "skylake", 16, 125), ("Intel Xeon Gold 5118", "intel", "skylake", 12, 105),
]  # fmt: skip


def invented(path: Path) -> None:
    """Full load draws 1.1 times the TDP and 20 W a chip, idle a quarter of it; machines differ by a few percent."""
    chance = random.Random(1)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*FACTS, *STEPS])
        for cpu, make, name, cores, tdp in CPUS:
            for chips in (1, 2, 2, 2):
                full = chips * (1.1 * tdp + 20) * chance.uniform(0.97, 1.03)
                watts = [full * (0.25 + 0.75 * step / 10) * chance.uniform(0.99, 1.01) for step in range(11)]
                facts = [
                    2019,
                    cpu,
                    make,
                    name,
                    chips,
                    chips * cores,
                    2 * chips * cores,
                    2200,
                    tdp,
                    64 * chips,
                ]
                writer.writerow([*facts, *(f"{each:.1f}" for each in watts)])


@pytest.mark.slow
def test_the_fit_writes_a_table_that_the_exporter_reads_and_a_picture(tmp_path: Path) -> None:
    servers, sweeps = tmp_path / "servers.csv", tmp_path / "sweeps.csv"
    table, picture = tmp_path / "table.json", tmp_path / "errors.svg"
    invented(servers)
    lines = ["machine,cpu,pattern,threads,load_percent,mhz,duration_seconds,rapl_joules"]
    lines += [
        f"m,AMD EPYC 7702,all,128,{load},2000,10,{10 * (40 + 1.3 * load)}" for load in range(0, 101, 10)
    ]
    sweeps.write_text("\n".join(lines))
    command = [
        sys.executable, str(TOOLS / "estimate_fit.py"), str(servers), "--rapl", str(sweeps),
        "--write", str(table), "--picture", str(picture),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    found = decode(table.read_bytes())
    assert set(found.classes) == {"amd", "any", "epyc-gen2", "intel", "skylake"}
    full = found.classes["skylake"].watts[-1]
    assert full == pytest.approx(1.1 * found.classes["skylake"].typical["tdp"] + 20, rel=0.15)
    assert max(found.classes["epyc-gen2"].sigma) < 0.4
    assert "left out by CPU model: wall power is" in done.stdout
    assert "m (AMD EPYC 7702): package" in done.stdout
    text = picture.read_text()
    assert text.startswith("<svg")
    assert "epyc-gen2" in text
