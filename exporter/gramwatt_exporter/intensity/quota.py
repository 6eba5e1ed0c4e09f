"""How many calls a host has had in the last hour, so that a free tier is never exceeded. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

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
        # After a clock was set back, earlier calls lie in the future: they count from now on, else no call would be
        # allowed for as long as the clock had been ahead.
        self._calls = [min(call, now) for call in self._calls if call > now - WINDOW]


class Budget:
    """The quotas of all hosts, in wall-clock time and, where there is one, in a time that never jumps."""

    def __init__(self, limit: int, steady: Callable[[], float] | None = None) -> None:
        """``limit`` is calls an hour and host. With ``steady`` it holds even while the wall clock is set forward."""
        self._limit = limit
        self._steady = steady
        self._quotas: dict[str, Quota] = {}
        self._steady_quotas: dict[str, Quota] = {}

    def restore(self, calls: Mapping[str, Sequence[float]]) -> None:
        """Restore the calls of before a restart, Unix seconds by host."""
        self._quotas = {origin: Quota(self._limit, earlier) for origin, earlier in calls.items()}

    def calls(self) -> dict[str, list[float]]:
        """The calls that still count, Unix seconds by host."""
        return {origin: list(quota.calls) for origin, quota in self._quotas.items()}

    def next_at(self, origin: str, now: float) -> float:
        """When the host may be called again, Unix seconds."""
        due = self._quotas.setdefault(origin, Quota(self._limit)).next_at(now)
        if self._steady is None:
            return due
        steady = self._steady()
        waited = self._steady_quotas.setdefault(origin, Quota(self._limit)).next_at(steady) - steady
        return max(due, now + waited)

    def spend(self, origin: str, now: float) -> None:
        """Count one call to the host."""
        self._quotas.setdefault(origin, Quota(self._limit)).spend(now)
        if self._steady is not None:
            self._steady_quotas.setdefault(origin, Quota(self._limit)).spend(self._steady())
