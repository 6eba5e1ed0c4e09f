"""Windows that are still open when the program ends: their recorded values are sent, within a time limit."""

from __future__ import annotations

import atexit
import os
import sys
import time
from typing import Optional, Protocol

from .outcome import Outcome, of_exception

SECONDS = 2.0
"""How long the end of a program may wait for all its windows together."""


class Open(Protocol):
    """A window as this module sees it."""

    def at_exit(self, outcome: Optional[Outcome], timeout: float) -> bool:
        """Send the remaining values; stop the window if it has an outcome. False when the exporter does not answer."""
        ...


_open: dict[int, tuple[int, Open]] = {}


def remember(window: Open) -> None:
    """The window has begun in this process."""
    if not _open:
        atexit.unregister(_flush)
        atexit.register(_flush)
    _open[id(window)] = os.getpid(), window


def forget(window: Open) -> None:
    """The window has been stopped."""
    _open.pop(id(window), None)


def _flush() -> None:
    deadline = time.monotonic() + SECONDS
    # Set by the interpreter when an uncaught exception has ended the program.
    outcome = of_exception(getattr(sys, "last_value", None))
    mine = [window for pid, window in _open.values() if pid == os.getpid()]
    _open.clear()
    for window in reversed(mine):
        left = deadline - time.monotonic()
        if left <= 0 or not window.at_exit(outcome, left):
            return
