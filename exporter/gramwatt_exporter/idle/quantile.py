"""A low quantile of a power over the last day or so, in a microsecond a value. Pure.

The very lowest value may come from one sample with a wrong clock or counter. It does not move a low quantile.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

_WIDTH = 1 / math.log(1.01)  # bins of 1 %
_FADE_NS = 600_000_000_000  # applied every ten minutes
_FORGOTTEN_NS = 1_000_000  # a bin with less time in it leaves


class FadingQuantile:
    """Time by power. A sample counts e times less after ``fade_ns`` of further samples."""

    def __init__(self, quantile: float, fade_ns: float) -> None:
        self._quantile = quantile
        self._fade_ns = fade_ns
        self._bins: dict[int, list[float]] = {}  # ln(power) in steps of 1 % -> [nanoseconds, microjoules]
        self._since_fade_ns = 0

    def __bool__(self) -> bool:
        return bool(self._bins)

    def add(self, microjoules: float, nanoseconds: int) -> None:
        """Add energy (microjoules) in time (nanoseconds); both positive."""
        key = math.floor(math.log(microjoules / nanoseconds) * _WIDTH)
        into = self._bins.get(key)
        if into is None:
            self._bins[key] = [nanoseconds, microjoules]
        else:
            into[0] += nanoseconds
            into[1] += microjoules
        self._since_fade_ns += nanoseconds
        if self._since_fade_ns >= _FADE_NS:
            self._fade()

    def _fade(self) -> None:
        left = math.exp(-self._since_fade_ns / self._fade_ns)
        self._bins = {
            key: [nanoseconds * left, microjoules * left]
            for key, (nanoseconds, microjoules) in self._bins.items()
            if nanoseconds * left >= _FORGOTTEN_NS
        }
        self._since_fade_ns = 0

    def microwatts(self, quantile: float | None = None) -> int | None:
        """The quantile, None before anything was seen."""
        if not self._bins:
            return None
        quantile = self._quantile if quantile is None else quantile
        left = quantile * sum(nanoseconds for nanoseconds, _ in self._bins.values())
        nanoseconds = microjoules = 0.0
        for key in sorted(self._bins):
            nanoseconds, microjoules = self._bins[key]
            left -= nanoseconds
            if left < 0:
                break
        return round(microjoules * 1_000_000_000 / nanoseconds)

    def state(self) -> list[list[int]]:
        """What to save."""
        return [
            [round(nanoseconds), round(microjoules)]
            for _, (nanoseconds, microjoules) in sorted(self._bins.items())
        ]

    def restore(self, saved: Sequence[Sequence[Any]]) -> None:
        """Raises TypeError or ValueError when it is damaged."""
        for nanoseconds, microjoules in saved:
            if int(nanoseconds) <= 0 or int(microjoules) <= 0:
                raise ValueError("not the powers of a device")
            self.add(int(microjoules), int(nanoseconds))
