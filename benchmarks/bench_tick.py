"""One tick of the exporter against a C program that opens, reads and closes /proc/PID/stat of every process.

python -m benchmarks.bench_tick [COUNT...]: idle processes to start, 200 1000 5000 10000 by default.

A tick is Sampler.sample() with the default sensors: reads all sensors and all processes and books the energy.
A round is 12 ticks, because every 12th lists all processes and ranks all rows; the peer gets 12 passes in between.
"""

from __future__ import annotations

import statistics
import sys
import time

from benchmarks.harness import Asked, Driver, compiled, crowd, machine, spread, verdict, workplace

ROUND = 12
ROUNDS = 5
PAUSE = 0.1  # seconds between ticks, so that there is energy to book for everyone
LIMIT = 0.4


def measure(count: int, directory: str) -> bool:
    """One line of the table."""
    with crowd(count, directory):
        driver, peer = Driver(directory), Asked([compiled("stat_reader", directory)])
        for _ in range(ROUND):  # the table is filled, the memory of the newborn is read
            driver.do("sample")
            peer.ask("")
        ours, theirs = [], []
        processes = 0
        for _ in range(ROUNDS):
            mine = his = 0
            for _ in range(ROUND):
                time.sleep(PAUSE)
                answer = driver.do("sample")
                mine += answer["cpu_nanoseconds"]
                processes = answer["processes"]
                his += int(peer.ask("").split()[0])
            ours.append(mine / ROUND / 1e3)
            theirs.append(his / ROUND / 1e3)
        driver.end()
        peer.end()
    ratios = [mine / his for mine, his in zip(ours, theirs, strict=True)]
    print(
        f"{processes} processes: tick {spread(ours)} us, {statistics.median(ours) / processes:.2f} us a process;"
        f" C reading stat {spread(theirs)} us, {statistics.median(theirs) / processes:.2f} us a process;"
        f" ratio {spread(ratios)}"
    )
    ratio = statistics.median(ratios)
    return count < 1000 or verdict(f"ratio at {count}", ratio, LIMIT)


def main(counts: list[int]) -> int:
    print(machine())
    with workplace() as directory:
        held = [measure(count, directory) for count in counts]  # every line, whatever the first says
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main([int(word) for word in sys.argv[1:]] or [200, 1000, 5000, 10000]))
