"""What a real Prometheus makes of jobs that begin and end between two scrapes."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from running import exporter, total

ROOT = Path(__file__).parents[3]
ENERGY = "gramwatt_workload_energy_joules_total"
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Prometheus:
    """One that collects from the exporter at an address every two seconds."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The result of an instant query; nothing while it starts."""
        try:
            with DIRECT.open(f"{self._url}/api/v1/query?query={urllib.parse.quote(expression)}") as answer:
                found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
                return found
        except OSError:
            return []

    def wait_values(self, expression: str, last: float) -> list[float]:
        """The stored values of one series, when the last of them is about ``last``; else those stored after a while."""
        values: list[float] = []
        end = time.monotonic() + 30
        while time.monotonic() < end and (not values or values[-1] != pytest.approx(last, rel=0.01)):
            found = self.query(expression)
            values = [float(value) for _, value in found[0]["values"]] if len(found) == 1 else []
            time.sleep(0.2)
        return values

    def wait_scrape(self) -> None:
        """Until one more scrape has been stored."""
        before = self.query("timestamp(up)")
        end = time.monotonic() + 60
        while time.monotonic() < end:
            now = self.query("timestamp(up)")
            if now and [one["value"][1] for one in now] != [one["value"][1] for one in before]:
                return
            time.sleep(0.05)
        pytest.fail("Prometheus made no scrape within a minute")


@contextmanager
def prometheus(directory: Path, target: str) -> Iterator[Prometheus]:
    program = shutil.which("prometheus") or str(ROOT / ".tools" / "bin" / "prometheus")
    if not Path(program).exists():
        pytest.fail("prometheus is neither on PATH nor in .tools: run `make setup`")
    (directory / "prometheus.yml").write_text(
        "global: {scrape_interval: 2s, scrape_timeout: 2s}\n"
        f"scrape_configs: [{{job_name: gramwatt, static_configs: [{{targets: ['{target}']}}]}}]\n"
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [
        program,
        f"--config.file={directory / 'prometheus.yml'}",
        f"--storage.tsdb.path={directory / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        try:
            yield Prometheus(port)
        finally:
            running.terminate()


@pytest.mark.apart
def test_each_short_job_has_its_whole_energy_as_increase(tmp_path: Path) -> None:
    flags = {"sampling.interval": "250ms"}
    environ = {"GRAMWATT_PROCESS_SERIES": "all"}
    with exporter(tmp_path, flags, **environ) as running, prometheus(tmp_path, running.address) as collected:
        collected.wait_scrape()
        names = [f"short-job-{number}" for number in range(4)]
        for name in names:
            shutil.copy("/bin/sh", tmp_path / name)
            collected.wait_scrape()
            loop = "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done"
            subprocess.run([str(tmp_path / name), "-c", loop], check=True)
        for _ in range(3):
            collected.wait_scrape()
        shown = running.scrape()
        for name in names:
            true = float(total(shown, ENERGY, workload=name, component="cpu"))
            assert true > 0
            for metric, label in ((ENERGY, "workload"), ("gramwatt_process_energy_joules_total", "command")):
                values = collected.wait_values(f'{metric}{{{label}="{name}",component="cpu"}}[5m]', true)
                assert values, f"{metric} of {name} was never collected"
                assert values[0] == 0, f"{metric} of {name} began with {values[0]} of {true} J"
                assert values[-1] == pytest.approx(true, rel=0.01), f"{metric} of {name}"
