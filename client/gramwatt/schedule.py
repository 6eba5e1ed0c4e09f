"""When to run a job: the start that emits least, from a forecast of the grid's carbon intensity. Pure.

Intensity is a step function (g/kWh from one point until the next). The mean over a job that starts at ``s`` is
piecewise linear in ``s``, so its least value lies where the job's start or its end meets a step: trying those is
exact.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)")
_DURATIONS = re.compile(
    rf"(?:{_DURATION.pattern})+"
)  # the whole text first: searching it for parts is quadratic

DAY = 86400.0


def parse_duration(text: str) -> float:
    """``4h``, ``90m``, ``1h30m``, ``1d`` -> seconds.

    Raises:
        ValueError: it is not such a text, or zero.
    """
    if not _DURATIONS.fullmatch(text):
        raise ValueError(f"{text!r} is not a duration; write for example 30m, 4h or 1h30m")
    seconds = sum(float(number) * _UNITS[unit] for number, unit in _DURATION.findall(text))
    if seconds <= 0:
        raise ValueError(f"{text!r} must be longer than 0 s")
    return seconds


@dataclass(frozen=True)
class Point:
    """``grams_per_kilowatt_hour`` from ``at`` (Unix seconds) until the next point."""

    at: float
    grams_per_kilowatt_hour: float


class Curve:
    """Carbon intensity over time, from its first point to ``end``."""

    def __init__(self, points: Sequence[Point]) -> None:
        """Points in any order; of several at one time the last wins. The last step is as long as the one before it.

        Raises:
            ValueError: fewer than two points.
        """
        ordered = sorted({point.at: point for point in points}.values(), key=lambda point: point.at)
        if len(ordered) < 2:
            raise ValueError("a curve needs two points")
        self._times = [point.at for point in ordered]
        self._values = [point.grams_per_kilowatt_hour for point in ordered]
        self.end = self._times[-1] + (self._times[-1] - self._times[-2])
        # _sums[i] is the integral from the first point to point i (g/kWh times seconds).
        self._sums = [0.0]
        for i in range(1, len(ordered)):
            self._sums.append(self._sums[-1] + self._values[i - 1] * (self._times[i] - self._times[i - 1]))

    @property
    def start(self) -> float:
        """Unix seconds of the first point."""
        return self._times[0]

    @property
    def steps(self) -> Sequence[float]:
        """Unix seconds at which the intensity changes."""
        return self._times

    def mean(self, start: float, seconds: float) -> float:
        """Mean intensity over ``seconds`` from ``start``, both within the curve."""
        return (self._integral(start + seconds) - self._integral(start)) / seconds

    def _integral(self, until: float) -> float:
        i = max(0, bisect_right(self._times, until) - 1)
        return self._sums[i] + self._values[i] * (until - self._times[i])


@dataclass(frozen=True)
class Advice:
    """The best start and what it saves, in g/kWh. ``covered_until`` is the end of the searched part of the curve (Unix
    seconds)."""

    start: float
    best: float
    now: float
    covered_until: float

    @property
    def saved(self) -> float:
        """Grams per kilowatt-hour saved against starting now; 0 when now is best."""
        return self.now - self.best


def best_start(curve: Curve, now: float, seconds: float, deadline: float) -> Advice:
    """The start in [now, deadline - seconds] with the least mean intensity; the earliest of equals.

    Raises:
        ValueError: the job does not fit before the deadline, or the curve does not reach to its end from now.
    """
    if now + seconds > deadline:
        raise ValueError("the job does not fit before the deadline")
    covered = min(deadline, curve.end)
    latest = covered - seconds
    if now < curve.start or latest < now:
        raise ValueError("the forecast is shorter than the job")
    candidates = {now, latest, *curve.steps, *(step - seconds for step in curve.steps)}
    starts = sorted(start for start in candidates if now <= start <= latest)
    best = min(starts, key=lambda start: (round(curve.mean(start, seconds), 6), start))
    return Advice(best, curve.mean(best, seconds), curve.mean(now, seconds), covered)


def same_as_yesterday(history: Sequence[Point], now: float) -> list[Point]:
    """The last day's points shifted by one day: a guess, to be named as such.

    The value in force now is kept from the history (its newest point), then each hour is that of a day before.
    """
    known = sorted(history, key=lambda point: point.at)
    shifted = [
        Point(point.at + DAY, point.grams_per_kilowatt_hour) for point in known if point.at + DAY > now
    ]
    latest = [point for point in known if point.at <= now][-1:]
    return latest + shifted
