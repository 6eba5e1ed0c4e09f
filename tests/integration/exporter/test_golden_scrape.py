"""The whole scrape of a machine made of files, as text: the page where every change of the contract shows.

Regenerate after an intended change: GRAMWATT_GOLDEN=write pytest tests/integration/exporter/test_golden_scrape.py
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from gramwatt_exporter.assembly import Exporter, assemble
from gramwatt_exporter.config import load

GOLDEN = Path(__file__).parents[2] / "golden" / "scrape.txt"
PROMTOOL = shutil.which("promtool") or next(
    (str(path) for path in (Path(__file__).parents[3] / ".tools").glob("**/bin/promtool")), None
)
# Values that depend on when the test runs, not on what the machine did.
TIMED = re.compile(
    r"^(gramwatt_\w*(?:_watts|timestamp_seconds|duration_seconds|samples_total))((?:\{.*\})?) \S+$", re.M
)


class ProcTree:
    """A /proc made of files. It belongs to another PID namespace, so CPU time is read from stat files."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.write("loadavg", "0.00 0.00 0.00 1/3 300\n")
        self.write(
            "meminfo", "MemTotal:       4000000 kB\nMemFree:        3000000 kB\nMemAvailable:   3500000 kB\n"
        )
        self.write("sys/kernel/pid_max", "32768\n")
        self.write("sys/kernel/random/boot_id", "11111111-2222-3333-4444-555555555555\n")
        self.write("cpuinfo", "model name\t: Intel(R) Xeon(R) Gold 6148 CPU @ 2.40GHz\n")
        self.busy(0)

    def write(self, name: str, text: str) -> None:
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("w") as out:
            out.write(text)

    def busy(self, ticks: int) -> None:
        lines = [
            f"cpu  {ticks} 0 0 100000 0 0 0 0 0 0",
            *(f"cpu{n} {ticks // 4} 0 0 25000 0 0 0 0 0 0" for n in range(4)),
        ]
        self.write("stat", "\n".join([*lines, "btime 1700000000", "processes 400", ""]))

    def process(self, pid: int, command: str, ticks: int, pages: int, cgroup: str, parent: int = 1) -> None:
        fields = [
            str(pid),
            f"({command})",
            "S",
            str(parent),
            *["0"] * 9,
            str(ticks),
            "0",
            "0",
            "0",
            *["0"] * 4,
            "5000",
        ]
        self.write(f"{pid}/stat", " ".join([*fields, *["0"] * 30]) + "\n")
        self.write(f"{pid}/statm", f"{pages * 2} {pages} 0 0 0 0 0\n")
        self.write(f"{pid}/status", f"Name:\t{command}\nUid:\t0\t0\t0\t0\n")
        self.write(f"{pid}/cgroup", f"0::{cgroup}\n")
        self.write(f"{pid}/comm", f"{command}\n")


def machine(tmp_path: Path, rapl: Any) -> tuple[Exporter, ProcTree]:
    proc = ProcTree(tmp_path / "proc")
    proc.process(1, "systemd", 100, 1000, "/init.scope", parent=0)
    proc.process(200, "nginx", 50, 5000, "/system.slice/nginx.service")
    proc.process(300, 'py thon)"', 0, 20000, "/user.slice/user-1000.slice/session-3.scope")
    settings = tmp_path / "settings.yml"
    settings.write_text(
        "intensity: {zone: DE, providers: [{kind: static, value: 400, factor: direct}]}\n"
        "budgets: [{name: web, limit: 1kg, period: 30d, match: {workload: nginx.service}}]\n"
        "sensors: {rapl: {idle_watts: 0}, nvml: {enabled: false}, hwmon: {enabled: false}, amdsmi: {enabled: false}}\n"
        "pue: 1.5\n"
        "price: {currency: EUR, per_kilowatt_hour: 0.3}\n"
        "water: {litres_per_kilowatt_hour: 1.8}\n"
        "machine: {id: 5f3c, node: node-a}\n"
    )
    flags = {
        "path.procfs": str(proc.root),
        "path.sysfs": str(rapl.root),
        "web.listen_address": "127.0.0.1:0",
        "socket.path": str(tmp_path / "socket"),
    }
    return assemble(load(str(settings), flags=flags).config, {}), proc


@pytest.fixture
def scrape(tmp_path: Path, rapl: Any) -> str:
    exporter, proc = machine(tmp_path, rapl)
    try:
        exporter.sensor_set.open()
        exporter.node.tick()
        rapl.add(40_000_000)
        sampler = exporter.node.sampler
        boottime_ns = sampler._clocks.boottime_ns
        sampler._clocks.boottime_ns = lambda: (
            boottime_ns() + 5_000_000_000
        )  # this machine uses its CPUs for seconds
        proc.process(200, "nginx", 150, 5000, "/system.slice/nginx.service")
        proc.process(300, 'py thon)"', 200, 20000, "/user.slice/user-1000.slice/session-3.scope")
        proc.busy(400)  # one second of the four busy ones belongs to nobody known
        exporter.node.tick()
        text = (exporter.node.exposition.scrape() or b"").decode()
    finally:
        exporter.web.stop()
        if exporter.socket_api is not None:
            exporter.socket_api.stop()
    text = TIMED.sub(r"\1\2 TIMED", text)
    return text.replace(f'python="{platform.python_version()}"', 'python="PYTHON"')


def test_the_scrape_is_as_agreed(scrape: str) -> None:
    if os.environ.get("GRAMWATT_GOLDEN") == "write":
        GOLDEN.write_text(scrape)
    assert scrape == GOLDEN.read_text()


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed; make setup fetches it")
def test_promtool_finds_nothing_to_mend(scrape: str) -> None:
    assert PROMTOOL is not None
    done = subprocess.run(
        [PROMTOOL, "check", "metrics"],
        input=scrape.replace("TIMED", "1"),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
