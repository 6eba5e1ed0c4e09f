"""Windows that cannot be graded: how often each was tried, and what was said of it. Pure bookkeeping."""

from __future__ import annotations

from dataclasses import dataclass

TRIES = 3
"""After so many a window that always fails gets its refusal, and is not tried again."""


@dataclass(slots=True)
class _Trouble:
    tries: int
    text: str


class Troubles:
    """By window. A window that succeeds, or is refused, is forgotten."""

    def __init__(self) -> None:
        self._of: dict[str, _Trouble] = {}

    def tries(self, window: str) -> int:
        """How often it has failed."""
        found = self._of.get(window)
        return 0 if found is None else found.tries

    def failed(self, window: str, text: str) -> bool:
        """It failed once more; True when that is news worth a line in the log."""
        found = self._of.setdefault(window, _Trouble(0, ""))
        is_news = found.text != text
        found.tries, found.text = found.tries + 1, text
        return is_news

    def over(self, window: str) -> None:
        """It is graded or refused."""
        self._of.pop(window, None)
