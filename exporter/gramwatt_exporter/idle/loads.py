"""How much energy a device drew at which load: running sums on a few bins, not samples. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

# Bins are narrow where curves are steep. The last one ends at full load.
EDGES = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
# A sample counts half after two more days of samples: hardware, firmware and workloads change.
HALF_LIFE_NS = 48 * 3_600_000_000_000
_FADE_NS = 3_600_000_000_000  # applied once an hour
# Loads this far apart show how power follows load; with less, the class decides most of it.
SPAN = 0.15
_LEAST_NS = 100_000_000  # less time in a bin is no evidence

Point = tuple[float, float, float, float]
"""Load (0..1), watts, nanoseconds and the number of samples of one bin."""


class LoadSums:
    """Sums of energy by load. A sample costs a microsecond, however long the device is watched."""

    def __init__(self) -> None:
        self._bins = [
            [0.0, 0.0, 0.0, 0.0] for _ in range(len(EDGES) + 1)
        ]  # nanoseconds, microjoules, load * ns, samples
        self._since_fade_ns = 0

    def add(self, microjoules: int, nanoseconds: int, utilisation: float) -> None:
        """One sample; ``utilisation`` is 0..1."""
        into = self._bins[bisect_right(EDGES, utilisation)]
        into[0] += nanoseconds
        into[1] += microjoules
        into[2] += utilisation * nanoseconds
        into[3] += 1
        self._since_fade_ns += nanoseconds
        if self._since_fade_ns >= _FADE_NS:
            left = 0.5 ** (self._since_fade_ns / HALF_LIFE_NS)
            self._bins = [[value * left for value in each] for each in self._bins]
            self._since_fade_ns = 0

    def points(self) -> list[Point]:
        """Every bin in which something was seen."""
        return [
            (load_ns / nanoseconds, microjoules * 1000 / nanoseconds, nanoseconds, samples)
            for nanoseconds, microjoules, load_ns, samples in self._bins
            if nanoseconds >= _LEAST_NS and microjoules > 0
        ]

    def state(self) -> list[list[int]]:
        """What to save: nothing where nothing was seen."""
        return [[round(value) for value in each] for each in self._bins] if self.points() else []

    def restore(self, saved: Sequence[Sequence[Any]]) -> None:
        """Raises TypeError or ValueError when it is damaged, and then changes nothing."""
        if not saved:
            return
        bins = [[float(int(value)) for value in each] for each in saved]
        if len(bins) != len(self._bins):
            raise ValueError("not the sums of these bins")
        for nanoseconds, microjoules, load_ns, samples in bins:
            if min(nanoseconds, microjoules, load_ns, samples) < 0 or load_ns > nanoseconds:
                raise ValueError("not the sums of a load")
        self._bins = bins


def spans(points: Sequence[Point]) -> bool:
    """Whether the loads seen lie far enough apart to show how power follows load."""
    return len(points) > 1 and points[-1][0] - points[0][0] >= SPAN
