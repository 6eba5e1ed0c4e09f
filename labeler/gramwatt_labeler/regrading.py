"""Grades by an older version of a scale -> grades by the one there is now. Both stay in the store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .model import Grade, Graded
from .scale_book.regrading import grade_again, graded_on
from .scale_files import LoadedScale
from .store import Given, Store


@dataclass(frozen=True, slots=True)
class Regraded:
    """One evaluation on one scale: as it was, and as it is now."""

    before: Graded
    after: Grade

    @property
    def text(self) -> str:
        """Such as ``w1 'train': gramwatt 1 C -> gramwatt 2 D``."""
        old, new = self.before.grade, self.after
        shown = [f"{one.scale.name} {one.scale.version} {one.text}" for one in (old, new)]
        return f"{self.before.window.id} {self.before.window.name!r}: {' -> '.join(shown)}"


def regrade(
    store: Store,
    scales: Sequence[LoadedScale],
    now: float,
    hardware: str = "",
    since: float = 0.0,
    dry: bool = False,
) -> Iterator[Regraded]:
    """Grade again what another version of a scale has graded. ``dry`` writes nothing.

    An evaluation whose numbers are not kept (it was refused before it was measured) stays as it is.
    """
    for loaded in scales:
        for evaluation, old in list(graded_on(store, loaded.id.name, None)):
            if old is None or old.window.end < since or old.grade.scale.sha256 == loaded.id.sha256:
                continue
            if evaluation.measurement is None:
                continue
            new = grade_again(loaded, evaluation, hardware)
            if not dry:
                store.regrade(evaluation.id, [Given(new)], now)
            yield Regraded(old, new)
