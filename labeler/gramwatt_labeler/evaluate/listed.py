"""Rows of a list, each with the grade that its label shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from ..model import Graded
from ..store import Store
from ..store.nouns import Listed

Shown = Callable[[Mapping[str, Graded]], Graded | None]
"""Of an evaluation's grades by scale name the one that its label shows."""
_AT_ONCE = 500


def with_letters(rows: Sequence[Listed], store: Store, shown: Shown) -> list[Listed]:
    """The rows; one without a letter on the scale of the list has the grade of its label."""
    without = [one.evaluation.id for one in rows if not (one.graded and one.graded.grade.letter)]
    others: dict[str, Mapping[str, Graded]] = {}
    for start in range(0, len(without), _AT_ONCE):
        others |= store.grades(without[start : start + _AT_ONCE])
    return [replace(one, graded=shown(others.get(one.evaluation.id, {})) or one.graded) for one in rows]
