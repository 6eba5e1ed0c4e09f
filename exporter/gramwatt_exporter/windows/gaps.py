"""Time of windows without a sample: charged after a restart, or missed.

No threads; the sampler calls it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from ..model import EnergyStep
from ..processes.table import ProcessTable
from .book import WindowBook
from .catch_up import CatchUp, Member, saved_clocks


class Gaps:
    """Notes the missed time of windows in the book. Single writer, as the book."""

    def __init__(self, catch_up: CatchUp, book: WindowBook, table: ProcessTable) -> None:
        self._catch_up = catch_up
        self._book = book
        self._table = table
        self._sampled_ns: int | None = None  # the last sample, also one that failed

    def sampled(self, steps: Sequence[EnergyStep], open_before: Collection[str], now_ns: int) -> None:
        """A sample is booked.

        After the first one of a restart, windows of ``open_before`` that could not be charged for the time miss it.
        """
        self._sampled_ns = now_ns
        if self._catch_up.is_due:
            windows = [self._book.get(window_id) for window_id in open_before]
            for window_id, gap in self._catch_up.finish(now_ns, steps, windows).items():
                self._book.missed([window_id], gap)

    def failed(self, now_ns: int) -> None:
        """A sample failed: its energy is charged to no process, and all windows miss its time."""
        if self._sampled_ns is not None:
            for window_id in self._book.open_ids:
                began_ns = max(self._sampled_ns, self._book.get(window_id).start_ns)
                self._book.missed([window_id], max(0, now_ns - began_ns))
        self._sampled_ns = now_ns

    def saved_clocks(self, busy_ns: int | None) -> dict[str, Any] | None:
        """What a restart needs to charge windows for the time until the next exporter runs; None without windows.

        ``busy_ns``: busy time of all CPUs at the last sample.
        """
        if not self._book.open_ids or self._sampled_ns is None:
            return None
        members = (
            Member(row.identity, self._table.clock_of(row), row.windows)
            for row in self._table.rows
            if row.windows
        )
        return saved_clocks(self._sampled_ns, busy_ns, members)
