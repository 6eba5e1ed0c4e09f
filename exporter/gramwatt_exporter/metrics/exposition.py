"""/metrics of a snapshot: rendered once, and handed out as the same bytes after that.

Where every snapshot is scraped, the next one is rendered as soon as it is published: its data is still in the
processor's caches, and the scrape a second later touches only the text.
"""

from __future__ import annotations

import threading
import time

from ..snapshot import Snapshot
from .family_text import FamilyText
from .process_text import ProcessText
from .scrapers import Scrapers

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# Snapshots in a row that must have been scraped before rendering begins early: rarer scrapes would waste the work.
SCRAPED_IN_A_ROW = 2


class Exposition:
    """Holds the current snapshot for all readers. The sampler calls ``publish``, any thread the rest."""

    def __init__(self, scrapers: Scrapers | None = None) -> None:
        self._snapshot: Snapshot | None = None
        self._rendered: tuple[Snapshot, bytes] | None = None
        self._lock = threading.Lock()
        self._family_text = FamilyText()
        self._process_text = ProcessText()
        self._scrapes = 0
        self._scrapers = scrapers or Scrapers()
        self._scraped = False  # whether the current snapshot was
        self._in_a_row = 0
        self.renders_ahead = True
        """Whether a snapshot may be rendered before it is scraped."""

    @property
    def snapshot(self) -> Snapshot | None:
        """The newest snapshot, None before the first sample."""
        return self._snapshot

    def publish(self, snapshot: Snapshot) -> None:
        """Swap the one reference that all readers use."""
        self._in_a_row = self._in_a_row + 1 if self._scraped else 0
        self._snapshot, self._scraped = snapshot, False
        if self._in_a_row >= SCRAPED_IN_A_ROW and self.renders_ahead:
            with self._lock:
                self._text_of(snapshot)

    def take_scrapes(self) -> int:
        """Scrapes since this was last asked."""
        scrapes, self._scrapes = self._scrapes, 0
        return scrapes

    @property
    def scraped_at(self) -> float | None:
        """Unix time of the last scrape, for :meth:`resume`."""
        with self._lock:
            ago = self._scrapers.seconds_ago
        return None if ago is None else time.time() - ago

    def resume(self, scraped_at: float | None) -> None:
        """After a restart: when the exporter before it was scraped last."""
        if scraped_at is not None:
            with self._lock:
                self._scrapers.resume(time.time() - float(scraped_at))

    def witnessed(self) -> int | None:
        """The snapshot (``samples``) that all scrapers have, or a newer one; None without scrapers."""
        with self._lock:
            return self._scrapers.witnessed()

    def scrape(self, collector: str = "") -> bytes | None:
        """The metrics as text, None before the first sample. ``collector`` names the scraper, "" for a person."""
        with self._lock:
            snapshot = self._snapshot
            if snapshot is None:
                return None
            self._scrapes += 1
            self._scraped = True
            self._scrapers.scraped(collector, snapshot.samples)
            return self._text_of(snapshot)

    def _text_of(self, snapshot: Snapshot) -> bytes:
        if self._rendered is None or self._rendered[0] is not snapshot:
            text = b"".join([*self._family_text.render(snapshot), *self._process_text.render(snapshot)])
            self._rendered = (snapshot, text)
        return self._rendered[1]
