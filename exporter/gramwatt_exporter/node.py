"""The measured machine as one object: samples, saves before it publishes, and answers the socket.

Runs on the loop's thread only; the socket reaches it through Loop.call.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from .answers import intensity_answer, status_answer, top_answer
from .ledger.save_status import SaveStatus
from .ledger.storage import StateFile
from .loop import Busy, Loop
from .metrics.exposition import Exposition
from .processes.row import Row
from .sampler import Sampler
from .state import NodeState
from .windows import ApiError, OpenRequest, Peer, Window, window_answer
from .windows.checks import check_values
from .windows.ended import EndedWindows
from .windows.journal import Journal
from .windows.outcome import OutcomeFields
from .windows.persistence import dump_window

_LOG = logging.getLogger(__name__)

# A forced sample younger than this serves the next call too.
FRESH_SECONDS = 0.002

# Seconds between two checks whether all energy of an ended window has come.
SETTLE_PAUSE_SECONDS = 0.1

Answer = dict[str, Any]


class NotYet(Exception):
    """The answer needs a later sample: call again in a moment."""


class Node:
    """Implements loop.Work and socket_api.Backend. ``sensor_state`` gives the raw hardware counters to save."""

    def __init__(
        self,
        sampler: Sampler,
        exposition: Exposition,
        state_file: StateFile | None,
        save_interval: float,
        sensor_state: Callable[[], Mapping[str, Any]],
        boot_id: str,
        interval: float,
        journal: Journal | None = None,
        ended: EndedWindows | None = None,
    ) -> None:
        self.sampler = sampler
        self.exposition = exposition
        self._state_file = state_file
        self._saves = SaveStatus(damages=state_file.damages if state_file is not None else {})
        self._save_interval = save_interval
        self._state = NodeState(sampler, sensor_state, boot_id, lambda: exposition.scraped_at)
        self._journal = journal
        self._ended_windows = ended or EndedWindows()
        self.interval = interval
        self._saved = 0.0
        self._save_failing = False
        self._sampled = 0.0
        self.loop: Loop | None = None

    # --- loop.Work

    def tick(self) -> None:
        """One regular sample: read, save, publish. In this order, a crash cannot make a published series go back."""
        self.sampler.scraped(self.exposition.take_scrapes())
        self.sampler.picture.first_scrape.witnessed(self.exposition.witnessed())
        self._sample(published=True)
        if time.monotonic() - self._saved >= self._save_interval:
            self.save(last=False)
        self._report_ended()
        self.exposition.publish(self.sampler.freeze(self._saves))

    def _report_ended(self) -> None:
        """Report ended windows. Their ends are saved by now, in the ledger or in the journal."""
        grid = self.sampler.progress.intensity.average
        for view in self.sampler.windows.take_ended():
            self._ended_windows.report(view, grid)

    def _sample(self, published: bool) -> None:
        self.sampler.sample(published)
        self._sampled = time.monotonic()

    def save(self, last: bool) -> None:
        """Write the state file, where one is configured. A failure is logged once and counted."""
        if self._state_file is None:
            return
        try:
            self._state_file.save_changes(self._state, last)
        except OSError as error:
            self._log_save_failed(error)
            return
        if self._save_failing:
            _LOG.info("the ledger is saved again")
        self._save_failing = False
        self._saved = time.monotonic()
        if self._journal is not None:
            with suppress(OSError):  # its windows are in the ledger, and a restart reads them there
                self._journal.clear()
        self._saves.saved_at = time.time()

    def _log_save_failed(self, error: OSError) -> None:
        self._saves.failures += 1
        if not self._save_failing:
            _LOG.error(
                "cannot save the ledger to %s: %s; make room or make it writable, totals are kept in memory",
                self._state_file.path if self._state_file is not None else "",
                error.strerror or error,
            )
        self._save_failing = True

    def state(self) -> dict[str, Any]:
        """Everything that survives a restart."""
        return self._state.whole()

    # --- socket_api.Backend

    def call(self, work: Callable[[], Answer]) -> Answer:
        """Run on the loop's thread."""
        if self.loop is None or self.exposition.snapshot is None:
            raise ApiError(503, "", "the exporter is starting", "try again in a second")
        try:
            while True:
                try:
                    return self.loop.call(work)
                except NotYet:  # sleep on the caller's thread, not on the loop's
                    time.sleep(SETTLE_PAUSE_SECONDS)
        except Busy:
            raise ApiError(503, "", "the exporter is stopping or too busy", "try again in a second") from None

    def _force_sample(self, pid: int | None = None) -> None:
        """Take a sample, unless the last one is fresh and has found the process ``pid``."""
        fresh = time.monotonic() - self._sampled < FRESH_SECONDS
        if not fresh or (pid is not None and self.sampler.table.find(pid) is None):
            self._sample(published=False)

    def status(self, peer: Peer) -> Answer:
        """Sensors and their state, and the calling user."""
        snapshot = self.exposition.snapshot
        assert snapshot is not None
        return status_answer(snapshot, peer, self.interval)

    def intensity(self, peer: Peer) -> Answer:  # noqa: ARG002 - every user may read it
        """The intensity of the grid, with forecast and history."""
        snapshot = self.exposition.snapshot
        assert snapshot is not None
        return intensity_answer(snapshot.intensity, time.time())

    def top(self, peer: Peer, processes: int, workloads: int) -> Answer:  # noqa: ARG002 - /metrics shows the same
        """Devices, hottest processes and workloads as of the last sample."""
        snapshot = self.exposition.snapshot
        assert snapshot is not None
        return top_answer(self.sampler, snapshot, processes, workloads)

    def open_window(self, peer: Peer, request: OpenRequest) -> Answer:
        """Take a sample, then begin the window: energy of before is in no window."""
        self._force_sample(peer.pid if request.pid is None else request.pid)
        windows = self.sampler.windows
        window = windows.open(request, peer)
        try:
            root = self._own_process(peer, window.pid)
        except ApiError:
            windows.discard(window.id)
            raise
        windows.add_process(window.id, (root.identity.pid, root.identity.start))
        self.sampler.membership.attach(window.id, root)
        return self._kept_answer(window)

    def _kept_answer(self, window: Window) -> Answer:
        """Keep a changed window in the journal, then return the answer: a kill of the exporter does not undo it."""
        if self._journal is not None:
            try:
                if self._journal.append(dump_window(window)):
                    self.save(last=False)
            except OSError as error:
                self._log_save_failed(error)
        if not window.is_open:
            self._report_ended()
        return window_answer(self.sampler.windows.view(window))

    def _own_process(self, peer: Peer, pid: int) -> Row:
        row = self.sampler.table.find(pid)
        if row is None:
            raise ApiError(404, "pid", f"no process {pid}", "give the id of a running process of yours")
        if not peer.is_root and row.identity.uid != peer.uid:
            raise ApiError(
                403,
                "pid",
                f"process {pid} belongs to {row.identity.workload.user}",
                "record a process of your own",
            )
        return row

    def windows(self, peer: Peer, state: str) -> Answer:
        """The windows the caller may see, newest first."""
        book = self.sampler.windows
        return {"windows": [window_answer(book.view(window)) for window in book.find(peer, state)]}

    def window(self, peer: Peer, window_id: str, sample: bool) -> Answer:
        """One window, as of now when ``sample`` is asked for."""
        book = self.sampler.windows
        window = book.get(window_id, peer)
        if sample and window.is_open:
            self._force_sample()
        return window_answer(book.view(window))

    def record(self, peer: Peer, window_id: str, values: Mapping[str, float]) -> Answer:
        """Merge values into an open window."""
        book = self.sampler.windows
        book.get(window_id, peer)
        return self._kept_answer(book.record(window_id, values))

    def add_process(self, peer: Peer, window_id: str, pid: int) -> Answer:
        """One more process tree counts for the window, from now on."""
        book = self.sampler.windows
        window = book.get(window_id, peer)
        self._force_sample(pid)
        root = self._own_process(peer, pid)
        if book.add_process(window_id, (root.identity.pid, root.identity.start)):
            self.sampler.membership.attach(window_id, root)
        return self._kept_answer(window)

    def leave_window(self, peer: Peer, window_id: str, pid: int) -> Answer:
        """Take a sample, then take the process and its descendants out of the window: their energy so far stays in
        it."""
        book = self.sampler.windows
        window = book.get(window_id, peer)
        if window.is_open:
            self._force_sample(pid)
            self.sampler.membership.leave(window_id, self._own_process(peer, pid))
        return self._kept_answer(window)

    def stop_window(
        self, peer: Peer, window_id: str, values: Mapping[str, float], outcome: OutcomeFields | None = None
    ) -> Answer:
        """Take a sample, then end the window: all energy so far is in it."""
        book = self.sampler.windows
        window = book.get(window_id, peer)
        if window.is_open:
            check_values(window.values, values)
            self._force_sample()
            if not self.sampler.end_window(window_id, "stop", values, outcome):
                raise NotYet
        return self._kept_answer(window)
