"""What the processes did in one sample."""

from __future__ import annotations

from msgspec import Struct, field

from .row import Row


class Activity(Struct, frozen=True):
    """CPU time used since the previous sample: ``live`` and ``exited`` pair a row with nanoseconds."""

    live: list[tuple[Row, int]]
    exited: list[tuple[Row, int]]
    exits_observed: int = 0
    departed: list[Row] = field(default_factory=list)

    @property
    def seen_ns(self) -> int:
        """CPU time of known processes."""
        return sum(ns for _, ns in self.live) + sum(ns for _, ns in self.exited)
