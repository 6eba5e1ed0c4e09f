"""When to look again for what a driver shows: every minute, and soon after something began to fail. Pure.

A zone or a chip that was loaded again stands under another number. Its counter went on: found within
claims.HOLD_SECONDS, none of its energy is lost.
"""

from __future__ import annotations

EVERY_SECONDS = 60
SOONEST_SECONDS = 2  # after the first look at a failure; each further one waits twice as long
_SECOND = 1_000_000_000


class LookAgain:
    """Keeps when it was looked last."""

    def __init__(self) -> None:
        self._looked_ns = 0
        self._pause = 0  # seconds until the next look while something fails

    def looked(self, now_ns: int) -> None:
        """Everything has been looked through now."""
        self._looked_ns = now_ns

    def due(self, now_ns: int, fails: bool) -> bool:
        """Whether to look now; then it counts as looked. ``fails``: something that was found cannot be read."""
        if not fails:
            self._pause = 0
        if now_ns - self._looked_ns < (self._pause if fails else EVERY_SECONDS) * _SECOND:
            return False
        self._looked_ns = now_ns
        if fails:
            self._pause = min(EVERY_SECONDS, max(SOONEST_SECONDS, 2 * self._pause))
        return True
