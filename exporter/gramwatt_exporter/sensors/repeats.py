"""A state that comes and goes again and again is logged twice, not each time: its failures are counted. Pure."""

from __future__ import annotations

from collections.abc import Hashable

WINDOW_SECONDS = 600  # a state that comes again within so long is a repetition
LINES = 2  # so many repetitions are logged
LASTING_SECONDS = 60  # a state that lasts for so long is no short repetition
_SECOND = 1_000_000_000


class Repeats:
    """Counts how often each state came lately."""

    def __init__(self) -> None:
        self._lately: dict[Hashable, tuple[int, int]] = {}  # when it came last, and how often in a row
        self._quiet: dict[Hashable, int] = {}  # states that are there and were not logged, and since when

    def came(self, what: Hashable, now_ns: int) -> str:
        """A state came; returns how to log it: "say"; "last", with the note that more are only counted; "" for not at
        all."""
        at_ns, times = self._lately.get(what, (0, 0))
        times = times + 1 if times and now_ns - at_ns <= WINDOW_SECONDS * _SECOND else 1
        self._lately[what] = (now_ns, times)
        if times > LINES:
            self._quiet[what] = now_ns
            return ""
        return "say" if times < LINES else "last"

    def lasts(self, what: Hashable, now_ns: int) -> bool:
        """Whether a state that was not logged when it came must be logged now, because it lasts."""
        since = self._quiet.get(what)
        if since is None or now_ns - since <= LASTING_SECONDS * _SECOND:
            return False
        del self._quiet[what]
        return True

    def went(self, what: Hashable) -> bool:
        """A state is over; returns whether to log that, as its beginning was."""
        return self._quiet.pop(what, None) is None
