"""How many calls one user may make. Limits are per user, so that no user can keep the others out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable

CALLS_PER_SECOND = 50
BODY_BYTES = 64 * 1024
CONNECTIONS = 256
CONNECTIONS_FOR_ROOT = 16
"""Of these, connections kept for root: an operator can connect however many users do."""
CONNECTIONS_PER_USER = 64
OPENINGS_SAVED = 100
OPENINGS_PER_SECOND = 10
"""Windows that a user may open a second. Each is kept for a day, and every scrape shows it."""
WRONG_TOKENS = 10
"""So many wrong or missing tokens of one address are answered at once; after that, one a second."""

_BUCKETS = 1024


class _Buckets:
    """A token bucket per key: ``rate`` a second, saved up to at most ``most``."""

    def __init__(self, rate: float, most: int, clock: Callable[[], float]) -> None:
        self._rate = rate
        self._most = float(most)
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[Hashable, tuple[float, float]] = {}  # key -> (tokens, at)

    def wait(self, key: Hashable) -> float:
        """Seconds until one can be taken; 0.0 for now."""
        with self._lock:
            return self._wait(self._tokens(key, self._clock()))

    def take(self, key: Hashable) -> float:
        """Take one and return 0.0. Without one: return the seconds until there is one."""
        now = self._clock()
        with self._lock:
            if len(self._buckets) > _BUCKETS:
                self._forget(now)
            tokens = self._tokens(key, now)
            wait = self._wait(tokens)
            self._buckets[key] = (tokens if wait else tokens - 1, now)
            return wait

    def _tokens(self, key: Hashable, now: float) -> float:
        tokens, at = self._buckets.get(key, (self._most, now))
        return min(self._most, tokens + max(0.0, now - at) * self._rate)

    def _wait(self, tokens: float) -> float:
        return 0.0 if tokens >= 1 else (1 - tokens) / self._rate

    def _forget(self, now: float) -> None:
        """Drop full buckets, and the oldest of too many others."""
        kept = {key: bucket for key, bucket in self._buckets.items() if self._tokens(key, now) < self._most}
        for key in list(kept)[: max(0, len(kept) - _BUCKETS)]:
            del kept[key]
        self._buckets = kept


class CallRate(_Buckets):
    """``CALLS_PER_SECOND`` per uid, saved up for at most one second; and ``openings``, which are fewer."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__(CALLS_PER_SECOND, CALLS_PER_SECOND, clock)
        self.openings = OpeningRate(clock)


class OpeningRate(_Buckets):
    """``OPENINGS_PER_SECOND`` per uid, ``OPENINGS_SAVED`` at once."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__(OPENINGS_PER_SECOND, OPENINGS_SAVED, clock)


class FailedTries(_Buckets):
    """``WRONG_TOKENS`` per address, then one a second."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__(1.0, WRONG_TOKENS, clock)
        self._told = _Buckets(1 / 60, 1, clock)

    def failed(self, address: str) -> bool:
        """Count one more. True when there are too many and this was not logged for a minute."""
        self.take(address)
        return bool(self.wait(address)) and not self._told.take(address)


class Connections:
    """Counts connections, all and by user (over TCP: by address). A user may have as many as are still free, at most
    ``CONNECTIONS_PER_USER``: so the next user always finds a free one."""

    def __init__(self, for_root: int = 0) -> None:
        """``for_root``: places that are kept for the user 0."""
        self._for_root = for_root
        self._lock = threading.Lock()
        self._by_user: dict[Hashable, int] = {}

    def enter(self, key: Hashable) -> bool:
        """False when this user, or everybody together, has too many."""
        with self._lock:
            mine = self._by_user.get(key, 0)
            free = CONNECTIONS - sum(self._by_user.values())
            share = free if key == 0 else free - self._for_root - mine
            if free <= 0 or share <= 0 or mine >= CONNECTIONS_PER_USER:
                return False
            self._by_user[key] = mine + 1
            return True

    def leave(self, key: Hashable) -> None:
        """One connection of this user has ended."""
        with self._lock:
            self._by_user[key] -= 1
            if not self._by_user[key]:
                del self._by_user[key]
