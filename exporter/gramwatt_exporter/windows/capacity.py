"""How many windows a user may have open, and which finished one is dropped for a new one. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from .window import SCRAPES_KEPT, Window


def share_of_user(most: int, opened: int) -> int:
    """How many one user may have open of ``most``, while ``opened`` are.

    At most half, so that one user cannot keep all others from recording; and at most twice the free number, so that
    several users cannot either. A tenth is kept for root.
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
