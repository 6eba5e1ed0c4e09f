"""Share of one CPU used while measuring, against codecarbon's process mode and machine mode.

python -m benchmarks.bench_codecarbon [SECONDS]

All sample every second. The exporter measures every process of the machine and is scraped every 5 s; codecarbon's
offline tracker runs in a program that sleeps. The first seconds, in which each starts, do not count.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from contextlib import ExitStack

from benchmarks.harness import clean_environment, cpu_nanoseconds, get, machine, spread, workplace
from benchmarks.running import Running

ROUNDS = 3
TRACKER = """
import sys, time
from codecarbon import OfflineEmissionsTracker
tracker = OfflineEmissionsTracker(country_iso_code="FRA", measure_power_secs=1, tracking_mode=sys.argv[1],
    save_to_file=False, log_level="error", allow_multiple_runs=True)
tracker.start()
print("started", flush=True)
time.sleep(3600)
"""


def main(seconds: int) -> int:
    print(machine())
    with workplace() as directory, ExitStack() as stack:
        running = Running(directory, 0, "sampling: {interval: 1s}\n")
        stack.callback(running.end)
        pids = {"gramwatt-exporter": running.process.pid}
        for mode in ("process", "machine"):
            tracker = subprocess.Popen(
                [sys.executable, "-c", TRACKER, mode],
                stdout=subprocess.PIPE,
                cwd=directory,
                env=dict(clean_environment()),
            )
            stack.callback(tracker.wait)
            stack.callback(tracker.kill)
            assert tracker.stdout is not None
            if b"started\n" not in iter(tracker.stdout.readline, b""):  # what it imports may print as well
                print(f"codecarbon in {mode} mode did not start")
                return 1
            pids[f"codecarbon {mode} mode"] = tracker.pid
        time.sleep(3)
        shares: dict[str, list[float]] = {name: [] for name in pids}
        for _ in range(ROUNDS):
            before, began = {name: cpu_nanoseconds(pid) for name, pid in pids.items()}, time.monotonic_ns()
            for _ in range(max(1, seconds // 5)):
                time.sleep(5)
                get(running.address)
            elapsed = time.monotonic_ns() - began
            for name, pid in pids.items():
                shares[name].append(100 * (cpu_nanoseconds(pid) - before[name]) / elapsed)
    ours = shares["gramwatt-exporter"]
    for name, values in shares.items():
        ratios = [value / mine for value, mine in zip(values, ours, strict=True)]
        print(f"{name}: {spread(values)} % of one CPU, {statistics.median(ratios):.2f} times the exporter's")
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if sys.argv[1:] else 10))
