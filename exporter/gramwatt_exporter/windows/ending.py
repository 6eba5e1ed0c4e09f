"""The end of a window: it ends at the moment of the request, and is closed when all energy up to then has come."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .book import WindowBook
from .membership import Membership
from .model import EndedBy
from .outcome import OutcomeFields
from .settling import Settling


class Ending:
    """``cut`` takes a window's id, until when the energy of each device is known, and its end: it settles energy of
    unknown processes. ``wall_clock`` gives Unix seconds, ``boot_clock`` nanoseconds."""

    def __init__(
        self,
        book: WindowBook,
        membership: Membership,
        cut: Callable[[str, Mapping[str, int], int], None],
        wall_clock: Callable[[], float],
        boot_clock: Callable[[], int],
    ) -> None:
        self._book = book
        self._membership = membership
        self._cut = cut
        self._wall_clock = wall_clock
        self._boot_clock = boot_clock
        self._settling = Settling()

    def end(
        self,
        window_id: str,
        ended_by: EndedBy,
        known_until: Mapping[str, int],
        values: Mapping[str, float] | None = None,
        outcome: OutcomeFields | None = None,
    ) -> bool:
        """End a window, after a sample; ``known_until`` names devices whose energy comes later.

        False while some of its energy may still come: call again. The end is the moment of the first call. Raises
        ApiError.
        """
        now_ns = self._boot_clock()
        end = self._settling.end(window_id, self._wall_clock(), now_ns)
        if self._settling.waits(end, now_ns, known_until):
            return False
        self._cut(window_id, known_until, end.at_ns)
        self._book.stop(window_id, end.at, ended_by, values, outcome, end.at_ns)
        self._settling.closed(window_id)
        self._membership.detach(window_id)
        return True
