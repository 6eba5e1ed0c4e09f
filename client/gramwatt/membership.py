"""Windows that this process has joined, and how many blocks of its code are in each of them at this moment.

A window counts whole processes. Of a worker that runs several tasks at once, in threads or coroutines, only the last
task that ends leaves the window.
"""

from __future__ import annotations

import collections
import os
import threading
from typing import Any, Optional

from .api import Api


class Membership:
    """Of one process. In a forked child it begins anew: the child is in the windows of its parent, but joined none."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._blocks: collections.Counter[str] = collections.Counter()
        self._locks: collections.defaultdict[str, threading.RLock] = collections.defaultdict(threading.RLock)

    def join(self, api: Api, window: str) -> None:
        """One more block of code is in the window. Raises what the call raises; then it is not."""
        if os.getpid() != self._pid:
            self._begin()  # a lock that another thread held at the fork stays locked for ever
        with self._locks[window]:  # leaving must not overtake joining
            api.add_process(window, self._pid)
            self._blocks[window] += 1

    def leave(self, api: Api, window: str) -> Optional[dict[str, Any]]:
        """A block is over. The window as the exporter shows it after the last of them; None before.

        Raises what the call raises; the block is over all the same.
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
"""That of this process."""
