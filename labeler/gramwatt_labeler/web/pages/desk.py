"""What the pages work with: the store, the scales, and how an entry becomes a label."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ...definitions import Definitions
from ...errors import Duplicate
from ...evaluate.correcting import carried, correction, is_unchanged
from ...evaluate.listed import with_letters
from ...evaluate.on_label import LabelOrder, label_order, on_label
from ...evaluate.results import Result, evaluate, evaluation_of, fitting
from ...forms.entry import Entry
from ...grading.scale import Scale
from ...model import Graded
from ...prometheus import Prometheus
from ...render.text import clean
from ...scale_files import LoadedScale
from ...store import Store
from ...store.catalogue import Catalogue
from ...store.nouns import Evaluation, Listed
from .page import Pages


@dataclass(frozen=True, slots=True)
class Desk:
    """The same for every page.

    ``main_scale`` is the first of ``grading.scales``. ``page_of`` is the address of an evaluation's page, for a
    label's QR code.
    """

    store: Store
    scales: Mapping[str, LoadedScale]
    main_scale: str
    page_of: Callable[[str], str]
    pages: Pages
    prometheus: Prometheus | None = None
    clock: Callable[[], float] = field(default=time.time)
    more_scales: Sequence[str] = ()  # the others of grading.scales

    @property
    def named_scales(self) -> Sequence[str]:
        """Those of ``grading.scales``."""
        return (self.main_scale, *self.more_scales)

    def grade(self, entry: Entry, file: str = "", line: int = 0) -> Result:
        """An entry on every scale that fits its phase."""
        fit = fitting(self.scales, self.main_scale, entry.phase, self.named_scales)
        return evaluate(entry, fit, self.clock(), file, line)

    def correct(self, old: Evaluation, entry: Entry, by: str, reason: str, owner: str | None) -> str:
        """Keep an entry in place of an evaluation that somebody stated; the new id.

        Raises Duplicate for the same numbers, and what :meth:`Store.correct` raises.
        """
        if is_unchanged(entry, old):
            raise Duplicate(old.id, text="these are the numbers that it has")
        evaluation, grades = evaluation_of(self.grade(carried(entry, old)), by)
        return self.store.correct(old.id, correction(evaluation, old), grades, clean(reason), owner)

    def on_label(self, grades: Mapping[str, Graded], asked: str = "") -> Graded | None:
        """Of an evaluation's grades by scale name the one on the asked scale, else the one that is its letter."""
        return on_label(grades, self.label_order, asked)

    @property
    def label_order(self) -> LabelOrder:
        """The scales as labels rank them."""
        return label_order(self.scales, self.main_scale)

    def with_letters(self, rows: Sequence[Listed]) -> list[Listed]:
        """Rows of a list, each with the grade that its label shows."""
        return with_letters(rows, self.store, self.on_label)

    @property
    def definitions(self) -> Definitions:
        """What managers have defined."""
        return Definitions(Catalogue(self.store.database))

    def scale(self, name: str) -> Scale | None:
        """A scale by name; None for one that is no longer here."""
        loaded = self.scales.get(name)
        return loaded.scale if loaded else None
