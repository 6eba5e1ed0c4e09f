"""The clocks of windows: the wall clock may be set, the boot clock never steps."""

from __future__ import annotations

import time
from collections.abc import Collection, Container

from .window import Window

NANOSECONDS = 1_000_000_000
_STEP_SECONDS = 1.0  # a clock that is corrected by less is not set anew
# Without it the boot clock stands still while the machine sleeps, and a sleep looks like a step of the wall clock.
_COUNTS_SLEEP = hasattr(time, "CLOCK_BOOTTIME")


def boot_nanoseconds() -> int:
    """A clock that neither steps nor restarts with the exporter (CLOCK_BOOTTIME where there is one)."""
    return time.clock_gettime_ns(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class ClockSteps:
    """By how much the wall clock is set, seen against the boot clock."""

    def __init__(self) -> None:
        self._boot_at: float | None = None  # Unix seconds of the boot, by the wall clock of the last look

    def seen(self, now: float, now_ns: int) -> float:
        """Seconds by which the wall clock was set since the last look; 0 for the first look and for corrections."""
        before, self._boot_at = self._boot_at, now - now_ns / NANOSECONDS
        if before is None or not _COUNTS_SLEEP or abs(self._boot_at - before) < _STEP_SECONDS:
            return 0.0
        return self._boot_at - before

    def restored(self, windows: Collection[Window], sampled_ns: int | None) -> None:
        """Go on from the clocks that saved open windows show: those of the last sample, or of the newest window."""
        sampled = [window.last_sample for window in windows if window.last_sample is not None]
        if sampled and sampled_ns is not None:
            self.seen(max(sampled), sampled_ns)
        elif windows:  # none of them saw a sample yet
            newest = max(windows, key=lambda window: window.start_ns)
            self.seen(newest.start, newest.start_ns)


class Ages:
    """How long ago windows ended."""

    def __init__(self) -> None:
        self._future: dict[
            str, int
        ] = {}  # ids of windows that end after now -> since when, by the boot clock

    def of(self, window_id: str, end: float, now: float, now_ns: int) -> float:
        """Seconds since the end. One that ended by a clock since set back is as old as it has been seen so."""
        if end <= now:
            self._future.pop(window_id, None)
            return now - end
        return (now_ns - self._future.setdefault(window_id, now_ns)) / NANOSECONDS

    def keep(self, window_ids: Container[str]) -> None:
        """Forget all others."""
        self._future = {one: since for one, since in self._future.items() if one in window_ids}
