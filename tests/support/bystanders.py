"""CPU time that the exporter charged, against what the kernel says: of processes that end, and of one that looks on."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hypervisor import undisturbed
from running import Exporter, assert_conserved, select, total

# Runs programs one after another, and tells what they used as the kernel summed it when they were waited for.
PARENT = """
import json, resource, subprocess, sys
def used():
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in both)
programs = json.loads(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
before = used()
codes = [subprocess.run(words, stdout=subprocess.DEVNULL).returncode for words in programs]
print(json.dumps({"used": used() - before, "codes": codes}), flush=True)
sys.stdin.readline()
"""

# Works all the while, and is to get no more and no less than it used.
BYSTANDER = """
import json, sys, threading, time
asked = threading.Event()
def ask():
    sys.stdin.readline()
    asked.set()
print("ready", flush=True)
sys.stdin.readline()
before = time.process_time()
threading.Thread(target=ask).start()
while not asked.is_set():
    sum(range(1000))
print(json.dumps({"used": time.process_time() - before}), flush=True)
sys.stdin.readline()
"""


@dataclass
class Share:
    """Charged by used CPU time, and both windows as they ended."""

    programs: float
    bystander: float
    codes: list[int]
    workloads: set[str]  # by command, of everything charged so far
    overbooked: float  # CPU seconds


class Watched:
    """A process with a window over it."""

    def __init__(self, running: Exporter, name: str, words: Sequence[str]) -> None:
        self._running = running
        self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._line() == "ready"  # its own start is not of the window
        running.wait_samples()  # so that it is known
        body = {"name": name, "phase": "training", "pid": self._process.pid}
        status, self._window = running.call("POST", "/v1/windows", body)
        assert status == 201, self._window

    def tell(self) -> None:
        """A line on its standard input."""
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def told(self) -> Any:
        """What it says it used."""
        return json.loads(self._line())

    def charged(self) -> float:
        """CPU seconds of its window, which ends."""
        status, window = self._running.call("POST", f"/v1/windows/{self._window['window']}/stop")
        assert status == 200, window
        return float(window["cpu_seconds"])

    def end(self) -> None:
        """Let it go."""
        self._process.communicate("end\n")

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


def charged_by_used(
    running: Exporter, programs: Sequence[Sequence[str]], python: str = sys.executable
) -> Share:
    """Of ``programs``, run one after another; measured again while the hypervisor ran others."""
    share, stolen = undisturbed(lambda: _measured(running, programs, python), most_seconds=0.02)
    print(
        f"charged by used CPU time: {share.programs:.4f}, of the bystander {share.bystander:.4f};"
        f" {stolen:.2f} s stolen by the hypervisor"
    )
    return share


def _measured(running: Exporter, programs: Sequence[Sequence[str]], python: str) -> Share:
    bystander = Watched(running, "bystander", [sys.executable, "-I", "-S", "-c", BYSTANDER])
    parent = Watched(running, "programs", [python, "-I", "-S", "-c", PARENT, json.dumps(programs)])
    bystander.tell()
    parent.tell()
    done = parent.told()
    bystander.tell()
    alone = bystander.told()
    running.wait_samples(6)  # the last dead are settled
    charged = parent.charged(), bystander.charged()
    parent.end()
    bystander.end()
    series = running.wait_samples()
    assert_conserved(series)
    return Share(
        programs=charged[0] / done["used"],
        bystander=charged[1] / alone["used"],
        codes=done["codes"],
        workloads={
            dict(labels)["workload"] for labels in select(series, "gramwatt_workload_cpu_seconds_total")
        },
        overbooked=float(total(series, "gramwatt_cpu_overbooked_seconds_total")),
    )
