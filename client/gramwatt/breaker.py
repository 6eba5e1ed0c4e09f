"""After a failed call the client makes no call for a while, so that a run does not wait at every call."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Callable

SHORTEST = 1.0
LONGEST = 60.0
QUICK = 0.05
"""Seconds. A failure that took less, as when no exporter listens, costs the run no time: the pause is SHORTEST."""

PROBE_SECONDS = 0.2
"""Limit of the first call after a pause, which shows whether the exporter answers again."""


class Breaker:
    """A circuit breaker: it pauses calls for 1, 2, 4 .. 60 seconds after a failure, until an answer. ``clock`` gives
    seconds.

    Threads share it; a forked child keeps the state of its parent.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._pause = 0.0
        self._until = 0.0
        self.problem = ""
        """Text of the last failure; "" after an answer."""

    @property
    def is_tripped(self) -> bool:
        """Whether the last call failed."""
        return bool(self.problem)

    @property
    def seconds_left(self) -> float:
        """Seconds until the next call is allowed."""
        return max(0.0, self._until - self._clock()) if self.problem else 0.0

    def failed(self, problem: str, took: float) -> None:
        """A call failed after ``took`` seconds; the next pause begins."""
        longer = SHORTEST if took < QUICK else min(LONGEST, max(SHORTEST, 2 * self._pause))
        self._pause, self._until, self.problem = longer, self._clock() + longer, problem or "no answer"

    def answered(self) -> None:
        """A call was answered. A refusal is an answer, too."""
        self._pause, self._until, self.problem = 0.0, 0.0, ""


_breakers: dict[tuple[str, ...], Breaker] = {}
_lock = threading.Lock()


def breaker_of(candidates: Sequence[str]) -> Breaker:
    """The breaker that all calls of this process to one exporter share."""
    with _lock:
        return _breakers.setdefault(tuple(candidates), Breaker())
