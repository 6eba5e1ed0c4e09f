"""One tick and one scrape with a row per process, against Debian's prometheus-process-exporter doing the same.

python -m benchmarks.bench_process_exporter [COUNT]

The peer groups by PID (a row per process), without threads and without smaps: its cheapest way to do what we do. It
reads and renders when it is scraped; we sample and render. The CPU time is that of the whole process in both cases,
HTTP included. The package is fetched with apt-get download unless PROCESS_EXPORTER names its program.
"""

from __future__ import annotations

import statistics
import sys
import time

from benchmarks.harness import (
    Driver,
    cpu_nanoseconds,
    crowd,
    get,
    machine,
    spread,
    verdict,
    wait_for,
    workplace,
)
from benchmarks.peers import PROCESS_EXPORTER, answers, fetch, free_port, process_exporter, version

ROUNDS = 15
PAUSE = 0.25
LIMIT = 50.0


def main(count: int) -> int:
    print(machine())
    with workplace() as directory:
        program = fetch(PROCESS_EXPORTER, directory)
        print(version(program))
        address = f"127.0.0.1:{free_port()}"
        peer = process_exporter(program, directory, address)
        driver = Driver(directory, "process: {series: all}\n")
        try:
            wait_for(lambda: answers(address), 20, "prometheus-process-exporter")
            with crowd(count, directory):
                for _ in range(14):
                    time.sleep(PAUSE)
                    driver.do("tick")
                his_rows = get(address).decode().count("\nnamedprocess_namegroup_num_procs{")
                my_rows = get(driver.address).decode().count("\ngramwatt_process_cpu_seconds_total{") - 2
                ours, theirs = [], []
                for _ in range(ROUNDS):
                    time.sleep(PAUSE)
                    before = cpu_nanoseconds(driver.process.pid)
                    driver.do("tick")
                    get(driver.address)
                    ours.append((cpu_nanoseconds(driver.process.pid) - before) / 1e6)
                    before = cpu_nanoseconds(peer.pid)
                    get(address)
                    theirs.append((cpu_nanoseconds(peer.pid) - before) / 1e6)
        finally:
            driver.end()
            peer.terminate()
            peer.wait()
    ratios = [his / mine for mine, his in zip(ours, theirs, strict=True)]
    print(
        f"{my_rows} rows: tick and scrape {spread(ours)} ms; prometheus-process-exporter, {his_rows} rows,"
        f" {spread(theirs)} ms; {spread(ratios)} times cheaper"
    )
    return 0 if verdict("times cheaper", statistics.median(ratios), LIMIT, at_most=False) else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if sys.argv[1:] else 1000))
