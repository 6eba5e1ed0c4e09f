"""Which process ids may be new: the kernel gives ids in a cycle, so new and reused ones lie in one short interval.
Pure."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from msgspec import Struct

# A full listing now and then finds what the interval misses: ids set by a checkpoint restore, hidden errors.
FULL_EVERY = 12


class Candidates(Struct, frozen=True):
    """Ids to probe. ``pids`` is None for "list them all"; ``reused(pid)`` says whether to check its start time."""

    pids: Iterable[int] | None
    _last: int
    _span: int
    _all: bool
    _pid_max: int

    def reused(self, pid: int) -> bool:
        """Whether the kernel may have given a known id again since the previous sample."""
        return self._all or 0 < (pid - self._last) % self._pid_max <= self._span


class Births:
    """Turns (last pid, forks) of successive samples into the ids that may be new."""

    def __init__(self, pid_max: int) -> None:
        self._pid_max = pid_max
        self._last_pid: int | None = None
        self._forks = 0
        self._samples = 0

    def candidates(self, last_pid: int, forks: int, known: int) -> Candidates:
        """``known`` is the size of the process table: an interval of more than half of it costs more than a list."""
        self._samples += 1
        before, self._last_pid = self._last_pid, last_pid
        forked, self._forks = forks - self._forks, forks
        if before is None:
            return Candidates(None, 0, 0, True, self._pid_max)
        span = (last_pid - before) % self._pid_max
        # Every fork takes an id: a span shorter than the number of forks means that the ids wrapped or were set back.
        lapped = forked >= self._pid_max // 2 or forked < 0 or span < forked
        pids: Iterable[int] | None
        if lapped or self._samples % FULL_EVERY == 0 or span > known // 2 + 64:
            pids = None
        elif last_pid >= before:
            pids = range(before + 1, last_pid + 1)
        else:
            pids = itertools.chain(range(before + 1, self._pid_max), range(1, last_pid + 1))
        return Candidates(pids, before, span, lapped, self._pid_max)
