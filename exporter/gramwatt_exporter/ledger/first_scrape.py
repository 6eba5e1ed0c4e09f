"""Which series are new: they show 0 until they have been scraped, and their value after that.

``increase()`` starts at the first sample of a series. A series that appears with a value, as for a job between two
scrapes, would have no increase.
"""

from __future__ import annotations

from ..processes.row import UNBORN


class FirstScrape:
    """Numbers of snapshots: the one being made, and the newest that every collector has scraped."""

    __slots__ = ("_number", "_watched", "seen")

    def __init__(self) -> None:
        self._number = 0
        self.seen = 0
        self._watched = False

    def witnessed(self, number: int | None) -> None:
        """Every collector has scraped the snapshot ``number`` or a newer one. None: there is no collector, and a new
        series begins with its value."""
        self._watched = number is not None
        if number is not None:
            self.seen = max(self.seen, number)

    def begin(self, number: int) -> None:
        """The snapshot ``number`` is to be made."""
        self._number = number
        if not self._watched:
            self.seen = max(self.seen, number)

    def born(self, number: int) -> int:
        """The first snapshot of a series: ``number``, or the present one for ``UNBORN``."""
        return self._number if number == UNBORN else number

    def is_new(self, born: int) -> bool:
        """Whether a series that first appeared in the snapshot ``born`` is still shown at 0."""
        return born > self.seen
