"""Windows that this process has joined, with the number of its code blocks that are inside each one now.

A window counts whole processes. A worker may run several tasks at once, in threads or coroutines: only the last task to
end leaves the window.
"""

from __future__ import annotations

import collections
import os
import threading
from typing import Any, Optional

from .api import Api


class Membership:
    """The joined windows of one process. A forked child starts with none: it is in its parent's windows, and joined
    none itself."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._blocks: collections.Counter[str] = collections.Counter()
        self._locks: collections.defaultdict[str, threading.RLock] = collections.defaultdict(threading.RLock)

    def join(self, api: Api, window: str) -> None:
        """One more block of code begins: join the window. Raises what the call raises; then no block begins."""
        if os.getpid() != self._pid:
            self._begin()  # in a forked child a lock stays locked that another thread held
        with self._locks[window]:  # a leave must not reach the exporter before the join
            api.add_process(window, self._pid)
            self._blocks[window] += 1

    def leave(self, api: Api, window: str) -> Optional[dict[str, Any]]:
        """A block ends. The last block leaves the window: returns the exporter's view of it, else None.

        Raises what the call raises; the block has ended all the same.
        """
        if os.getpid() != self._pid or not self._blocks[window]:
            return None
        with self._locks[window]:
            self._blocks[window] -= 1
            if self._blocks[window]:
                return None
            del self._blocks[window]
            return api.leave(window, self._pid)


MEMBERSHIP = Membership()
"""The memberships of this process."""
