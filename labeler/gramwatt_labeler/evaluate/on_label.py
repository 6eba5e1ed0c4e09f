"""Which grade of an evaluation is its letter: the same on the form, the page, the label, the lists and over REST."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..grading.scale import RatedScale
from ..model import Graded
from ..scale_files import LoadedScale


def scale_order(scales: Mapping[str, LoadedScale], main_scale: str) -> tuple[str, ...]:
    """The main scale, then those of several metrics, the mended first, then the others by name."""

    def place(name: str) -> tuple[bool, bool, bool, str]:
        scale = scales[name].scale
        is_rated = isinstance(scale, RatedScale)
        return name != main_scale, not is_rated, not getattr(scale, "required", ()), name

    return tuple(sorted(scales, key=place))


def on_label(grades: Mapping[str, Graded], order: Sequence[str], asked: str = "") -> Graded | None:
    """The grade on the asked scale; without one the first in ``order`` with a letter, else the first.

    ``grades`` are by scale name; a scale that is no longer here comes last.
    """
    if asked in grades:
        return grades[asked]
    names = [name for name in order if name in grades]
    ordered = [grades[name] for name in (*names, *(name for name in grades if name not in names))]
    return next((one for one in ordered if one.grade.letter), ordered[0] if ordered else None)
