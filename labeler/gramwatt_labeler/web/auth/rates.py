"""How often one may ask."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable

_MOST_KEYS = 4096


class Rate:
    """A token bucket for each key: ``per_minute``, of which all may come at once. Safe to use from several threads."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_minute = per_minute
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()  # key -> (tokens, at)

    def take(self, key: Hashable) -> float:
        """Take one and give 0.0; where there is none, the seconds until there is one."""
        now = self._clock()
        with self._lock:
            tokens, at = self._buckets.pop(key, (float(self.per_minute), now))
            tokens = min(float(self.per_minute), tokens + (now - at) * self.per_minute / 60)
            wait = 0.0 if tokens >= 1 else (1 - tokens) * 60 / self.per_minute
            self._buckets[key] = (tokens if wait else tokens - 1, now)
            if (
                len(self._buckets) > _MOST_KEYS
            ):  # the user whose last request is oldest has the fullest bucket
                self._buckets.popitem(last=False)
        return wait
