"""How much one user may ask. Bounds are per user, so that one cannot keep the others out."""

from __future__ import annotations

import threading
from collections.abc import Callable

CALLS_PER_SECOND = 50
BODY_BYTES = 64 * 1024
CONNECTIONS = 256
CONNECTIONS_PER_USER = 64


class CallRate:
    """A token bucket per user: ``CALLS_PER_SECOND``, saved up for at most one second."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[int, tuple[float, float]] = {}  # uid -> (tokens, at)

    def take(self, uid: int) -> float:
        """0.0 when the call may go on, else the seconds to wait."""
        now = self._clock()
        with self._lock:
            if len(self._buckets) > 1024:  # a full bucket says nothing
                self._buckets = {key: bucket for key, bucket in self._buckets.items() if now - bucket[1] < 1}
            tokens, at = self._buckets.get(uid, (float(CALLS_PER_SECOND), now))
            tokens = min(float(CALLS_PER_SECOND), tokens + max(0.0, now - at) * CALLS_PER_SECOND)
            allowed = tokens >= 1
            self._buckets[uid] = (tokens - 1 if allowed else tokens, now)
            return 0.0 if allowed else (1 - tokens) / CALLS_PER_SECOND


class Connections:
    """Counts connections, all and by user."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_user: dict[int, int] = {}

    def enter(self, uid: int) -> bool:
        """False when this user, or everybody together, has too many."""
        with self._lock:
            mine = self._by_user.get(uid, 0)
            if mine >= CONNECTIONS_PER_USER or sum(self._by_user.values()) >= CONNECTIONS:
                return False
            self._by_user[uid] = mine + 1
            return True

    def leave(self, uid: int) -> None:
        """One connection of this user has ended."""
        with self._lock:
            self._by_user[uid] -= 1
            if not self._by_user[uid]:
                del self._by_user[uid]
