"""What N machines cost a Prometheus: made-up exporters, the real Prometheus with the real rules, its own figures.

    python -m benchmarks.fleet 10 100 1000 [--seconds 120] [--interval 15s] [--seed 1] [--no-queries]

Prints for each N: series, samples a second, CPU share, memory, time of all rules, time of the dashboards' queries; then
memory per machine and the growth: the x of N^x that fits best. Everything is made up from the seed but the names, which
are those of a real scrape. Needs the programs of `make setup`.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
SCRAPE = ROOT / "tests" / "golden" / "scrape.txt"
KINDS = 8  # different bodies; machines share them, as their instance label is Prometheus'
SERIES = 900  # a busy machine by default; the budget is 1,000
_SAMPLE = re.compile(r"^(\w+)(\{.*\})? (\S+)$")


class Body:
    """One machine's scrape: a real one, filled up with processes and workloads, its counters rising with time."""

    def __init__(self, seed: int) -> None:
        chance = random.Random(seed)
        lines = SCRAPE.read_text().splitlines()
        rows = [line for line in lines if line and line[0] != "#"]
        # A family is one block, so what is added to one stands behind it.
        per_process = [row for row in rows if row.startswith("gramwatt_workload_energy_joules_total{")]
        missing = max(0, SERIES - len(rows))
        self._parts: list[tuple[str, float, float]] = []
        for line in lines:
            match = _SAMPLE.match(line)
            if not line or match is None:
                self._parts.append((line, math.nan, 0.0))
                continue
            name, labels = match[1], match[2] or ""
            value = (
                float(match[3]) if re.fullmatch(r"[0-9.e+-]+", match[3]) else 1.0
            )  # times are left out there
            rate = chance.uniform(0.1, 50) if name.endswith("_total") else 0.0
            self._parts.append((f"{name}{labels}", value, rate))
            if per_process and line == per_process[-1]:
                for number in range(missing):
                    added = f'workload="job-{seed}-{number}.service",kind="unit",user="user{number % 20}"'
                    self._parts.append((f'{name}{{{added},component="cpu"}}', 0.0, chance.uniform(0.1, 20)))
        self._made: tuple[int, bytes] = (-1, b"")

    def text(self, seconds: int) -> bytes:
        """What it shows so many seconds after the start."""
        made, body = self._made
        if made != seconds:
            now = time.time()
            body = "".join(
                f"{name}\n"
                if math.isnan(value) and not rate
                else f"{name} {now if 'timestamp' in name else value + rate * seconds:.6f}\n"
                for name, value, rate in self._parts
            ).encode()
            self._made = (seconds, body)
        return body


@contextmanager
def machines(seed: int) -> Iterator[int]:
    """The port at which every path is a machine."""
    bodies = [Body(seed * KINDS + kind) for kind in range(KINDS)]
    began = time.monotonic()
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            number = int(self.path.split("/")[2])
            with lock:
                body = bodies[number % KINDS].text(int(time.monotonic() - began))
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 512

        def handle_error(self, *_: object) -> None: ...  # Prometheus ends while it is answered

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()


@dataclass
class Cost:
    """What Prometheus said of itself."""

    machines: int
    series: float
    samples_a_second: float
    cpu_share: float
    megabytes: float
    rule_seconds: float
    query_seconds: float
    worst_query: str


def measure(count: int, seconds: float, interval: str, seed: int, ask: bool = True) -> Cost:
    """Run one fleet. Raises SystemExit when Prometheus does not come up."""
    with machines(seed) as source, tempfile.TemporaryDirectory(prefix="gw-fleet-") as folder:
        port = _free_port()
        base = f"http://127.0.0.1:{port}"
        _configure(Path(folder), source, count, interval)
        with (Path(folder) / "log").open("wb") as log:
            process = subprocess.Popen(
                [
                    _prometheus(),
                    f"--config.file={folder}/prometheus.yml",
                    f"--storage.tsdb.path={folder}/data",
                    f"--web.listen-address=127.0.0.1:{port}",
                ],
                stdout=log,
                stderr=log,
            )
        try:
            _wait(base, Path(folder) / "log")
            time.sleep(seconds / 2)
            before, began = _own(base), time.monotonic()
            time.sleep(seconds / 2)
            after, elapsed = _own(base), time.monotonic() - began
            queries = sorted((_time_query(base, text), text) for text in dashboard_queries() if ask)
        finally:
            process.kill()  # its data is thrown away: it has nothing to write
            process.wait()

    def grown(name: str) -> float:
        return (after[name] - before[name]) / elapsed

    return Cost(
        machines=count,
        series=after["prometheus_tsdb_head_series"],
        samples_a_second=grown("prometheus_tsdb_head_samples_appended_total"),
        cpu_share=grown("process_cpu_seconds_total"),
        megabytes=after["process_resident_memory_bytes"] / 1e6,
        rule_seconds=after["prometheus_rule_group_last_duration_seconds"],
        query_seconds=sum(took for took, _ in queries),
        worst_query=queries[-1][1] if queries else "",
    )


def _configure(folder: Path, source: int, count: int, interval: str) -> None:
    targets = [
        {"targets": [f"machine-{n}:10044"], "labels": {"__metrics_path__": f"/machine/{n}/metrics"}}
        for n in range(count)
    ]
    (folder / "targets.json").write_text(json.dumps(targets))
    config: dict[str, Any] = {
        "global": {"scrape_interval": interval, "evaluation_interval": "15s"},
        "rule_files": [str(ROOT / "prometheus" / "rules" / "*.yml")],
        "scrape_configs": [
            {
                "job_name": "gramwatt",
                "file_sd_configs": [{"files": [str(folder / "targets.json")]}],
                "relabel_configs": [
                    {"source_labels": ["__address__"], "target_label": "instance"},
                    {"target_label": "__address__", "replacement": f"127.0.0.1:{source}"},
                ],
            }
        ],
    }
    (folder / "prometheus.yml").write_text(json.dumps(config))


def dashboard_queries() -> list[str]:
    """Every expression of the dashboards, for the last quarter of an hour and all machines."""
    found: dict[str, None] = {}
    for path in sorted((ROOT / "grafana" / "dashboards").glob("*.json")):
        for expression in re.findall(r'"expr": ("(?:[^"\\]|\\.)*")', path.read_text()):
            text = str(json.loads(expression))
            text = (
                text.replace("$__rate_interval", "1m")
                .replace("$__range", "15m")
                .replace("$__interval", "15s")
            )
            text = re.sub(r"=~?\"\$\{?\w+(:\w+)?\}?\"", '=~".*"', text)
            if "$" not in text:
                found[text] = None
    return list(found)


def _time_query(base: str, text: str) -> float:
    now = time.time()
    asked = urllib.parse.urlencode({"query": text, "start": now - 900, "end": now, "step": 15})
    began = time.monotonic()
    try:
        with urllib.request.urlopen(f"{base}/api/v1/query_range?{asked}", timeout=120) as answer:
            answer.read()
    except OSError:
        return 0.0  # an expression that wants a value chosen in the dashboard
    return time.monotonic() - began


def _own(base: str) -> dict[str, float]:
    """Prometheus' own metrics, summed over their labels."""
    with urllib.request.urlopen(f"{base}/metrics", timeout=60) as answer:
        text = answer.read().decode()
    found: dict[str, float] = {}
    for line in text.splitlines():
        match = _SAMPLE.match(line)
        if match is not None and match[3] != "NaN":
            found[match[1]] = found.get(match[1], 0.0) + float(match[3])
    return found


def _wait(base: str, log: Path) -> None:
    for _ in range(200):
        try:
            with urllib.request.urlopen(f"{base}/-/ready", timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("Prometheus does not come up:\n" + log.read_text()[-1000:])


def _prometheus() -> str:
    ours = ROOT / ".tools" / "bin" / "prometheus"
    found = shutil.which("prometheus") or (str(ours) if ours.exists() else None)
    if found is None:
        raise SystemExit("no prometheus on PATH or in .tools/bin: run `make setup`")
    return found


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def growth(costs: Sequence[Cost], name: str) -> float:
    """The x of N^x, by least squares of the logarithms."""
    points = [(math.log(c.machines), math.log(max(getattr(c, name), 1e-9))) for c in costs]
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("machines", type=int, nargs="*", default=[10, 100, 1000])
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--interval", default="15s")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--queries", action=argparse.BooleanOptionalAction, default=True)
    asked = parser.parse_args()
    print(f"{SERIES} series a machine, a scrape every {asked.interval}")
    print("machines   series  samples/s  CPUs  memory MB  rules s  queries s")
    costs = []
    for count in asked.machines:
        cost = measure(count, asked.seconds, asked.interval, asked.seed, asked.queries)
        costs.append(cost)
        print(
            f"{cost.machines:8d} {cost.series:8.0f} {cost.samples_a_second:10.0f} {cost.cpu_share:5.2f}"
            f" {cost.megabytes:10.0f} {cost.rule_seconds:8.2f} {cost.query_seconds:10.2f}",
            flush=True,
        )
    if len(costs) > 1:
        last, first = costs[-1], costs[0]
        grown = (last.megabytes - first.megabytes) / (last.machines - first.machines)
        print(f"memory per further machine: {grown:.2f} MB")
        for name in ("series", "megabytes", "rule_seconds", "query_seconds"):
            print(f"{name:14} grows as N^{growth(costs, name):.2f}")
        print("slowest query:", last.worst_query)
    return 0


if __name__ == "__main__":
    sys.exit(main())
