"""How many windows a user may have open, and which finished one gives way. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from .window import SCRAPES_KEPT, Window


def share_of_user(most: int, opened: int) -> int:
    """How many one user may have open of ``most``, while ``opened`` are.

    Half, so that no user keeps all others from recording, and at most twice as many as are still free, so that
    several together cannot either. A tenth is root's alone.
    """
    free = most - most // 10 - opened
    return min(max(1, most // 2), max(0, 2 * free))


def most_dispensable(windows: Iterable[Window]) -> Window:
    """The oldest finished window of the user with the most of them, preferring those scraped enough."""
    finished = [window for window in windows if not window.is_open]
    candidates = [window for window in finished if window.scrapes >= SCRAPES_KEPT] or finished
    counts: dict[int, int] = {}
    for window in candidates:
        counts[window.uid] = counts.get(window.uid, 0) + 1
    return max(candidates, key=lambda window: counts[window.uid])  # the first is the oldest
