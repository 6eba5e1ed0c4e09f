"""Which processes held a context on a GPU in a time of the recent past, and whether its gauges were idle then. Pure."""

from __future__ import annotations

from collections import deque

from msgspec import Struct

from .holders import Holders
from .probe import Look

KEEP = 512


class Seen(Struct, frozen=True):
    """What the looks around a time saw: all holders together, and what held at every one of them.

    ``doubted``: rows were refused, so an unknown process may have run.
    """

    holders: Holders
    idle: bool
    doubted: bool


class Presence:
    """What each look saw besides energy and rows. Rows come late, so the time they report lies between older looks."""

    def __init__(self) -> None:
        self._looks: deque[tuple[int, Holders, bool, bool]] = deque(maxlen=KEEP)

    def begin(self, look: Look) -> None:
        """Nothing is known of the time before this look."""
        self._looks.clear()
        self.add(look, doubted=False)

    def add(self, look: Look, doubted: bool) -> None:
        """One look."""
        holders = Holders() if look.context is None else look.context.holders
        self._looks.append((look.at_ns, holders, look.engines_idle, doubted))

    def between(self, since_ns: int, until_ns: int) -> Seen:
        """The looks from the last one before that time to the first one after it."""
        looks = self._looks
        while len(looks) > 1 and looks[1][0] <= since_ns:
            looks.popleft()
        pids: set[int] = set()
        complete = idle = True
        doubted = False
        for at_ns, holders, engines_idle, doubt in looks:
            pids |= holders.pids
            complete, idle = complete and holders.complete, idle and engines_idle
            doubted = doubted or doubt
            if at_ns >= until_ns:
                break
        return Seen(Holders(frozenset(pids), complete), idle, doubted)
