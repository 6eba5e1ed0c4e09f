"""Prometheus hands its samples on to VictoriaMetrics, as deploy/fleet/remote-write.yml says, and both say the same."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
import victoria
import yaml
from ports_for_tests import free_ports
from running import Exporter

from stack import tools

pytestmark = [pytest.mark.slow, pytest.mark.apart]
ROOT = Path(__file__).parents[3]
MACHINES = ("lab-1", "lab-2", "lab-3")


@contextmanager
def started(command: list[str], log: Path) -> Iterator[None]:
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out) as process:
        try:
            yield
        finally:
            process.terminate()
            process.wait(20)


def until(check: Callable[[], Any], seconds: float = 60) -> Any:
    end = time.monotonic() + seconds
    while True:
        try:
            answer = check()
        except requests.RequestException:
            answer = None
        if answer or time.monotonic() > end:
            return answer
        time.sleep(0.3)


def query(base: str, expression: str, at: float) -> dict[str, float]:
    """The value for each machine at a moment, so that both are asked the same."""
    answer = requests.get(
        f"{base}/api/v1/query", params={"query": expression, "time": f"{at}"}, timeout=10
    ).json()
    return {row["metric"].get("instance", ""): float(row["value"][1]) for row in answer["data"]["result"]}


def test_a_fleet_s_samples_and_recorded_rates_reach_victoria_metrics(tmp_path: Path) -> None:
    engine, prometheus = victoria.program(), str(tools.ensure() / "prometheus")
    engine_port, prometheus_port = free_ports(2)
    with ExitStack() as running:
        targets = []
        for name in MACHINES:
            folder = tmp_path / name
            folder.mkdir()
            flags = {"sampling.interval": "500ms", "state.dir": str(folder / "state")}
            exporter = Exporter(folder, flags, {})
            running.callback(exporter.process.wait, 20)
            running.callback(exporter.process.terminate)
            targets.append((name, exporter.address))
        running.enter_context(
            started(
                [
                    engine,
                    f"-storageDataPath={tmp_path}/victoria",
                    f"-httpListenAddr=127.0.0.1:{engine_port}",
                    "-retentionPeriod=24",
                    "-search.latencyOffset=0s",  # by default it hides what is younger than 30 s
                ],
                tmp_path / "victoria.log",
            )
        )
        (tmp_path / "prometheus.yml").write_text(configuration(targets, engine_port))
        running.enter_context(
            started(
                [
                    prometheus,
                    f"--config.file={tmp_path}/prometheus.yml",
                    f"--storage.tsdb.path={tmp_path}/data",
                    f"--web.listen-address=127.0.0.1:{prometheus_port}",
                ],
                tmp_path / "prometheus.log",
            )
        )
        bases = [f"http://127.0.0.1:{port}" for port in (prometheus_port, engine_port)]
        energy = "sum by (instance) (gramwatt_device_energy_joules_total)"
        for base in bases:
            assert until(lambda base=base: set(query(base, energy, time.time())) == set(MACHINES)), base  # type: ignore[misc]
        at = time.time()
        time.sleep(6)  # what was scraped a moment ago is still on its way
        ours = query(bases[0], energy, at)
        assert until(lambda: query(bases[1], energy, at) == ours), (ours, query(bases[1], energy, at))
        assert min(ours.values()) > 0
        recorded = "count({__name__=~'.+:gramwatt_.+'})"
        assert until(lambda: query(bases[1], recorded, time.time())), "results of the rules are sent along"


def configuration(targets: list[tuple[str, str]], port: int) -> str:
    """The repository's rules and its example of remote_write, for these addresses and in a quick rhythm."""
    example = yaml.safe_load((ROOT / "deploy" / "fleet" / "remote-write.yml").read_text())
    (written,) = example["remote_write"]
    written["url"] = f"http://127.0.0.1:{port}/api/v1/write"
    written["queue_config"]["batch_send_deadline"] = "500ms"
    return yaml.safe_dump(
        {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(ROOT / "prometheus" / "rules" / "*.yml")],
            "remote_write": [written],
            "scrape_configs": [
                {
                    "job_name": "gramwatt",
                    "static_configs": [
                        {"targets": [address], "labels": {"instance": name}} for name, address in targets
                    ],
                }
            ],
        }
    )
