"""The job: finished windows -> measured -> graded -> stored -> labels -> metrics -> annotation. Each window once."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from .annotate import Annotator
from .errors import LabelerError, NotYet, Rejected, TryAgain
from .metrics import Health, Published
from .model import Graded
from .prometheus import Prometheus
from .render.files import write_labels
from .render.text import clean
from .scale_files import LoadedScale, grade
from .store import Store
from .windows import Finished, finished, measure

_log = logging.getLogger(__name__)
_PUBLISHED_WINDOWS = 1000


@dataclass(frozen=True, slots=True)
class Output:
    """Where label files go and how their pages are addressed."""

    directory: Path
    formats: Sequence[str]
    base_url: str

    def page(self, window: str) -> str:
        """Address of a label's page."""
        return f"{self.base_url}/labels/{quote(window, safe='')}"


class Watch:
    """One poll after another. ``now`` is the clock (Unix seconds)."""

    def __init__(
        self,
        prometheus: Prometheus,
        store: Store,
        scales: Sequence[LoadedScale],
        output: Output,
        health: Health,
        published: Published,
        annotator: Annotator | None = None,
        hardware: str = "",
        lookback: float = 86_400.0,
        patience: float = 300.0,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._prometheus = prometheus
        self._store = store
        self._scales = scales
        self._output = output
        self._health = health
        self._published = published
        self._annotator = annotator
        self._hardware = hardware
        self._lookback = lookback
        self._patience = patience
        self._now = now
        self._trouble = ""
        self._annotation_trouble = ""
        self._done: set[str] = set()  # windows the store already has, so that a poll does not ask it for each

    def publish(self, last_poll: float | None = None) -> None:
        """Show the stored grades to the next scrapes."""
        self._published.publish(self._store.recent(_PUBLISHED_WINDOWS), last_poll)

    def run(self, interval: float, stop: threading.Event) -> None:
        """Poll until ``stop`` is set. Nothing a server does ends this."""
        while not stop.is_set():
            self.poll()
            stop.wait(interval)

    def poll(self) -> list[Graded]:
        """One round; returns what was newly graded. Errors are counted and logged when they change."""
        began = time.monotonic()
        self._health.polls.inc()
        try:
            new = self._grade_new()
            self.publish(self._now())
            self._recovered()
        except TryAgain as error:
            new = self._failed("unavailable", error)
        except LabelerError as error:
            new = self._failed("rejected", error)
        except (
            Exception
        ) as error:  # the job must outlive a bug in one round; it is counted and logged with its trace
            _log.exception("a poll failed in a way nobody expected")
            new = self._failed("internal", error)
        self._health.poll_seconds.set(time.monotonic() - began)
        return new

    def _grade_new(self) -> list[Graded]:
        now = self._now()
        new, waiting = [], 0
        for found in finished(self._prometheus, now, self._lookback):
            if found.id in self._done:
                continue
            todo = [scale for scale in self._scales if not self._store.has(found.id, scale.id.name)]
            if todo:
                try:
                    new += self._grade_one(found, todo, now)
                except NotYet as error:
                    waiting += 1
                    _log.debug("%s", error)
                    continue
                except Rejected as error:  # one odd window must not hold up the others
                    _log.warning("window %s: %s", found.id, error)
                    continue
            self._done.add(found.id)
        self._health.waiting.set(waiting)
        self._annotate(now)
        return new

    def _grade_one(self, found: Finished, scales: Sequence[LoadedScale], now: float) -> list[Graded]:
        window, measurement = measure(self._prometheus, found, now, self._patience)
        new = []
        for scale in scales:
            graded = Graded(window, measurement, grade(scale, window, measurement, self._hardware), now)
            if scale is self._scales[0]:
                self._write(graded)
            if self._store.add(graded):
                new.append(graded)
                self._health.windows.labels("graded" if graded.grade.letter else "refused").inc()
                # Cleaned: a name with a line break must not write log lines of its own.
                facts = (window.id, window.name, scale.id.name, graded.grade.text)
                _log.info("window %s (%s) on %s: %s", *map(clean, facts))
        return new

    def _write(self, graded: Graded) -> None:
        """Label files are a convenience (the web renders on demand): a full disk must not lose the grade."""
        output = self._output
        try:
            write_labels(graded, output.page(graded.window.id), output.directory, output.formats)
        except OSError as error:
            _log.warning("cannot write the label of window %s: %s", graded.window.id, error)

    def _annotate(self, now: float) -> None:
        if self._annotator is None:
            return
        for graded in self._store.not_annotated(now - self._lookback):
            try:
                self._annotator.add(graded, self._output.page(graded.window.id))
            except (TryAgain, Rejected) as error:
                self._health.annotation_failures.inc()
                if str(error) != self._annotation_trouble:
                    self._annotation_trouble = str(error)
                    _log.warning("%s; trying again with every poll", error)
                return
            self._annotation_trouble = ""
            self._store.mark_annotated(graded.window.id, graded.grade.scale.name)

    def _failed(self, reason: str, error: Exception) -> list[Graded]:
        self._health.poll_failures.labels(reason).inc()
        if str(error) != self._trouble:
            self._trouble = str(error)
            _log.warning("%s; trying again with every poll", error)
        return []

    def _recovered(self) -> None:
        if self._trouble:
            self._trouble = ""
            _log.info("Prometheus at %s answers again", self._prometheus.url)
