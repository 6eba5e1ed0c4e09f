"""Letters by place in a named population. Such a grade changes when the population does, so it states its size."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..reasons import said
from .exact import exact
from .scale import RelativeScale


@dataclass(frozen=True, slots=True)
class Population:
    """Values of named members, such as J per sample of models; the same row twice counts once."""

    name: str
    values: Mapping[str, float]
    ordered: tuple[float, ...] = ()  # the values, least first

    @classmethod
    def of(cls, name: str, rows: Iterable[tuple[str, float]]) -> Population:
        """From rows; values that are not finite are left out. Raises ValueError when a member has two values."""
        values: dict[str, float] = {}
        for member, value in rows:
            if not math.isfinite(value):
                continue
            if values.setdefault(member, value) != value:
                raise ValueError(
                    f"population {name!r}: {member!r} has two values, {values[member]:g} and {value:g}"
                )
        return cls(name, values, tuple(sorted(values.values())))


@dataclass(frozen=True, slots=True)
class Placed:
    """A letter, or why there is none. ``n`` is the size of the population."""

    letter: str | None
    n: int
    reason: str = ""


def place(value: float, population: Population, scale: RelativeScale) -> Placed:
    """Letter of a value among a population, less is better.

    ``rank``: equal shares of the members; a value's place is that of the last member equal to it, so ties get the
    worse letter. ``range``: equal parts of the distance between the least and the greatest value.
    """
    n, count = len(population.values), len(scale.letters)
    if not math.isfinite(value):
        return Placed(None, n, said("finite"))
    if n < scale.minimum:
        few = said("small_population", needed=str(scale.minimum), population=population.name, n=str(n))
        return Placed(None, n, few)
    if scale.rule == "rank":
        not_worse = bisect_right(population.ordered, value)
        step = -(-not_worse * count // n) - 1  # ceil without floats: limits belong to the better side exactly
    else:
        low, high = population.ordered[0], population.ordered[-1]
        if high == low:
            return Placed(None, n, said("equal_population", population=population.name, value=f"{low:g}"))
        share = (exact(value) - exact(low)) / (exact(high) - exact(low))
        step = math.ceil(share * count) - 1
    return Placed(scale.letters[min(max(step, 0), count - 1)], n)
