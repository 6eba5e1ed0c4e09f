"""What the pages work with: the store, the scales, and how an entry becomes a label."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ...definitions import Definitions
from ...evaluate.results import Result, evaluate, fitting
from ...forms.entry import Entry
from ...grading.scale import Scale
from ...model import Graded
from ...prometheus import Prometheus
from ...scale_files import LoadedScale
from ...store import Store
from ...store.catalogue import Catalogue
from .page import Pages


@dataclass(frozen=True, slots=True)
class Desk:
    """The same for every page. ``page_of`` is the address of an evaluation's page, for a label's QR code."""

    store: Store
    scales: Mapping[str, LoadedScale]
    main_scale: str
    page_of: Callable[[str], str]
    pages: Pages
    prometheus: Prometheus | None = None
    clock: Callable[[], float] = field(default=time.time)

    def grade(self, entry: Entry, file: str = "", line: int = 0) -> Result:
        """An entry on every scale that fits its phase."""
        return evaluate(entry, fitting(self.scales, self.main_scale, entry.phase), self.clock(), file, line)

    @property
    def definitions(self) -> Definitions:
        """What managers have defined."""
        return Definitions(Catalogue(self.store.database))

    def scale(self, name: str) -> Scale | None:
        """A scale by name; None for one that is no longer here."""
        loaded = self.scales.get(name)
        return loaded.scale if loaded else None

    def shown(self, grades: Mapping[str, Graded], scale: str = "") -> Graded | None:
        """The grade for the label: on the asked scale, else the first with a letter in the order of the form."""
        if scale:
            return grades.get(scale)
        ordered = [grades[name] for name in sorted(grades, key=self._place)]
        return next((one for one in ordered if one.grade.letter), ordered[0] if ordered else None)

    def _place(self, name: str) -> tuple[bool, bool, str]:
        """The main scale first, then those that ask for metrics, as ``fitting`` orders them."""
        return name != self.main_scale, not getattr(self.scale(name), "required", ()), name
