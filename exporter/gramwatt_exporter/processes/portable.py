"""Processes without Linux's procfs, through psutil: slower, no exits, but the same table on every system."""

from __future__ import annotations

import time
from collections.abc import Sequence

import psutil

from ..model import Identity, Workload
from .linux.clocks import GONE, ClockMethod
from .linux.kernel import KernelCounters

_ERRORS = (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess, OSError)


class PsutilClock:
    """user + system time of each process."""

    method: ClockMethod = "psutil"

    def key(self, pid: int) -> object:
        try:
            return psutil.Process(pid)
        except _ERRORS:
            return None

    def read(self, keys: Sequence[object]) -> tuple[list[int], list[int]]:
        values = [self._of(key) for key in keys]
        return values, [index for index, value in enumerate(values) if value == GONE]

    def read_one(self, pid: int) -> int | None:
        value = self._of(self.key(pid))
        return None if value == GONE else value

    @staticmethod
    def _of(process: object) -> int:
        if not isinstance(process, psutil.Process):
            return GONE
        try:
            times = process.cpu_times()
        except _ERRORS:
            return GONE
        return round((times.user + times.system) * 1_000_000_000)


class PsutilKernel:
    """Busy time and memory of the machine. Process ids need no order here: the table lists them all."""

    pid_max = 1 << 22

    def __init__(self) -> None:
        self.cpus = psutil.cpu_count() or 1
        self._samples = 0

    def read(self) -> KernelCounters:
        self._samples += 1
        times = psutil.cpu_times()
        memory = psutil.virtual_memory()
        busy = sum(getattr(times, name, 0.0) for name in ("user", "nice", "system", "irq", "softirq"))
        # A fork count that leaps half the id space makes Births list all processes: here nothing else is possible.
        return KernelCounters(
            last_pid=0,
            forks=self._samples * self.pid_max,
            busy_ns=round(busy * 1_000_000_000),
            used_pages=(memory.total - memory.available) // 4096,
            capacity_pages=memory.total // 4096,
        )


class PsutilIdentities:
    """What identifies a process, as far as the system reports it."""

    def read(self, pid: int) -> Identity | None:
        try:
            process = psutil.Process(pid)
            with process.oneshot():
                command = process.name()
                user = process.username()
                start = round(process.create_time() * 100)
                parent = process.ppid()
                uids = process.uids() if hasattr(process, "uids") else None
        except _ERRORS:
            return None
        uid = uids.real if uids is not None else 0
        return Identity(pid, start, parent, uid, command, Workload(command, "command", user))

    def read_again(self, before: Identity) -> Identity | None:
        """The same of a process that was read before."""
        return self.read(before.pid)

    def read_with_waited(self, pid: int) -> tuple[Identity, None] | None:
        identity = self.read(pid)
        return None if identity is None else (identity, None)

    def start_time(self, pid: int) -> int | None:
        try:
            return round(psutil.Process(pid).create_time() * 100)
        except _ERRORS:
            return None

    def user_name(self, uid: int) -> str:
        return str(uid)

    def job_owner(self, job: str, uid: int, parent: int) -> int:  # noqa: ARG002 - nobody is in a job here
        return uid


def resident_pages(pid: int) -> int | None:
    """Resident memory in pages of 4 KiB, None when it cannot be known."""
    try:
        return int(psutil.Process(pid).memory_info().rss // 4096)
    except psutil.ZombieProcess:
        return 0
    except _ERRORS:
        return None


def monotonic_ns() -> int:
    """The clock used where there is no CLOCK_BOOTTIME."""
    return time.monotonic_ns()


def pids() -> list[int]:
    """All process ids."""
    return sorted(psutil.pids())
