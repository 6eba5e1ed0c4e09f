"""The only threads of the sensors: an open that may take seconds, a call that may hang, a slow source."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Generic, TypeVar, cast

from ..errors import TryAgain
from ..model import Sample

T = TypeVar("T")


class Attempt(Generic[T]):
    """One call made by a Worker. ``done`` says when it ended, ``result`` returns or raises what it did."""

    def __init__(self, call: Callable[[], T]) -> None:
        self._call = call
        self._value: T | None = None
        self._error: BaseException | None = None
        self._finished = threading.Event()

    def run(self) -> None:
        """Make the call on the calling thread."""
        try:
            self._value = self._call()
        except BaseException as error:  # handed to the thread that asks for the result
            self._error = error
        finally:
            self._finished.set()

    def done(self, timeout_seconds: float = 0.0) -> bool:
        """Whether the call has ended, waiting for it at most so long."""
        return self._finished.is_set() or (timeout_seconds > 0 and self._finished.wait(timeout_seconds))

    def result(self) -> T:
        """What the call returned; raises what it raised. Only once ``done``."""
        if self._error is not None:
            raise self._error
        return cast(T, self._value)


def once(call: Callable[[], T], name: str) -> Attempt[T]:
    """Have one call made, on a daemon thread that ends with it."""
    attempt = Attempt(call)
    threading.Thread(target=attempt.run, name=name, daemon=True).start()
    return attempt


class Worker:
    """One daemon thread that makes calls in order. It is always the same one: drivers keep state per thread."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._calls: SimpleQueue[Attempt[Any] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def submit(self, call: Callable[[], T]) -> Attempt[T]:
        """Have the call made; never waits."""
        attempt = Attempt(call)
        self.put(attempt)
        return attempt

    def put(self, attempt: Attempt[Any]) -> None:
        """Have a call made that is not under way; never waits."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
        self._calls.put(attempt)

    def retire(self) -> None:
        """End the thread after the calls submitted so far; does not wait for a call that hangs."""
        if self._thread is not None:
            self._thread = None
            self._calls.put(None)

    def _run(self) -> None:
        calls = self._calls
        while (attempt := calls.get()) is not None:
            attempt.run()


class Turns:
    """Calls of several threads into one library, one at a time; a call that hangs keeps the others waiting briefly."""

    def __init__(self, longest_wait_seconds: float = 1.0) -> None:
        self._longest = longest_wait_seconds
        self._lock = threading.Lock()
        self._since = 0.0

    def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """Make the call in turn."""
        if not self._lock.acquire(blocking=False):
            patience = self._since + self._longest - time.monotonic()
            if patience <= 0 or not self._lock.acquire(timeout=patience):
                return function(*arguments)
        self._since = time.monotonic()
        try:
            return function(*arguments)
        finally:
            self._lock.release()


class Repeater:
    """Makes one call again and again on a daemon thread; the call returns the seconds to wait before the next.

    ``once`` makes it now, on the thread of the caller, and never while the other thread makes it.
    """

    def __init__(self, call: Callable[[], float], name: str, background: bool = True) -> None:
        self._call = call
        self._stop = threading.Event()
        self._turn = threading.Lock()
        if background:
            threading.Thread(target=self._run, name=name, daemon=True).start()

    def once(self) -> float:
        """Make the call now."""
        with self._turn:
            return self._call()

    def stop(self) -> None:
        """End after the current call; does not wait for a call that hangs."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._stop.wait(self.once())


class Poller:
    """Calls ``fetch`` every ``interval_seconds`` on a daemon thread and keeps its last answer.

    ``latest`` never blocks: it returns the last answer again until a new one comes (its readings carry the time they
    were taken), and raises what the last call raised.
    """

    def __init__(self, fetch: Callable[[], Sample], interval_seconds: float, name: str) -> None:
        self._fetch = fetch
        self._interval = interval_seconds
        self._name = name
        self._stop = threading.Event()
        self._outcome: Sample | Exception = TryAgain("no answer yet")
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin polling; the first call is made by the caller's own ``open``, so wait one interval."""
        self._thread = threading.Thread(target=self._run, name=f"poll-{self._name}", daemon=True)
        self._thread.start()

    def put(self, sample: Sample) -> None:
        """The answer of a call made by ``open``."""
        self._outcome = sample

    def latest(self) -> Sample:
        """The last answer; raises the last error."""
        outcome = self._outcome
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def stop(self) -> None:
        """End the thread after its current call; does not wait for a call that hangs."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=0.1)
            self._thread = None

    def _run(self) -> None:
        while not self._stop.wait(self._interval):
            try:
                self._outcome = self._fetch()
            except Exception as error:
                self._outcome = error
