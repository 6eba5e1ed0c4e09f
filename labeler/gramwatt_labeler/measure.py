"""Raw counter samples -> what was used between two moments, and how much of that time is really covered. Pure.

A window's own counters begin at 0 when the window opens and hold their final value after it ends: the exporter takes a
sample of its own at both edges. So the energy of a window is exact whenever a sample of the held final value exists,
even when the whole window passed between two scrapes. What is not certain are the stretches in which the counting
itself was interrupted: these are left out of the coverage.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

Interval = tuple[float, float]
Samples = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Counted:
    """Increase of one counter, in its unit. ``resets`` are the intervals in which it went back."""

    increase: float
    samples: int
    resets: tuple[Interval, ...]


def count(samples: Samples, origin: Interval | None = None, until: float = math.inf) -> Counted:
    """Add up a counter's steps.

    ``origin`` is a known first point ``(time, value)`` in front of the samples (a window's counter is 0 when it opens).
    Samples later than ``until`` count as samples but add nothing (they only hold the value). A step down is a reset:
    the counter began again at zero, as Prometheus itself reads it. Values that are not numbers are skipped.
    """
    points = sorted({t: v for t, v in samples if math.isfinite(v)}.items())
    seen = len(points)
    points = [(t, v) for t, v in points if t <= until]
    if origin is not None:
        points = [origin, *((t, v) for t, v in points if t > origin[0])]
    # By stretches, not by steps: without a reset this is the last value itself, to the last digit.
    begin, parts, resets = (points[0][1] if points else 0.0), [], []
    for (t0, v0), (t1, v1) in pairwise(points):
        if v1 < v0:
            resets.append((t0, t1))
            parts.append(v0 - begin)
            begin = 0.0
    parts.append((points[-1][1] if points else 0.0) - begin)
    return Counted(math.fsum(parts), seen, tuple(resets))


def drops(samples: Samples) -> list[Interval]:
    """Intervals in which a counter went back, such as an exporter's own sample counter over a restart."""
    return list(count(samples).resets)


def coverage_ratio(
    start: float, end: float, uncovered: Iterable[Interval], missed_seconds: float = 0.0
) -> float:
    """Share of [start, end] outside the given intervals, which may overlap. 0 for a window without duration.

    ``missed_seconds`` were not counted, at unknown moments; they may lie in the intervals, so the larger counts.
    """
    if not end > start:
        return 0.0
    lost, reached = 0.0, start
    for low, high in sorted(uncovered):
        low, high = max(low, reached), min(high, end)
        if high > low:
            lost += high - low
            reached = high
    return max(0.0, 1.0 - max(lost, missed_seconds) / (end - start))


def known_ratio(known: float, unknown: float) -> float:
    """Share of the energy that is known, where ``unknown`` more may have been used, at most."""
    return known / (known + unknown) if unknown > 0 else 1.0
