"""Windows that end while energy waits until it is known which process drew it: they end in time, and are closed a
bit later."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

# Rows of a GPU come every second at the latest; a caller that stops a window waits for an answer meanwhile.
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
        """When the window ended: at this moment, if it was not asked for before."""
        return self._ends.setdefault(window_id, End(at, at_ns))

    def waits(self, end: End, now_ns: int, known_until: Mapping[str, int]) -> bool:
        """Whether energy up to that end may still come. ``known_until`` names devices that wait."""
        return now_ns - end.at_ns < LONGEST_NS and any(until < end.at_ns for until in known_until.values())

    def closed(self, window_id: str) -> None:
        """Its end stands in the book."""
        self._ends.pop(window_id, None)
