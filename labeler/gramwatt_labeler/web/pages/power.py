"""The power of a window over its time, from the raw samples of its energy counters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from ...model import Window
from ...prometheus import Prometheus, Series, selector

MOST_POINTS = 400
_HOLE = 4.0
"""A distance between samples of so many times the usual one is a hole: nothing is drawn across it."""

Points = list[tuple[float, float | None]]


def power_points(prometheus: Prometheus, window: Window) -> Points:
    """Mean watts between samples, all components together; empty when Prometheus has no samples (any more).

    Raises TryAgain or Rejected.
    """
    series = prometheus.raw(
        selector("gramwatt_window_energy_joules_total", window=window.id), window.start - 60, window.end + 60
    )
    return thinned(_sum([steps(one, window) for one in _one_origin(series)]))


def steps(series: Series, window: Window) -> list[tuple[float, float, float]]:
    """``(from, to, watts)`` between samples inside the window; a counter that fell began anew."""
    samples = [(at, value) for at, value in series.samples if at <= window.end + 30]
    if samples and samples[0][0] > window.start:
        samples.insert(0, (window.start, 0.0))  # a window's counter is 0 when it opens
    found = []
    for (before, low), (after, high) in pairwise(samples):
        end = min(after, window.end)
        if high >= low and end > before >= window.start - 1:
            found.append((before, end, (high - low) / (end - before)))
    return found


def _one_origin(series: Iterable[Series]) -> list[Series]:
    """The same window may be known from two targets: that with the most samples counts."""
    by_target: dict[tuple[str, str], list[Series]] = {}
    for one in series:
        by_target.setdefault(one.target, []).append(one)
    return max(by_target.values(), key=lambda found: sum(len(one.samples) for one in found), default=[])


def _sum(parts: Sequence[list[tuple[float, float, float]]]) -> Points:
    """Watts of all components at the end of each step, with None where there is a hole."""
    ends = sorted({end for part in parts for _, end, _ in part})
    if not ends:
        return []
    found: Points = []
    usual = sorted(b - a for a, b in pairwise(ends))[len(ends) // 2 - 1] if len(ends) > 1 else 0.0
    last = None
    for end in ends:
        watts = 0.0
        for part in parts:
            watts += next((power for start, stop, power in part if start < end <= stop), 0.0)
        if last is not None and usual > 0 and end - last > _HOLE * usual:
            found.append(((end + last) / 2, None))
        found.append((end, watts))
        last = end
    return found


def thinned(points: Points) -> Points:
    """At most MOST_POINTS: neighbours are averaged; a hole stays."""
    if len(points) <= MOST_POINTS:
        return points
    size = -(-len(points) // MOST_POINTS)
    found: Points = []
    for at in range(0, len(points), size):
        some = points[at : at + size]
        known = [watts for _, watts in some if watts is not None]
        found.append((some[-1][0], sum(known) / len(known) if known else None))
        if known and len(known) < len(some):
            found.append((some[-1][0], None))
    return found
