"""Windows that end while the process of some energy is not yet known: they end at the requested moment, and are closed
a little later."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

# Process rows of a GPU come at least every second. A caller that stops a window waits so long for its answer.
LONGEST_NS = 3_000_000_000


class End(Struct, frozen=True):
    """When a window ended: Unix seconds, and nanoseconds of the boot clock."""

    at: float
    at_ns: int


class Settling:
    """The ends of windows that are not closed yet."""

    def __init__(self) -> None:
        self._ends: dict[str, End] = {}

    def end(self, window_id: str, at: float, at_ns: int) -> End:
        """The end of the window: this moment, unless an earlier call set it."""
        return self._ends.setdefault(window_id, End(at, at_ns))

    def waits(self, end: End, now_ns: int, known_until: Mapping[str, int]) -> bool:
        """Whether energy up to that end may still come. ``known_until`` names devices that wait."""
        return now_ns - end.at_ns < LONGEST_NS and any(until < end.at_ns for until in known_until.values())

    def closed(self, window_id: str) -> None:
        """The window is closed: forget its end."""
        self._ends.pop(window_id, None)
