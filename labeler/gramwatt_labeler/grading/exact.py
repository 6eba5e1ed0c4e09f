"""Exact arithmetic of grades: a number is what its decimal digits say, and a tie is a tie.

In binary floats 0.1 + 0.2 is more than 0.3, so a value on a limit gets a better or a worse letter by chance.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from functools import lru_cache

Number = float | Fraction
_KEPT = 4096  # results: many runs are graded with the same limits and weights


def exact(number: Number) -> Fraction:
    """The number as it is written: ``exact(0.1)`` is a tenth. Raises ValueError for NaN and infinity."""
    return number if isinstance(number, Fraction) else _read(str(number))


@lru_cache(_KEPT)
def _read(digits: str) -> Fraction:
    return Fraction(digits)


def weighted_mean(pairs: Iterable[tuple[Number, Number]]) -> Fraction:
    """The mean of (value, weight). Raises ValueError when there is no weight."""
    return _mean(tuple((exact(value), exact(weight)) for value, weight in pairs))


@lru_cache(_KEPT)  # ratings are a few whole numbers, and weights those of a scale
def _mean(listed: tuple[tuple[Fraction, Fraction], ...]) -> Fraction:
    total = sum((weight for _, weight in listed), Fraction(0))
    if not total:
        raise ValueError("no weight")
    return sum((value * weight for value, weight in listed), Fraction(0)) / total


def nearest(number: Number) -> float:
    """The float next to an exact number; infinity beyond the largest."""
    try:
        return float(number)
    except OverflowError:
        return float("inf") if number > 0 else float("-inf")
