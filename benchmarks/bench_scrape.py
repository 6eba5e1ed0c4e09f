"""A scrape alone, with 1000 processes exported and every family of theirs: CPU time of the whole exporter.

python -m benchmarks.bench_scrape [COUNT]

Process series are ``all`` and a grid intensity is configured, so each process has energy, emissions, power and CPU
time; where a memory is measured (or estimated) the first three come twice. Every scrape is the first of a new
snapshot; memory energy makes nearly every row a new one. Peer: prometheus_client's own generate_latest on a
registry with as many gauges of the same labels.
"""

from __future__ import annotations

import statistics
import sys
import time

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from benchmarks.harness import Driver, cpu_nanoseconds, crowd, get, machine, spread, verdict, workplace

ROUNDS = 20
PAUSE = 0.25
LIMIT_MILLISECONDS = 5.0
SETTINGS = """
process: {series: all}
intensity: {providers: [{kind: static, value: 50}], zone: FR}
"""


def peer_registry(samples: int) -> CollectorRegistry:
    """As many samples in prometheus_client's way."""
    registry = CollectorRegistry()
    gauge = Gauge(
        "peer_energy_joules", "The same labels.", ("pid", "command", "workload", "user"), registry=registry
    )
    for pid in range(samples):
        gauge.labels(str(pid), "crowd", "crowd", "root").set(pid / 7)
    return registry


def main(count: int) -> int:
    print(machine())
    with workplace() as directory:
        driver = Driver(directory, SETTINGS)
        with crowd(count, directory):
            for _ in range(14):
                time.sleep(PAUSE)
                driver.do("tick")
            body = get(driver.address).decode()
            rows = [line for line in body.splitlines() if line.startswith("gramwatt_process_")]
            exported = sum(line.startswith("gramwatt_process_cpu_seconds_total") for line in rows) - 2
            registry = peer_registry(len(rows))
            ours, theirs = [], []
            for _ in range(ROUNDS):
                time.sleep(PAUSE)
                driver.do("tick")
                before = cpu_nanoseconds(driver.process.pid)
                get(driver.address)
                ours.append((cpu_nanoseconds(driver.process.pid) - before) / 1e6)
                began = time.process_time_ns()
                generate_latest(registry)
                theirs.append((time.process_time_ns() - began) / 1e6)
        driver.end()
    ratios = [his / mine for mine, his in zip(ours, theirs, strict=True)]
    print(
        f"{exported} processes, {len(rows)} samples of processes, {len(body)} bytes: a scrape {spread(ours)} ms;"
        f" prometheus_client for as many samples {spread(theirs)} ms; ratio {spread(ratios)}"
    )
    if exported < count:
        print(f"only {exported} of {count} processes had rows")
        return 1
    return 0 if verdict("ms CPU a scrape", statistics.median(ours), LIMIT_MILLISECONDS) else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if sys.argv[1:] else 1000))
