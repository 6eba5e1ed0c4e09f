"""/metrics of a snapshot: rendered once, on its first scrape, and handed out as the same bytes after that."""

from __future__ import annotations

import threading

from ..snapshot import Snapshot
from .family_text import FamilyText
from .process_text import ProcessText

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Exposition:
    """Holds the current snapshot for all readers. ``publish`` is the sampler's, the rest everybody's."""

    def __init__(self) -> None:
        self._snapshot: Snapshot | None = None
        self._rendered: tuple[Snapshot, bytes] | None = None
        self._lock = threading.Lock()
        self._family_text = FamilyText()
        self._process_text = ProcessText()
        self._scrapes = 0

    @property
    def snapshot(self) -> Snapshot | None:
        """The newest snapshot, None before the first sample."""
        return self._snapshot

    def publish(self, snapshot: Snapshot) -> None:
        """Swap the one reference everybody reads."""
        self._snapshot = snapshot

    def take_scrapes(self) -> int:
        """Scrapes since this was last asked."""
        scrapes, self._scrapes = self._scrapes, 0
        return scrapes

    def scrape(self) -> bytes | None:
        """The metrics as text, None before the first sample."""
        with self._lock:
            snapshot = self._snapshot
            if snapshot is None:
                return None
            self._scrapes += 1
            if self._rendered is None or self._rendered[0] is not snapshot:
                text = b"".join([*self._family_text.render(snapshot), *self._process_text.render(snapshot)])
                self._rendered = (snapshot, text)
            return self._rendered[1]
