"""The estimate beside published measurements, through the command; and the method on CPUs that it has not seen.

The rows are facts of SPECpower_ssj2008 results (https://www.spec.org/power_ssj2008/results/, fair use:
https://www.spec.org/fairuse.html): CPU, chips, cores, threads, MHz, GB, watts at the wall when idle, at 50 % and full
load. SPEC and SPECpower_ssj are trademarks of the Standard Performance Evaluation Corporation.
"""

from __future__ import annotations

import io
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

import pytest
from described_machines import describe
from gramwatt_exporter.estimate_command import run

TOOLS = Path(__file__).parents[4] / "exporter" / "tools"
NEHALEM, SANDY, SKYLAKE, CASCADE, ROCKET = (6, 44, 2), (6, 45, 7), (6, 85, 4), (6, 85, 7), (6, 167, 1)
PUBLISHED = [
    ("Intel Xeon X5670", NEHALEM, 2, 12, 24, 2933, 12, 69.2, 170, 258),
    ("Intel Xeon E5-2680", SANDY, 2, 16, 32, 2700, 24, 66.8, 151, 236),
    ("Intel Xeon Platinum 8176", SKYLAKE, 2, 56, 112, 2100, 192, 49.4, 198, 454),
    ("Intel Xeon Platinum 8280L 2.70GHz", CASCADE, 4, 112, 224, 2700, 384, 95.5, 422, 963),
    ("Intel Xeon E7330", (6, 15, 11), 4, 16, 16, 2400, 64, 418, 511, 627),
    ("Intel(R) Xeon(R) E-2388G CPU 3.20GHz", ROCKET, 1, 8, 16, 3200, 16, 22, 40, 83),
    ("Intel Xeon E5-2699 v3 2.30 GHz", (6, 63, 2), 2, 36, 72, 2300, 64, 50, 148, 272),
    ("AMD EPYC 7763 2.45 GHz", (25, 1, 1), 1, 64, 128, 2450, 128, 57, 162, 268),
    ("AMD EPYC 7702P 2.00 GHz", (23, 49, 0), 1, 64, 128, 2000, 128, 70, 174, 224),
    ("AMD EPYC 7351", (23, 1, 2), 2, 32, 64, 2400, 128, 103, 213, 278),
]


def errors(root: Path, named: bool = True) -> list[tuple[float, float]]:
    """Of each point the error and sigma, as shares of the truth and of the estimate."""
    found = []
    for place, (name, numbers, chips, cores, threads, mhz, memory, *watts) in enumerate(PUBLISHED):
        vendor = "amd" if "AMD" in name else "intel"
        proc, sys_ = describe(
            root / str(place), name, vendor, numbers if named else None, chips, cores, threads, mhz, memory
        )
        output = io.StringIO()
        flags = ["--load", "0,50,100", "--json", "--path.procfs", str(proc), "--path.sysfs", str(sys_)]
        assert run(["show", *flags], {}, output) == 0
        for point, true in zip(json.loads(output.getvalue())["points"], watts, strict=True):
            found.append((point["wall_watts"] / true - 1, point["sigma_ratio"]))
    return found


@pytest.mark.slow
def test_the_shipped_table_on_published_servers(tmp_path: Path) -> None:
    found = errors(tmp_path)
    assert statistics.median(abs(error) for error, _ in found) < 0.12
    assert max(abs(error) for error, _ in found) < 0.6
    within = [abs(error) / (1 + error) <= sigma for error, sigma in found]
    assert 0.55 < sum(within) / len(within) <= 1


@pytest.mark.slow
def test_a_name_alone_says_as_much_as_the_numbers(tmp_path: Path) -> None:
    by_name = [error for error, _ in errors(tmp_path / "names", named=False)]
    assert by_name == pytest.approx([error for error, _ in errors(tmp_path / "numbers")])


def data() -> Path:
    folder = os.environ.get("GRAMWATT_TEST_DATA", "")
    if not folder or not (Path(folder) / "spec_power.csv").is_file():
        pytest.skip(
            "GRAMWATT_TEST_DATA does not name a folder with spec_power.csv and rapl_sweeps.csv (not ours to ship)"
        )
    pytest.importorskip("numpy", reason="the fit is made with numpy, which the exporter does without")
    return Path(folder)


@pytest.mark.slow
def test_servers_whose_cpu_the_fit_never_saw(tmp_path: Path) -> None:
    """The whole list, dealt into folds by CPU model, through the command."""
    folder = data()
    command = [
        sys.executable, str(TOOLS / "estimate_evaluate.py"), str(folder / "spec_power.csv"),
        "--rapl", str(folder / "rapl_sweeps.csv"), "--folds", "2", "--json", str(tmp_path / "found.json"),
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, timeout=900)
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["busy"] <= 0.12
    assert found["idle"] <= 0.20
    assert 0.60 <= found["one_sigma"] <= 0.76
    assert 0.91 <= found["two_sigma"] <= 0.99
