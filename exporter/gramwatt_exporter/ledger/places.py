"""Who may have how many workloads: one user alone cannot take the places of all others, nor those kept for root."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

# Anybody can make new workloads (a process may call itself anything), and those that ended leave slowly (room.py):
# beyond this many, further ones share one account for each user, so that neither memory nor series grow without bound.
MOST_WORKLOADS = 5000
FOR_ROOT = 500  # places that root's alone may take: those of the system
# A user may have this many places for each one that is still free: the first gets 3600, the next 720 of what is left,
# and there is always room for one more.
FOR_EACH_FREE = 4
ROOT = "root"


class Places:
    """Counts the workloads of each user."""

    def __init__(self, users: Iterable[str] = ()) -> None:
        self._taken = Counter(users)
        self._total = self._taken.total()

    def take(self, user: str) -> bool:
        """One more place for a workload of this user. False when there is none."""
        if self._total >= MOST_WORKLOADS:
            return False
        free = MOST_WORKLOADS - FOR_ROOT - self._total
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

    def crowded(self) -> dict[str, int]:
        """Users who have more than 8 of 10 places that they may have, and how many must leave until it is 6 of 10."""
        leaving = {}
        for user, taken in self._taken.items():
            others = self._total - taken
            if user == ROOT:
                most = MOST_WORKLOADS - others
            else:
                free = max(0, MOST_WORKLOADS - FOR_ROOT - others)
                most = free * FOR_EACH_FREE // (FOR_EACH_FREE + 1)
            if taken > most * 8 // 10:
                leaving[user] = taken - most * 6 // 10
        return leaving
