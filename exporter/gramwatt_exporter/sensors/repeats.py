"""What comes and goes again and again is logged twice, not each time: its failures are counted anyway. Pure."""

from __future__ import annotations

from collections.abc import Hashable

WINDOW_SECONDS = 600  # what came again within so long is a repetition
LINES = 2  # so many of them are logged
LASTING_SECONDS = 60  # what has stayed for so long is no longer one of many short ones
_SECOND = 1_000_000_000


class Repeats:
    """Counts how often each thing came lately."""

    def __init__(self) -> None:
        self._lately: dict[Hashable, tuple[int, int]] = {}  # when it came last, and how often in a row
        self._quiet: dict[Hashable, int] = {}  # what is there and was not said, and since when

    def came(self, what: Hashable, now_ns: int) -> str:
        """It came: how to say so. "say"; "last", which announces that more is only counted; "" for not at all."""
        at_ns, times = self._lately.get(what, (0, 0))
        times = times + 1 if times and now_ns - at_ns <= WINDOW_SECONDS * _SECOND else 1
        self._lately[what] = (now_ns, times)
        if times > LINES:
            self._quiet[what] = now_ns
            return ""
        return "say" if times < LINES else "last"

    def lasts(self, what: Hashable, now_ns: int) -> bool:
        """Whether it was not said when it came, and has to be now that it stays."""
        since = self._quiet.get(what)
        if since is None or now_ns - since <= LASTING_SECONDS * _SECOND:
            return False
        del self._quiet[what]
        return True

    def went(self, what: Hashable) -> bool:
        """It is over: whether that is worth a line, as its coming was."""
        return self._quiet.pop(what, None) is None
