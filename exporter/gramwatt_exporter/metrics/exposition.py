"""/metrics of a snapshot: rendered once, on its first scrape, and handed out as the same bytes after that."""

from __future__ import annotations

import threading

from prometheus_client import CollectorRegistry, generate_latest

from ..snapshot import Snapshot
from .collector import SnapshotCollector
from .process_text import ProcessText

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Exposition:
    """Holds the current snapshot for all readers. ``publish`` is the sampler's, the rest everybody's."""

    def __init__(self) -> None:
        self._snapshot: Snapshot | None = None
        self._rendered: tuple[Snapshot, bytes] | None = None
        self._lock = threading.Lock()
        self._process_text = ProcessText()
        self._rendering: Snapshot | None = None
        self._scrapes = 0
        # Only the snapshot's families: the process's own memory and garbage are those of one more process.
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(SnapshotCollector(lambda: self._rendering))

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
                self._rendering = snapshot
                text = b"".join([generate_latest(self._registry), *self._process_text.render(snapshot)])
                self._rendered = (snapshot, text)
            return self._rendered[1]
