"""Energy of the devices up to any recent moment, so that a slow meter is compared at its own time. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Sequence

from msgspec import Struct

from ..model import Component, EnergyStep

MODELLED = "estimate"  # the source of devices that nothing measures
_PLACE: dict[Component, int] = {"cpu": 0, "dram": 1, "gpu": 2}
_WIDTH = len(_PLACE)


class Inside(Struct, frozen=True):
    """Microjoules of the devices inside a meter, since an arbitrary moment."""

    measured: int = 0
    modelled: int = 0  # as booked
    model: int = 0  # energy of the model, before it was bounded

    @property
    def booked(self) -> int:
        """Booked energy of all devices."""
        return self.measured + self.modelled

    def since(self, before: Inside) -> Inside:
        """The difference."""
        return Inside(
            self.measured - before.measured, self.modelled - before.modelled, self.model - before.model
        )

    def plus(self, more: Inside) -> Inside:
        """The sum."""
        return Inside(self.measured + more.measured, self.modelled + more.modelled, self.model + more.model)


class Timeline:
    """Totals by component and moment; between two samples they are taken to have grown evenly."""

    KEEP = 256  # moments remembered: a meter read every 10 s with ticks of 100 ms needs 100

    def __init__(self) -> None:
        self._totals = (0,) * 3 * _WIDTH
        self._points: deque[tuple[int, tuple[int, ...]]] = deque(maxlen=self.KEEP)

    def add(self, at_ns: int, amounts: Sequence[int]) -> None:
        """Energy up to ``at_ns`` since the last call, as ``amounts_of`` gives it."""
        self._totals = tuple([a + b for a, b in zip(self._totals, amounts, strict=True)])
        self._points.append((at_ns, self._totals))

    def begin(self, at_ns: int) -> None:
        """Drop all moments before this one."""
        self._points.clear()
        self._points.append((at_ns, self._totals))

    @property
    def until_ns(self) -> int:
        """The last moment that is known."""
        return self._points[-1][0] if self._points else 0

    def at(self, at_ns: int, covers: Iterable[Component]) -> Inside:
        """Totals at a moment; before and after what is known, the nearest known ones."""
        totals = self._at(at_ns)
        places = [_PLACE[component] for component in covers if component in _PLACE]
        return Inside(*(sum(totals[row * _WIDTH + place] for place in places) for row in range(3)))

    def _at(self, at_ns: int) -> Sequence[int]:
        points = self._points
        if not points:
            return self._totals
        index = bisect_right(points, at_ns, key=lambda point: point[0])
        if index == 0:
            return points[0][1]
        if index == len(points):
            return points[-1][1]
        (t0, e0), (t1, e1) = points[index - 1], points[index]
        return [a + (b - a) * (at_ns - t0) // (t1 - t0) for a, b in zip(e0, e1, strict=True)]


def nothing() -> list[int]:
    """Amounts of no energy."""
    return [0] * 3 * _WIDTH


def book(amounts: list[int], step: EnergyStep, microjoules: int, model: int | None = None) -> None:
    """Add a step to ``amounts``; ``model`` is what the model said where ``microjoules`` is bounded."""
    place = _PLACE.get(step.device.component)
    if place is None:
        return
    if step.device.source == MODELLED:
        amounts[_WIDTH + place] += microjoules
        amounts[2 * _WIDTH + place] += microjoules if model is None else model
    else:
        amounts[place] += microjoules
