"""Files between their upload and their import: in memory, for an hour, within one bound for all."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...uploads.sheet import Sheet

KEPT_SECONDS = 3600.0
MOST_CELLS = 6_000_000
"""Of all uploads together: some hundred megabytes of short texts."""


@dataclass(frozen=True, slots=True)
class Upload:
    """The sheets of one upload, and when it came."""

    sheets: Sequence[Sheet]
    at: float

    @property
    def cells(self) -> int:
        return sum(len(sheet.lines) * len(sheet.columns) for sheet in self.sheets)


class Spool:
    """Uploads by a name that cannot be guessed. Safe to use from several threads."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._uploads: dict[str, Upload] = {}

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

    def drop(self, name: str) -> None:
        """Forget an upload that was imported."""
        with self._lock:
            self._uploads.pop(name, None)
