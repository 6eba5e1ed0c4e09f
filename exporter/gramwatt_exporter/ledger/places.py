"""How many workloads each user may have: no user can take the places of all others, or those kept for root."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

# Any user can make new workloads (a process may change its name), and ended ones leave slowly (eviction.py). Beyond the
# limit, further workloads share one account for each user, so that neither memory nor series grow without bound.
MOST_WORKLOADS = 1000
ROOT_PART = 10  # one place in so many is kept for root, for workloads of the system
# A user may have this many places for each one that is still free: of 1,000 the first gets 720, the next 144 of what
# is left, and there is always room for one more.
FOR_EACH_FREE = 4
ROOT = "root"


class Places:
    """Counts the workloads of each user, ``most`` in all."""

    def __init__(self, users: Iterable[str] = (), most: int = MOST_WORKLOADS) -> None:
        self.most = most
        self._taken = Counter(users)
        self._total = self._taken.total()

    def take(self, user: str) -> bool:
        """Take a place for a workload of this user. False when none is free."""
        if self._total >= self.most:
            return False
        free = self.most - self.most // ROOT_PART - self._total
        if user != ROOT and self._taken[user] >= FOR_EACH_FREE * free:
            return False
        self._taken[user] += 1
        self._total += 1
        return True

    def give_back(self, user: str) -> None:
        """A workload of this user left."""
        self._taken[user] -= 1
        self._total -= 1
        if not self._taken[user]:
            del self._taken[user]
