"""The one thread that owns all state: samples on time, runs what the socket asks, saves, publishes."""

from __future__ import annotations

import logging
import queue
import time
from collections.abc import Callable
from typing import Protocol, TypeVar

_LOG = logging.getLogger(__name__)

T = TypeVar("T")
# Seconds that a socket call waits for its turn; then the caller is asked to try again.
CALL_SECONDS = 10.0
FIRST_INTERVAL = 0.25


class Work(Protocol):
    """What the loop does; see node.py."""

    def tick(self) -> None: ...

    def save(self, last: bool) -> None: ...


class Busy(Exception):
    """The loop did not run a call in time, or is stopping."""


class Loop:
    """Runs in the thread that calls :meth:`run`; the other methods may be called from any."""

    def __init__(self, work: Work, interval: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._work = work
        self.interval = interval
        self.after_sample: Callable[[], None] = lambda: None
        self._clock = clock
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._stopping = False
        self._failing = False

    def run(self) -> None:
        """Sample until stopped, then save once more."""
        due = self._clock()
        ticks = 0
        while not self._stopping:
            wait = due - self._clock()
            if wait <= 0:
                self._tick()
                self._run(self.after_sample)
                now = self._clock()
                ticks += 1
                # Energy is a difference of two samples: the second one comes early, so that a scrape soon shows energy.
                due += self.interval if ticks > 1 else min(self.interval, FIRST_INTERVAL)
                if due <= now:  # suspended or overloaded: skip missed samples, keep the rhythm
                    due = now + self.interval
                continue
            try:
                job = self._jobs.get(timeout=wait)
            except queue.Empty:
                continue
            self._run(job)
        self._work.save(last=True)

    def _tick(self) -> None:
        try:
            self._work.tick()
            self._failing = False
        except Exception as error:  # one broken sample must not end the exporter
            if not self._failing:
                _LOG.exception("a sample failed and will be tried again: %r", error)
            self._failing = True

    def _run(self, job: Callable[[], None]) -> None:
        try:
            job()
        except Exception as error:  # a posted job (new settings) must not end the exporter either
            _LOG.exception("a job failed, nothing else is affected: %r", error)

    def stop(self) -> None:
        """End :meth:`run` soon. Safe in a signal handler."""
        self._stopping = True
        self._jobs.put(lambda: None)

    def post(self, job: Callable[[], None]) -> None:
        """Run ``job`` on the loop's thread, not waiting for it. Safe in a signal handler."""
        self._jobs.put(job)

    def call(self, function: Callable[[], T]) -> T:
        """Run ``function`` on the loop's thread; its answer or its error. Raises Busy."""
        if self._stopping:
            raise Busy
        done: queue.SimpleQueue[tuple[T | None, BaseException | None]] = queue.SimpleQueue()
        abandoned: list[bool] = []

        def job() -> None:
            if abandoned:
                return
            try:
                done.put((function(), None))
            except BaseException as error:  # the caller gets every error
                done.put((None, error))

        self._jobs.put(job)
        try:
            answer, error = done.get(timeout=CALL_SECONDS)
        except queue.Empty:
            abandoned.append(True)
            raise Busy from None
        if error is not None:
            raise error
        return answer  # type: ignore[return-value]
