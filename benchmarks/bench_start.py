"""Start to first sample, and resident memory with 1000 processes, of the program as it is installed.

python -m benchmarks.bench_start [COUNT]

The clock runs from the fork to the first /metrics that answers 200 (asked for every 5 ms), with COUNT idle processes
on the machine, a state directory and every default sensor. Resident memory (VmRSS, shared libraries counted whole) is
read after 30 more samples and 10 scrapes, and again with every process exported.
Peer: the same interpreter importing psutil and prometheus_client and reading every process once, which is the least
any Python exporter with these libraries does.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from benchmarks.harness import crowd, machine, spread, verdict, workplace
from benchmarks.running import Running

ROUNDS = 7
LIMIT_SECONDS = 0.5
LIMIT_MEGABYTES = 40.0
PEER = (
    "import psutil, prometheus_client\n"
    "for process in psutil.process_iter(['pid', 'name', 'username', 'cpu_times', 'memory_info']): pass\n"
    "prometheus_client.generate_latest()\n"
    "print(open('/proc/self/status').read().split('VmRSS:')[1].split()[0])\n"
)


def peer() -> tuple[float, float]:
    """Seconds and megabytes."""
    began = time.monotonic()
    answer = subprocess.run([sys.executable, "-c", PEER], capture_output=True, text=True, check=True)
    return time.monotonic() - began, int(answer.stdout) * 1024 / 1e6


def main(count: int) -> int:
    print(machine())
    with workplace() as directory, crowd(count, directory):
        Running(directory, "compiles").end()
        starts, cpus, peers, megabytes = [], [], [], []
        for number in range(ROUNDS):
            running = Running(directory, number)
            starts.append(running.seconds)
            cpus.append(running.cpu)
            if number == ROUNDS - 1:
                megabytes.append(running.settle())
            running.end()
            peers.append(peer())
        running = Running(directory, ROUNDS, "sampling: {interval: 100ms}\nprocess: {series: all}\n")
        megabytes.append(running.settle())
        running.end()
    ratios = [mine / his for mine, (his, _) in zip(starts, peers, strict=True)]
    print(
        f"start to first sample {spread(starts)} s ({spread(cpus)} s CPU); psutil and prometheus_client reading the"
        f" same once {spread([seconds for seconds, _ in peers])} s; ratio {spread(ratios)}"
    )
    print(
        f"resident with {count} idle processes {megabytes[0]:.1f} MB, all of them exported {megabytes[1]:.1f} MB;"
        f" the peer {spread([size for _, size in peers])} MB"
    )
    fast = verdict("s to the first sample", statistics.median(starts), LIMIT_SECONDS)
    return 0 if verdict("MB resident", megabytes[0], LIMIT_MEGABYTES) and fast else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if sys.argv[1:] else 1000))
