"""Which snapshots have been scraped by every collector.

A counter that appears with a value has no increase in Prometheus: the first sample of a series is where ``increase()``
starts (https://github.com/prometheus/prometheus/issues/1673). So a new series shows 0 until each collector has seen it,
and this says when that is. A collector is a client that sends the header of Prometheus's own scrapes, which its
relatives send as well. Browsers do not count.
"""

from __future__ import annotations

import time
from collections.abc import Callable

# A collector that has come once is expected again within this time, the default interval of Prometheus and half of it.
FIRST_PATIENCE_SECONDS = 90.0
LONGEST_PATIENCE_SECONDS = 600.0
MOST_COLLECTORS = 32


class _Collector:
    """One collector: its last scrape, the end of the wait for its next one, and its newest snapshot."""

    __slots__ = ("at", "expected_until", "number")

    def __init__(self, at: float, number: int) -> None:
        self.at = at
        self.expected_until = at + FIRST_PATIENCE_SECONDS
        self.number = number

    def came(self, at: float, number: int) -> None:
        # Twice its interval: one scrape may fail.
        self.expected_until = at + min(2 * (at - self.at) + 5, LONGEST_PATIENCE_SECONDS)
        self.at, self.number = at, number


class Scrapers:
    """All scrapers. ``clock`` is a steady clock in seconds. One thread at a time may call it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._collectors: dict[str, _Collector] = {}
        self._at: float | None = None
        self._number = 0
        self._resumed_until = 0.0

    @property
    def seconds_ago(self) -> float | None:
        """Since the last scrape; None before the first."""
        return None if self._at is None else self._clock() - self._at

    def resume(self, seconds_ago: float) -> None:
        """The exporter before a restart was scraped so long ago: that scraper is expected to come again, and has
        none of the series that begin from now on."""
        if 0 <= seconds_ago <= FIRST_PATIENCE_SECONDS:
            self._at = self._clock() - seconds_ago
            self._resumed_until = self._at + FIRST_PATIENCE_SECONDS

    def scraped(self, collector: str, number: int) -> None:
        """A scraper has the snapshot ``number``. ``collector`` names it; it is "" for a person."""
        now = self._clock()
        self._at, self._number = now, number
        if not collector:
            return
        known = self._collectors.get(collector)
        if known is not None:
            known.came(now, number)
        elif len(self._collectors) < MOST_COLLECTORS:
            self._collectors[collector] = _Collector(now, number)

    def witnessed(self) -> int | None:
        """The number of a snapshot such that every scraper has it or a newer one; None without scrapers."""
        now = self._clock()
        for name in [name for name, known in self._collectors.items() if known.expected_until < now]:
            del self._collectors[name]
        if self._collectors:
            return min(known.number for known in self._collectors.values())
        # A person who looks wants the values of now; only a collector from before a restart is still expected.
        return self._number if now < self._resumed_until else None
