"""Processes that ended lately: a GPU's driver may name its users after they ended."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from .row import Row

MOST = 4096


class Ended:
    """The newest ended process of each PID, kept only while ``wanted``: most machines have no such driver."""

    def __init__(self) -> None:
        self._rows: OrderedDict[int, Row] = OrderedDict()
        self.wanted = False

    def add(self, rows: Iterable[Row]) -> None:
        """These ended since the last sample."""
        if not self.wanted:
            self._rows.clear()
            return
        for row in rows:
            self._rows.pop(row.identity.pid, None)
            self._rows[row.identity.pid] = row
        while len(self._rows) > MOST:
            self._rows.popitem(last=False)

    def find(self, pid: int) -> Row | None:
        """The last process with this PID."""
        return self._rows.get(pid)
