"""Whether a kernel listener hears anything: in a namespace of its own it registers without an error and never does."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable

_SECONDS = 0.25


def hears_of_a_child(drain: Callable[[], Iterable[int]]) -> bool:
    """Start and end a child of our own, and wait until ``drain`` names its process id. No thread must run yet."""
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        if child in set(drain()):
            return True
        time.sleep(0.002)
    return False
