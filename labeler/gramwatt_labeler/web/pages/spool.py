"""Files between their upload and their import: in memory, for an hour, within one bound for all."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ...uploads.adding import Line
from ...uploads.sheet import Sheet

KEPT_SECONDS = 3600.0
MOST_CELLS = 6_000_000
"""Of all uploads together: some hundred megabytes of short texts."""
MOST_REPORTS = 20


@dataclass(frozen=True, slots=True)
class Upload:
    """The sheets of one upload, and when it came."""

    sheets: Sequence[Sheet]
    at: float

    @property
    def cells(self) -> int:
        return sum(len(sheet.lines) * len(sheet.columns) for sheet in self.sheets)


@dataclass(frozen=True, slots=True)
class Added:
    """What became of an upload: its first lines, how many there are, and how many have each outcome.

    ``import_id`` names what was added, to take it back; "" where nothing was.
    """

    lines: Sequence[Line]
    total: int
    counts: Mapping[str, int]
    at: float
    import_id: str


class Spool:
    """Uploads by a name that cannot be guessed, then what became of them. Safe to use from several threads."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._uploads: dict[str, Upload] = {}
        self._added: dict[str, Added] = {}

    def put(self, sheets: Sequence[Sheet]) -> str:
        """Keep sheets; the oldest uploads make room. The name to ask for them by."""
        name = secrets.token_urlsafe(16)
        with self._lock:
            self._uploads[name] = Upload(sheets, self._clock())
            while sum(one.cells for one in self._uploads.values()) > MOST_CELLS and len(self._uploads) > 1:
                del self._uploads[next(iter(self._uploads))]
        return name

    def get(self, name: str) -> Upload | None:
        """None when it is too old, made room, or never was."""
        with self._lock:
            for old in [key for key, one in self._uploads.items() if self._clock() - one.at > KEPT_SECONDS]:
                del self._uploads[old]
            return self._uploads.get(name)

    def finish(self, name: str, added: Added) -> None:
        """Keep what became of an upload in place of its files: a page that is loaded again shows it again."""
        with self._lock:
            self._uploads.pop(name, None)
            self._added[name] = added
            while len(self._added) > MOST_REPORTS:
                del self._added[next(iter(self._added))]

    def added(self, name: str) -> Added | None:
        """What became of an upload in the last hour; None for one that was not added."""
        with self._lock:
            found = self._added.get(name)
            return found if found and self._clock() - found.at <= KEPT_SECONDS else None
