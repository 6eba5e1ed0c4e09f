"""How often Prometheus really scrapes the exporters: learned from the samples, because the interval is the user's."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Any

METRIC = "gramwatt_build_info"
"""Every exporter has one series of it."""

_WINDOWS = (120, 900, 7200)  # seconds to look back; the longer ones only where a shorter one is not enough
_ENOUGH = 3  # samples of a series
_KEPT = 32  # answers for moments
_GRAIN = 30  # seconds that share an answer
_LONG = 7200  # seconds of a range in which the interval may have changed

Ask = Callable[[str, float], Awaitable[bytes | None]]
"""An instant query at a Unix time -> Prometheus' answer, None when there is none."""


@dataclass(frozen=True, slots=True)
class Scrapes:
    """Seconds between the scrapes of the slowest exporter, and the time of the newest sample. None: not known.

    ``interval`` is of the end of a range, ``slowest`` the longest anywhere in it.
    """

    interval: float | None
    newest: float | None
    slowest: float | None = None


def gaps(answer: dict[str, Any]) -> tuple[list[float | None], float | None]:
    """The usual gap of every series (None where there are too few samples), and the time of the newest sample.

    The median, because a scrape that fails leaves a gap of two intervals.
    """
    found: list[float | None] = []
    newest: float | None = None
    for series in answer.get("data", {}).get("result", []):
        times = [float(at) for at, _ in series.get("values", [])]
        if not times:
            continue
        newest = max(newest or 0.0, times[-1])
        found.append(median(b - a for a, b in pairwise(times)) if len(times) >= _ENOUGH else None)
    return found, newest


class Learned:
    """Asks once for every half a minute."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._known: dict[int, Scrapes] = {}

    async def between(self, start: float, end: float) -> Scrapes:
        """What the scrapes of a range are like: looked at in its end and, where it is long, its begin and middle."""
        last = await self.at(end)
        moments = [start + _WINDOWS[1], (start + end) / 2] if 0 < start < end - _LONG else []
        # Old samples stay as they are: one answer is good for all ranges that begin about then.
        others = [await self.at(at // _WINDOWS[1] * _WINDOWS[1]) for at in moments]
        known = [one.interval for one in (last, *others) if one.interval]
        return Scrapes(last.interval, last.newest, max(known, default=None))

    async def at(self, time: float) -> Scrapes:
        """What the scrapes before ``time`` were like."""
        moment = int(time // _GRAIN)
        if moment not in self._known:
            found = await self._learn(time)
            if found.interval is None:
                return found  # perhaps at the next question
            while len(self._known) >= _KEPT:
                self._known.pop(next(iter(self._known)))
            self._known[moment] = found
        return self._known[moment]

    async def _learn(self, time: float) -> Scrapes:
        slowest: float | None = None
        newest: float | None = None
        for window in _WINDOWS:
            body = await self._ask(f"{METRIC}[{window}s]", time)
            if body is None:
                break
            found, last = gaps(json.loads(body))
            newest = max(filter(None, (newest, last)), default=None)
            known = [one for one in found if one]
            slowest = max(known, default=slowest or 0.0) or None
            # A series with few samples is a slow one, or a young one: a longer look decides.
            if found and len(known) == len(found):
                break
            if window == _WINDOWS[1] and slowest:
                break
        return Scrapes(None if slowest is None else _rounded(slowest), newest)


def _rounded(seconds: float) -> float:
    """Scrapes come some milliseconds late or early."""
    return max(round(seconds, 1), 0.1) if seconds < 2 else float(round(seconds))
