"""How long an exporter that failed is left alone, so that a run does not wait for it again and again."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Callable

SHORTEST = 1.0
LONGEST = 60.0
QUICK = 0.05
"""Seconds: a failure that took less (no exporter listens) costs the run nothing: the pause is SHORTEST."""

PROBE_SECONDS = 0.2
"""How long the first call after a pause may take to show that the exporter answers again."""


class Breaker:
    """Open after a failure for 1, 2, 4 .. 60 seconds, closed after an answer. ``clock`` gives seconds.

    Shared by threads; a forked child goes on with what its parent knew.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._pause = 0.0
        self._until = 0.0
        self.problem = ""
        """What the last failure said; "" after an answer."""

    @property
    def is_tripped(self) -> bool:
        """Whether the last call failed."""
        return bool(self.problem)

    @property
    def seconds_left(self) -> float:
        """How long no call is to be made."""
        return max(0.0, self._until - self._clock()) if self.problem else 0.0

    def failed(self, problem: str, took: float) -> None:
        """A call failed after ``took`` seconds; the next pause begins."""
        longer = SHORTEST if took < QUICK else min(LONGEST, max(SHORTEST, 2 * self._pause))
        self._pause, self._until, self.problem = longer, self._clock() + longer, problem or "no answer"

    def answered(self) -> None:
        """A call was answered, also by a refusal."""
        self._pause, self._until, self.problem = 0.0, 0.0, ""


_breakers: dict[tuple[str, ...], Breaker] = {}
_lock = threading.Lock()


def breaker_of(candidates: Sequence[str]) -> Breaker:
    """The one breaker of this process for an exporter."""
    with _lock:
        return _breakers.setdefault(tuple(candidates), Breaker())
