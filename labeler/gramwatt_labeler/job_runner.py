"""A thread for each kind of queued job. It does one after the other, looks when it is woken, and twice a minute."""

from __future__ import annotations

import contextlib
import logging
import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from .errors import DatabaseAway, LabelerError, TryAgain
from .render.text import clean
from .store.jobs import Job, Jobs

_log = logging.getLogger(__name__)
_LOOK_SECONDS = 30.0
_BEAT_SECONDS = 1.0
_QUIET_BEAT_SECONDS = (
    10.0  # of work that waits, as for a hub that asks for fewer requests; an orphan is at 60
)

Progress = Callable[[Mapping[str, Any]], None]
"""Called as often as the work likes; raises :class:`Cancelled`."""
Kind = Callable[[Mapping[str, Any], Progress], Any]
"""What a job of one kind does with its parameters; what it returns is the job's result."""


class Cancelled(Exception):
    """A user cancelled the job."""


class _Stopping(Exception):
    """The labeler ends; the job is queued again by the next one."""


class JobRunner:
    """``start`` and ``stop`` from any thread."""

    def __init__(
        self,
        jobs: Jobs,
        kinds: Mapping[str, Kind],
        clock: Callable[[], float] = time.time,
        quiet_beat_seconds: float = _QUIET_BEAT_SECONDS,
    ) -> None:
        self._jobs = jobs
        self._quiet_beat_seconds = quiet_beat_seconds
        self._kinds = kinds
        self._clock = clock
        self._woken = {kind: threading.Event() for kind in kinds}
        self._stopping = False
        self._threads = [
            threading.Thread(target=self._run, args=(kind,), name=f"jobs-{kind}", daemon=True)
            for kind in kinds
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """There is a new job."""
        for woken in self._woken.values():
            woken.set()

    def stop(self) -> None:
        """End after the jobs that run, or leave them to be queued again."""
        self._stopping = True
        self.wake()
        for thread in self._threads:
            thread.join(timeout=5)

    def do_all(self, kinds: Sequence[str] = ()) -> int:
        """Do what is queued of these kinds, or of all; how many."""
        done = 0
        while not self._stopping:
            job = self._jobs.take(list(kinds or self._kinds), self._clock())
            if job is None:
                break
            self._do(job)
            done += 1
        return done

    def _run(self, kind: str) -> None:
        woken = self._woken[kind]
        while not self._stopping:
            try:
                self.do_all([kind])
            except TryAgain as error:
                _log.debug("jobs: %s", error)
            except Exception:  # nothing ends the thread: the job is an orphan then, and queued again
                _log.exception("jobs of kind %s failed by an unexpected error", kind)
            woken.wait(_LOOK_SECONDS)
            woken.clear()

    def _do(self, job: Job) -> None:
        # By the steady clock: one that is set back must not hold up the look for a cancellation.
        beaten = -math.inf
        last: Mapping[str, Any] = job.progress

        def progress(how_far: Mapping[str, Any]) -> None:
            nonlocal beaten, last
            if self._stopping:
                raise _Stopping
            now, last = time.monotonic(), how_far
            if now - beaten >= _BEAT_SECONDS:
                beaten = now
                if not self._jobs.beat(job.id, how_far, self._clock()):
                    raise Cancelled

        try:
            with self._beating(job, lambda: last):
                result = self._kinds[job.kind](job.params, progress)
            self._jobs.finish(job.id, result)
        except Cancelled:
            return
        except _Stopping:
            self._jobs.requeue(job.id)
        except DatabaseAway:
            raise  # the database is away: the job is an orphan then, and queued again
        except LabelerError as error:
            self._jobs.finish(job.id, error=clean(str(error)))
        except Exception as error:  # a bug in one kind must not end the thread
            _log.exception("job %s (%s) failed by an unexpected error", job.id, job.kind)
            self._jobs.finish(job.id, error=f"{type(error).__name__}: {clean(str(error))}")

    @contextlib.contextmanager
    def _beating(self, job: Job, how_far: Callable[[], Mapping[str, Any]]) -> Iterator[None]:
        """Signs of life of work that reports none for long: another labeler would begin it a second time."""
        over = threading.Event()

        def beat() -> None:
            while not over.wait(self._quiet_beat_seconds):
                with contextlib.suppress(TryAgain):
                    self._jobs.beat(job.id, how_far(), self._clock())

        thread = threading.Thread(target=beat, name=f"beat-{job.id}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
