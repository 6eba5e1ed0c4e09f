"""The job: finished windows -> measured -> graded -> stored -> labels -> metrics -> annotation. Each window once."""

from __future__ import annotations

import contextlib
import logging
import math
import threading
import time
from collections.abc import Callable, Collection, Sequence
from queue import LifoQueue
from typing import Any

from .annotate import Annotator
from .ended_window import read_report
from .errors import DatabaseAway, LabelerError, NotYet, Rejected, TryAgain
from .evaluate.runs import grade_measured
from .metrics import Health
from .model import Grade, Graded, Measurement, Window
from .output import Output
from .prometheus import Prometheus
from .published import PUBLISHED_EVALUATIONS, Published
from .reasons import said
from .render.files import label_files, remove_labels, write_labels
from .render.text import clean
from .scale_files import LoadedScale
from .store import Store
from .store.withdrawals import Withdrawals
from .troubles import TRIES, Troubles
from .windows import Finished, finished, measure

_log = logging.getLogger(__name__)
_UNANSWERED = 3  # windows in a row that the server does not answer for
_REFUSED = 10  # annotations that Grafana refuses in one poll
_SLICE_SECONDS = 10.0  # of a poll that catches up: then what it found is published, and it looks again
_CLOCKS_APART_SECONDS = 3600.0
_SHOWN_SECONDS = 5.0  # between two publications while many windows are graded


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
        self._withdrawals = Withdrawals(store.database)
        self._looked_at = 0.0  # for what was taken back
        self._acts: Collection[int] = ()  # of the last hour, whose label files are removed
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
        self._away = ""  # the server that does not answer
        self._annotation_trouble = ""
        self._troubles = Troubles()
        self._done: set[str] = set()  # windows the store already has, so that a poll does not ask it for each
        # The newest first: a run that has just ended does not wait for those that ended while the labeler was away.
        self._reports: LifoQueue[tuple[str, Any]] = LifoQueue()
        self._woken = threading.Event()
        self._has_more = False  # the last poll ended before it had seen every window
        self._waiting: set[str] = set()  # windows that were not ready, and whose turn comes after the others'
        self._shown_at = -math.inf

    def publish(self) -> None:
        """Show the stored grades to the next scrapes."""
        self._published.publish(self._store.newest(PUBLISHED_EVALUATIONS))
        self._shown_at = time.monotonic()
        self._remove_labels()

    def run(self, interval: float, stop: threading.Event) -> None:
        """Poll until ``stop`` is set and :meth:`wake` called. Nothing a server does ends this."""
        due = time.monotonic()
        while not stop.is_set():
            if time.monotonic() >= due:
                self.poll(_SLICE_SECONDS)
                due = time.monotonic() + (0.0 if self._has_more else interval)
            self._woken.wait(max(0.0, due - time.monotonic()))
            self._woken.clear()
            self.grade_reported()

    def wake(self) -> None:
        """Look at once what there is to do; for other threads."""
        self._woken.set()

    def report(self, instance: str, report: Any) -> None:
        """A window as its exporter reports it at its end; for other threads."""
        self._reports.put((instance, report))
        self.wake()

    def grade_reported(self) -> list[Graded]:
        """Grade what exporters have reported. What cannot be graded so is found by a poll."""
        new: list[Graded] = []
        while not self._reports.empty():
            instance, report = self._reports.get()
            if new and time.monotonic() - self._shown_at >= _SHOWN_SECONDS:
                with contextlib.suppress(TryAgain):
                    self.publish()
            try:
                window, measurement = read_report(report, instance)
                if window.id not in self._done:
                    new += self._grade_measured(window, measurement, self._now())
                    self._done.add(window.id)
            except LabelerError as error:
                _log.debug("%s", error)
            except Exception:
                _log.exception("a window that %s reported could not be graded; it will be polled", instance)
        if new:
            with contextlib.suppress(TryAgain):
                self.publish()
                self._annotate(self._now())
        return new

    def poll(self, seconds: float = math.inf) -> list[Graded]:
        """One round; returns what was newly graded. Errors are counted and logged when they change.

        After ``seconds`` the windows that are left are the next round's.
        """
        began = time.monotonic()
        self._health.polls.inc()
        if not self._has_more:
            self._waiting.clear()
        self._has_more = False
        try:
            new = self._grade_new(seconds)
            self.publish()
            self._health.last_poll.at = self._now()
            self._recovered()
        except TryAgain as error:
            new = self._failed("unavailable", error)
        except LabelerError as error:
            new = self._failed("rejected", error)
        except (
            Exception
        ) as error:  # the job must outlive a bug in one round; it is counted and logged with its trace
            _log.exception("a poll failed by an unexpected error")
            new = self._failed("internal", error)
        self._health.poll_seconds.set(time.monotonic() - began)
        return new

    def _grade_new(self, seconds: float) -> list[Graded]:
        now = self._prometheus.now(self._now())
        new: list[Graded] = []
        unanswered = 0
        todo = [
            found
            for found in finished(self._prometheus, now, self._lookback)
            if found.id not in self._done and found.id not in self._waiting
        ]
        until = time.monotonic() + seconds
        # The newest first: its user waits for it. Those that failed before come last: they must not use up the
        # others' time.
        todo.sort(key=lambda one: (self._troubles.tries(one.id), -one.end))
        for number, found in enumerate(todo):
            if number and time.monotonic() >= until:
                self._has_more = True
                break
            new += self.grade_reported()
            if found.id in self._done:
                continue
            try:
                new += self._grade_one(found, now)
            except NotYet as error:
                self._waiting.add(found.id)
                _log.debug("%s", error)
                continue
            except DatabaseAway:
                raise
            except TryAgain as error:
                # One window may be too much for the server. Several in a row: it is the server.
                unanswered += 1
                self._waiting.add(found.id)
                self._say(found, "unavailable", error)
                if unanswered >= _UNANSWERED:
                    raise
                continue
            except Exception as error:  # a bug, or an unforeseen window: it must not hold up the others
                if not self._refuse(found, error, now, new):
                    self._waiting.add(found.id)
                    continue
            unanswered = 0
            self._troubles.over(found.id)
            self._done.add(found.id)
        self._health.waiting.set(len(self._waiting))
        self._annotate(now)
        return new

    def _grade_one(self, found: Finished, now: float) -> list[Graded]:
        if self._store.is_taken_back(found.id):
            return []  # a person took it back: it comes back only by a manager
        if not self._store.is_stated(found.id) and all(
            self._store.has(found.id, scale.id.name) for scale in self._scales
        ):
            self._write_missing(found.id)
            return []
        window, measurement = measure(self._prometheus, found, now, self._patience)
        return self._grade_measured(window, measurement, now)

    def _grade_measured(self, window: Window, measurement: Measurement, now: float) -> list[Graded]:
        if self._store.is_taken_back(window.id, window.parent):
            _log.info("window %s: not graded, because it was taken back", clean(window.id))
            return []
        if self._store.is_stated(window.id):
            # A file with the id of a window that has not ended yet must not stand in its place.
            _log.warning(
                "window %s: what a file stated of it is taken back: it was recorded", clean(window.id)
            )
            self._store.make_way(window.id, now)
        scales = [scale for scale in self._scales if not self._store.has(window.id, scale.id.name)]
        if not scales:
            self._write_missing(window.id)
        new = []
        for scale in scales:
            graded = Graded(
                window, measurement, grade_measured(scale, window, measurement, self._hardware), now
            )
            if self._keep(graded):
                new.append(graded)
            if scale is self._scales[0]:
                self._write(graded)
        return new

    def _keep(self, graded: Graded) -> bool:
        if not self._store.add(graded):
            return False
        self._health.windows.labels("graded" if graded.grade.letter else "refused").inc()
        # Cleaned: a name with a line break must not write log lines of its own.
        facts = (graded.window.id, graded.window.name, graded.grade.scale.name, graded.grade.text)
        _log.info("window %s (%s) on %s: %s", *map(clean, facts))
        return True

    def _say(self, found: Finished, reason: str, error: Exception) -> None:
        """Count a failure of one window; say it when it is news."""
        self._health.window_failures.labels(reason).inc()
        text = f"{type(error).__name__}: {error}" if reason == "internal" else str(error)
        if self._troubles.failed(found.id, text):
            # The trace of a bug, once: it is what there is to mend it by.
            trace = error if reason == "internal" else None
            _log.warning("window %s: %s", clean(found.id), clean(text), exc_info=trace)

    def _refuse(self, found: Finished, error: Exception, now: float, new: list[Graded]) -> bool:
        """A window that cannot be graded gets a refusal with the reason after three tries. False before."""
        reason = "rejected" if isinstance(error, LabelerError) else "internal"
        self._say(found, reason, error)
        if self._troubles.tries(found.id) < TRIES:
            return False
        why = str(error) if reason == "rejected" else f"{type(error).__name__}: {error}"
        window = Window(found.id, "", "", found.end, found.end)
        for scale in self._scales:
            graded = Graded(window, None, Grade(scale.id, None, said(reason, error=clean(why)[:500])), now)
            try:
                if self._keep(graded):
                    new.append(graded)
            except Rejected as refused:  # not even that can be stored: said, and given up
                _log.warning("window %s: %s", clean(found.id), refused)
        return True

    def _write(self, graded: Graded) -> None:
        """Label files are a convenience (the web renders on demand): none may cost a grade."""
        output = self._output
        if graded.window.parent and not output.parts:
            return
        try:
            write_labels(graded, output.page(graded.window.id), output.directory, output.formats)
        except Exception as error:  # a full disk, or a name that the renderer cannot draw
            _log.warning(
                "cannot write the label of window %s: %s", clean(graded.window.id), clean(str(error))
            )

    def _write_missing(self, window: str) -> None:
        """The label files of a stored grade: a labeler that is killed may store the one and not write the others."""
        output = self._output
        if all(path.exists() for path in label_files(window, output.directory, output.formats)):
            return
        for graded in self._store.get(window, self._scales[0].id.name):
            self._write(graded)

    def _remove_labels(self) -> None:
        """The label files of what was taken back since the last look. The clock of who did it may be another."""
        now = self._now()
        acts = self._withdrawals.since(self._looked_at - _CLOCKS_APART_SECONDS, self._acts)
        try:
            for gone in acts.values():
                remove_labels(gone, self._output.directory)
        except OSError as error:
            _log.warning("cannot remove label files: %s", clean(str(error)))
        self._looked_at, self._acts = now, frozenset(acts)

    def _annotate(self, now: float) -> None:
        """What Grafana refuses is tried again with the next poll, and keeps the others from nothing."""
        if self._annotator is None:
            return
        refused = 0
        scales = [scale.id.name for scale in self._scales]  # what files state is graded on more
        for graded in self._store.not_annotated(now - self._lookback, scales):
            if not self._reports.empty():
                return  # a window has just ended: its grade comes first, and the rest of these after it
            try:
                self._annotator.add(graded, self._output.page(graded.window.id))
            except TryAgain as error:
                self._annotation_failed(error)
                return
            except Exception as error:  # refused by Grafana, or nothing an annotation can be made of
                self._annotation_failed(error)
                refused += 1
                if refused >= _REFUSED:
                    return
                continue
            self._store.mark_annotated(graded.window.id, graded.grade.scale.name)
        if not refused:
            self._annotation_trouble = ""

    def _annotation_failed(self, error: Exception) -> None:
        self._health.annotation_failures.inc()
        if str(error) != self._annotation_trouble:
            self._annotation_trouble = str(error)
            _log.warning("%s; trying again with every poll", clean(str(error)))

    def _failed(self, reason: str, error: Exception) -> list[Graded]:
        self._health.poll_failures.labels(reason).inc()
        if str(error) != self._trouble:
            self._trouble = str(error)
            is_database = isinstance(error, DatabaseAway)
            self._away = "the database" if is_database else f"Prometheus at {self._prometheus.url}"
            _log.warning("%s; trying again with every poll", error)
        return []

    @property
    def is_in_trouble(self) -> bool:
        """Whether the last poll found no server, or failed."""
        return bool(self._trouble)

    def _recovered(self) -> None:
        if self._trouble:
            self._trouble = ""
            _log.info("%s answers again", self._away)
