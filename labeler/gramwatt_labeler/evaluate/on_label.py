"""Which grade of an evaluation is its letter: the same on the form, the page, the label, the lists and over REST."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from ..grading.scale import RatedScale
from ..model import Grade, Graded
from ..scale_files import LoadedScale


@dataclass(frozen=True, slots=True)
class LabelOrder:
    """Names of scales as labels rank them; ``rated`` are those of several metrics."""

    names: Sequence[str]
    rated: Collection[str] = ()

    @property
    def main(self) -> str:
        return self.names[0] if self.names else ""


def scale_order(scales: Mapping[str, LoadedScale], main_scale: str) -> tuple[str, ...]:
    """The main scale, then those of several metrics, the mended first, then the others by name."""

    def place(name: str) -> tuple[bool, bool, bool, str]:
        scale = scales[name].scale
        is_rated = isinstance(scale, RatedScale)
        return name != main_scale, not is_rated, not getattr(scale, "required", ()), name

    return tuple(sorted(scales, key=place))


def label_order(scales: Mapping[str, LoadedScale], main_scale: str) -> LabelOrder:
    """The order of :func:`scale_order`."""
    rated = frozenset(name for name, one in scales.items() if isinstance(one.scale, RatedScale))
    return LabelOrder(scale_order(scales, main_scale), rated)


def on_label(grades: Mapping[str, Graded], order: LabelOrder, asked: str = "") -> Graded | None:
    """The grade on the asked scale; without one that of the main scale, else of the next whose letter stands.

    Of the scales of several metrics the first alone counts, and only where no missing metric could change its letter:
    leaving a number out never leads to a milder scale. ``grades`` are by scale name; a scale that is no longer here
    comes last. Where no letter stands, it is the grade whose reason is nearest to one.
    """
    if asked in grades:
        return grades[asked]
    names = [name for name in order.names if name in grades]
    ordered = [grades[name] for name in (*names, *(name for name in grades if name not in names))]
    for one in ordered:
        if one.grade.letter and (one.grade.scale.name == order.main or not is_open(one.grade)):
            return one
        if one.grade.scale.name in order.rated and one.grade.scale.name != order.main:
            break
    return _nearest(ordered) if ordered else None


def is_open(grade: Grade) -> bool:
    """Whether metrics that are missing could change this letter."""
    return bool(grade.metrics) and not grade.unit and grade.best != grade.worst


def _nearest(ordered: Sequence[Graded]) -> Graded:
    """Of grades whose letters do not stand the first; that of an energy is none of a run without an energy."""
    without = [one for one in ordered if one.grade.letter is None]
    if without and without[0].measurement is None:
        return next((one for one in without if any(m.letter for m in one.grade.metrics.values())), without[0])
    return without[0] if without else ordered[0]
