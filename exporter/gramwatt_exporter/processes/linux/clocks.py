"""CPU time of processes: one system call each, without a file descriptor, where /proc shows our own PID namespace."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

from .procfiles import OF_THREAD, THREAD, TICK_NS

ClockMethod = Literal["clock", "stat", "psutil"]

GONE = -1


class ClockSource(Protocol):
    """Reads the CPU time (user + system, all threads, nanoseconds) of many processes at once."""

    method: ClockMethod

    def key(self, pid: int) -> object:
        """What to hand back to ``read`` for this process."""
        ...

    def read(self, keys: Sequence[object]) -> tuple[list[int], list[int]]:
        """CPU nanoseconds in the order of ``keys``, GONE for ended processes, and the positions of these."""
        ...

    def read_one(self, pid: int) -> int | None:
        """CPU nanoseconds of one process, None when it is gone."""
        ...


def _read_all(function: Callable[[Any], int], keys: Sequence[object]) -> tuple[list[int], list[int]]:
    """Run ``function`` over ``keys`` at C speed. An OSError marks one key as gone, and the iteration goes on."""
    values: list[int] = []
    dead: list[int] = []
    iterator: Iterator[int] = map(function, keys)
    while True:
        try:
            values.extend(iterator)
        except OSError:
            dead.append(len(values))
            values.append(GONE)
        else:
            return values, dead


class ProcessClock:
    """CPU clock of a thread group by its id (clock_getcpuclockid(3), without the library call).

    0.5 us a process, nanosecond resolution, counts finished threads and zombies, needs no privilege.
    """

    method: ClockMethod = "clock"

    def key(self, pid: int) -> int:
        # The kernel encodes a process CPU clock as (~pid << 3) | CPUCLOCK_SCHED.
        return (~pid << 3) | 2

    def read(self, keys: Sequence[object]) -> tuple[list[int], list[int]]:
        return _read_all(time.clock_gettime_ns, keys)

    def read_one(self, pid: int) -> int | None:
        try:
            return time.clock_gettime_ns(self.key(pid))
        except OSError:
            return None


class StatClock:
    """utime + stime of PROCFS/PID/stat, for a /proc of another PID namespace: there clock ids name other processes."""

    method: ClockMethod = "stat"

    def __init__(self, procfs: str) -> None:
        self._root = procfs

    def key(self, pid: int) -> str:
        return f"{self._root}/{pid}/stat"

    def _read(self, path: str) -> int:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            text = os.read(descriptor, 1024)
        finally:
            os.close(descriptor)
        fields = text[text.rfind(b")") + 2 :].split(b" ", OF_THREAD + 1)
        if fields[OF_THREAD : OF_THREAD + 1] == [
            THREAD
        ]:  # the id of a thread: its numbers repeat those of the whole process
            raise ProcessLookupError(path)
        return (int(fields[11]) + int(fields[12])) * TICK_NS

    def read(self, keys: Sequence[object]) -> tuple[list[int], list[int]]:
        return _read_all(self._read, keys)

    def read_one(self, pid: int) -> int | None:
        try:
            return self._read(self.key(pid))
        except OSError:
            return None


def same_namespace(procfs: str) -> bool:
    """Whether ``procfs`` numbers processes as our system calls do."""
    try:
        return str(Path(procfs, "self").readlink()) == str(os.getpid())
    except OSError:
        return False


def choose(procfs: str) -> ClockSource:
    """The best source for this machine."""
    if not sys.platform.startswith("linux"):
        from ..portable import PsutilClock

        return PsutilClock()
    return ProcessClock() if same_namespace(procfs) else StatClock(procfs)
