"""SIGTERM and SIGINT end the exporter, SIGHUP reads its settings again; those that come while it starts wait."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType

_STOP = (signal.SIGTERM, signal.SIGINT)
_RELOAD = tuple(getattr(signal, name) for name in ("SIGHUP",) if hasattr(signal, name))  # not on Windows


class Signals:
    """Catches signals from its construction on, in the main thread. The default action would end the process at once,
    with unsaved totals and a socket file left behind."""

    def __init__(self) -> None:
        self._actions: dict[int, Callable[[], None]] = {}
        self._early: list[int] = []
        for number in (*_STOP, *_RELOAD):
            signal.signal(number, self._caught)

    def _caught(self, number: int, _frame: FrameType | None) -> None:
        action = self._actions.get(number)
        if action is None:
            self._early.append(number)
        else:
            action()

    def give(self, stop: Callable[[], None], reload: Callable[[], None]) -> None:
        """Set the handlers; signals that came before are handled at once. Both run inside a signal handler."""
        self._actions = dict.fromkeys(_STOP, stop) | dict.fromkeys(_RELOAD, reload)
        for number in self._early:
            self._actions[number]()
        self._early.clear()
