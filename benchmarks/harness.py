"""What all benchmarks share: real crowds of processes, the exporter on command, CPU clocks, how a result is said."""

from __future__ import annotations

import http.client
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

PROGRAMS = Path(__file__).parent / "programs"
EXPORTER = [sys.executable, "-m", "gramwatt_exporter"]


def cpu_nanoseconds(pid: int) -> int:
    """User and system time of a process and its finished threads since it began, in nanoseconds.

    clock_getcpuclockid(3): exact and free of the 10 ms steps of /proc/PID/stat.
    """
    return time.clock_gettime_ns((~pid << 3) | 2)


def resident_bytes(pid: int) -> int:
    """Resident memory of a process as the kernel accounts it (VmRSS, shared library pages included)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise ProcessLookupError(pid)


def machine() -> str:
    """One line that says where and when the figures were taken."""
    cpus = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":", 1)[1].strip() for line in cpus if "model name" in line), "unknown CPU")
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"machine: {os.cpu_count()} x {model}, Linux {platform.release()}, Python {platform.python_version()}; {now}"


def compiled(name: str, directory: str) -> str:
    """Path of a program of programs/, compiled now."""
    path = str(Path(directory) / name)
    subprocess.run(["gcc", "-O2", "-o", path, str(PROGRAMS / f"{name}.c")], check=True)
    return path


@contextmanager
def workplace() -> Iterator[str]:
    """A directory for programs, settings and sockets."""
    with tempfile.TemporaryDirectory(prefix="gramwatt-bench-") as directory:
        yield directory


@contextmanager
def crowd(count: int, directory: str) -> Iterator[list[int]]:
    """So many idle processes more; their ids."""
    program = compiled("crowd", directory)
    process = subprocess.Popen(
        [program, str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        if process.stdout.readline() != "ready\n":
            raise RuntimeError(
                f"{count} processes could not be started; is a limit on processes in force (ulimit -u)?"
            )
        yield [
            int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        ]
    finally:
        process.stdin.close()
        process.wait()


class Asked:
    """A program that answers every line it is given with one line."""

    def __init__(self, words: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )

    def read(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.process.args!r} ended with {self.process.wait()}")
        return line

    def ask(self, line: str) -> str:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.read()

    def end(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


SETTINGS = """
web: {listen_address: "127.0.0.1:0"}
socket: {path: %s/driver.sock}
log: {level: error}
"""


class Driver(Asked):
    """The exporter on command (driver.py). ``settings`` is YAML that is added to its settings."""

    def __init__(self, directory: str, settings: str = "") -> None:
        path = Path(directory) / "driver.yml"
        path.write_text(SETTINGS % directory + settings)
        super().__init__([sys.executable, "-m", "benchmarks.driver", str(path)])
        self.address: str = json.loads(self.read())["address"]

    def do(self, command: str) -> dict[str, int]:
        """The answer to a command of driver.py."""
        return dict(json.loads(self.ask(command)))


def get(address: str, path: str = "/metrics", connection: http.client.HTTPConnection | None = None) -> bytes:
    """The body of a page."""
    used = connection or http.client.HTTPConnection(address, timeout=60)
    try:
        used.request("GET", path)
        answer = used.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{address}{path}: {answer.status} {body[:200]!r}")
        return body
    finally:
        if connection is None:
            used.close()


def spread(values: Sequence[float]) -> str:
    """Median and range."""
    return f"{statistics.median(values):.3g} ({min(values):.3g} to {max(values):.3g})"


def verdict(what: str, value: float, limit: float, at_most: bool = True) -> bool:
    """Say whether a figure holds."""
    holds = value <= limit if at_most else value >= limit
    relation = "at most" if at_most else "at least"
    print(f"{'holds' if holds else 'MISSED'}: {what} {value:.4g}, {relation} {limit:g} wanted")
    return holds


def wait_for(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    """The first true value of ``condition``."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.005)
    raise RuntimeError(f"not within {seconds} s: {what}")


def clean_environment() -> Mapping[str, str]:
    """Without settings of ours, or of Python, that would change what is measured."""
    return {
        key: value
        for key, value in os.environ.items()
        # Without byte code every start would compile the exporter anew, which no installation does.
        if not key.startswith("GRAMWATT_") and key != "PYTHONDONTWRITEBYTECODE"
    }
