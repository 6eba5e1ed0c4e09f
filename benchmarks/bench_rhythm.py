"""What being there costs: one sample and one scrape every 5 s, which is the rhythm people run.

python -m benchmarks.bench_rhythm [CYCLES] [COUNT...]: 6 cycles for each of 10, 1000 and 5000 idle processes.

In every cycle each program is scraped once, one after the other, over a connection that stays open and with the headers
that Prometheus sends. The exporter runs twice: as installed, and with every process exported. Peers: Debian's
prometheus-node-exporter, and prometheus-process-exporter with a row per process. Both read when they are scraped.

CPU time is that of the whole process by its CPU clock. Wake-ups are the voluntary context switches of all its threads.
``touched`` is how much of its own memory, files not counted, a program reads or writes in a cycle (clear_refs of
proc(5)): on a machine that gives memory no rest it costs little, on one whose memory has gone cold it is what costs.
Every count is measured twice: ``cold``, with nothing else running, and ``warm``, while a program of the lowest priority
keeps every processor busy.
"""

from __future__ import annotations

import http.client
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.harness import compiled, cpu_nanoseconds, crowd, machine, spread, verdict, wait_for, workplace
from benchmarks.peers import (
    NODE_EXPORTER,
    PROCESS_EXPORTER,
    answers,
    fetch,
    free_port,
    node_exporter,
    process_exporter,
    version,
)
from benchmarks.running import Running

PERIOD = 5.0
CHEAPER_THAN_NODE = 1.0
CHEAPER_THAN_PROCESS = 20.0
MOST_WAKES = 3.0  # one sample and one scrape, and one more for what a machine may do to us
OURS, EVERYONE, NODE, PROCESS = "exporter", "every process exported", "node_exporter", "process-exporter"
# As Prometheus 2.53 sends them.
HEADERS = {
    "User-Agent": "Prometheus/2.53.0",
    "Accept": "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
    "Accept-Encoding": "gzip",
    "X-Prometheus-Scrape-Timeout-Seconds": "5",
}
_VOLUNTARY = re.compile(r"^voluntary_ctxt_switches:\s*(\d+)", re.MULTILINE)
_OWN_MEMORY = re.compile(r"^[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \d+ +/")


class Target:
    """A program that is scraped in every cycle."""

    def __init__(self, name: str, pid: int, address: str) -> None:
        self.name = name
        self.pid = pid
        self._connection = http.client.HTTPConnection(address, timeout=60)
        self.milliseconds: list[float] = []
        self.wakes: list[int] = []
        self.touched = 0.0  # MB

    def scrape(self) -> None:
        """One scrape as Prometheus makes it."""
        self._connection.request("GET", "/metrics", headers=HEADERS)
        answer = self._connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{self.name}: {answer.status}")

    def counts(self) -> tuple[int, int]:
        """CPU nanoseconds and wake-ups so far."""
        return cpu_nanoseconds(self.pid), sum(_voluntary_switches(self.pid))

    def forget_touched(self) -> None:
        """What is touched from now on counts."""
        # 1 clears the marks, 4 makes the processors forget that they have set them (fs/proc/task_mmu.c).
        for value in ("1", "4"):
            Path(f"/proc/{self.pid}/clear_refs").write_text(value)

    def touched_megabytes(self) -> float:
        """Of memory that is no file's, since forget_touched."""
        own, kilobytes = False, 0
        for line in Path(f"/proc/{self.pid}/smaps").read_text().splitlines():
            if "-" in line.split(" ", 1)[0]:
                own = _OWN_MEMORY.match(line) is None
            elif own and line.startswith("Referenced:"):
                kilobytes += int(line.split()[1])
        return kilobytes * 1024 / 1e6


def _voluntary_switches(pid: int) -> Iterator[int]:
    for thread in Path(f"/proc/{pid}/task").iterdir():
        try:
            found = _VOLUNTARY.search((thread / "status").read_text())
        except OSError:
            continue
        if found is not None:
            yield int(found[1])


def cycle(targets: Sequence[Target]) -> None:
    """Five seconds in which each is scraped once."""
    began = time.monotonic()
    for number, target in enumerate(targets, 1):
        time.sleep(max(0.0, began + PERIOD * number / (len(targets) + 1) - time.monotonic()))
        target.scrape()
    time.sleep(max(0.0, began + PERIOD - time.monotonic()))


def measure(targets: Sequence[Target], cycles: int) -> None:
    """Fill the targets' figures. The first cycle of each state is not counted."""
    cycle(targets)
    for _ in range(cycles):
        before = [target.counts() for target in targets]
        cycle(targets)
        for target, (cpu, wakes) in zip(targets, before, strict=True):
            now, woken = target.counts()
            target.milliseconds.append((now - cpu) / 1e6)
            target.wakes.append(woken - wakes)
    for target in targets:
        target.forget_touched()
    cycle(targets)
    for target in targets:
        target.touched = target.touched_megabytes()


@contextmanager
def kept_warm(directory: str, warm: bool) -> Iterator[None]:
    """Every processor busy at the lowest priority, or nothing else running."""
    if not warm:
        yield
        return
    words = [compiled("spin", directory), str(os.cpu_count() or 1)]
    process = subprocess.Popen(words, stdin=subprocess.PIPE)
    assert process.stdin is not None
    try:
        yield
    finally:
        process.stdin.close()
        process.wait()


@contextmanager
def all_programs(directory: str, programs: Mapping[str, str]) -> Iterator[list[Target]]:
    """Everything that is measured, running and answering."""
    with ExitStack() as stack:
        targets = []
        for name, settings in ((OURS, ""), (EVERYONE, "process: {series: all}\n")):
            running = Running(directory, f"{name}-{time.monotonic_ns()}", settings)
            stack.callback(running.end)
            targets.append(Target(name, running.process.pid, running.address))
        for name in (NODE, PROCESS):
            address = f"127.0.0.1:{free_port()}"
            if name == NODE:
                process = node_exporter(programs[name], address)
            else:
                process = process_exporter(programs[name], directory, address)
            stack.callback(process.wait)
            stack.callback(process.terminate)
            wait_for(lambda: answers(address), 20, name)  # noqa: B023 - called at once
            targets.append(Target(name, process.pid, address))
        yield targets


def one_state(count: int, warm: bool, cycles: int, directory: str, programs: Mapping[str, str]) -> bool:
    """One crowd, warm or cold: a line per program and what holds."""
    state = "warm" if warm else "cold"
    own = sum(entry.name.isdigit() for entry in Path("/proc").iterdir())
    with (
        crowd(count, directory),
        all_programs(directory, programs) as targets,
        kept_warm(directory, warm),
    ):
        measure(targets, cycles)
    print(f"{count} idle processes beside {own} of the machine's own, {state}:")
    for target in targets:
        print(
            f"  {target.name:22} {spread(target.milliseconds)} ms a cycle,"
            f" wakes {statistics.median(target.wakes):g}, touched {target.touched:.1f} MB"
        )
    ours, everyone, node, process = targets
    held = [verdict(f"wake-ups a cycle, {count} {state}", statistics.median(ours.wakes), MOST_WAKES)]
    for mine, his, limit in ((ours, node, CHEAPER_THAN_NODE), (everyone, process, CHEAPER_THAN_PROCESS)):
        ratio = statistics.median(b / a for a, b in zip(mine.milliseconds, his.milliseconds, strict=True))
        what = f"times cheaper than {his.name} ({mine.name}), {count} {state}"
        if (count, his) in ((10, node), (1000, process)):
            held.append(verdict(what, ratio, limit, at_most=False))
        else:
            print(f"{what}: {ratio:.3g}")
    return all(held)


def main(cycles: int, counts: Sequence[int]) -> int:
    print(machine())
    with workplace() as directory:
        programs = {NODE: fetch(NODE_EXPORTER, directory), PROCESS: fetch(PROCESS_EXPORTER, directory)}
        for program in programs.values():
            print(version(program))
        held = [
            one_state(count, warm, cycles, directory, programs) for count in counts for warm in (False, True)
        ]
    return 0 if all(held) else 1


if __name__ == "__main__":
    words = [int(word) for word in sys.argv[1:]]
    sys.exit(main(words[0] if words else 6, words[1:] or [10, 1000, 5000]))
