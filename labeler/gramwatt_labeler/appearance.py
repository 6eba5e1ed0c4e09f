"""The colours that managers chose, brought from the database to what draws."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from .errors import InputError, LabelerError
from .render import palette
from .store.database import Database
from .store.settings import SettingRows

COLOURS = "letters.colours"
_SECONDS = 3.0


class Appearance:
    """Looked up again when what is known is older than a few seconds; kept while the database is away."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._rows = SettingRows(database)
        self._clock = clock
        self._lock = threading.Lock()
        self._at: float | None = None

    def refresh(self) -> None:
        """Bring them into force, where another labeler may have changed them."""
        if self._at is not None and self._clock() - self._at < _SECONDS:
            return
        with self._lock:
            self._at = self._clock()
            try:
                found = self._rows.get(COLOURS)
            except LabelerError:  # the page itself says what is wrong with the database
                return
            is_usable = isinstance(found, list) and all(isinstance(one, str) for one in found)
            palette.use(found if is_usable and not palette.troubles(found) else None)

    @property
    def is_due(self) -> bool:
        return self._at is None or self._clock() - self._at >= _SECONDS

    def choose(self, colours: Sequence[str] | None, by: str, at: float) -> None:
        """None is the shipped ones. Raises InputError with all that is wrong."""
        if colours is not None:
            colours = [one.strip().lower() for one in colours]
            wrong = palette.troubles(colours)
            if wrong:
                raise InputError("colours: " + "; ".join(wrong))
        self._rows.put(COLOURS, colours, by, at)
        self._at = None
        self.refresh()
