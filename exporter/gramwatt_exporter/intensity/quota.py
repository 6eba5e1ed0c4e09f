"""How many calls a host has had in the last hour, so that a free tier is never exceeded. Pure."""

from __future__ import annotations

from collections.abc import Iterable

WINDOW = 3600.0  # seconds
# CO2 Signal's and Electricity Maps' free tier is 30 an hour. The exporter takes 24 of them; the other
# 6 are for `gramwatt-exporter intensity test`, a process of its own that keeps its own count.
EXPORTER_LIMIT = 24
TEST_LIMIT = 6


class Quota:
    """A sliding hour: at most ``limit`` calls in any 3600 seconds, whatever the clock does."""

    def __init__(self, limit: int, calls: Iterable[float] = ()) -> None:
        """``calls`` are Unix seconds of earlier calls, from before a restart."""
        self._limit = limit
        self._calls = sorted(calls)

    @property
    def calls(self) -> tuple[float, ...]:
        """Unix seconds of the calls that still count, oldest first."""
        return tuple(self._calls)

    def next_at(self, now: float) -> float:
        """When the next call is allowed, Unix seconds; ``now`` when it is allowed at once."""
        self._forget(now)
        if len(self._calls) < self._limit:
            return now
        return self._calls[-self._limit] + WINDOW

    def spend(self, now: float) -> None:
        """Count one call."""
        self._forget(now)
        self._calls.append(now)

    def _forget(self, now: float) -> None:
        # A clock that was set back leaves calls in the future: they count from now on, else none would be
        # allowed for as long as the clock had been ahead.
        self._calls = [min(call, now) for call in self._calls if call > now - WINDOW]
