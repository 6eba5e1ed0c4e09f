"""The rows of nvmlDeviceGetProcessUtilization: how much each process used a GPU since the last time asked."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

# An encoder or decoder at full load draws a small part of what the multiprocessors do.
SM_WEIGHT, ENGINE_WEIGHT = 10, 1
_MOST_PERCENT = 100


class Row(Struct, frozen=True):
    """Percent of the time since the last row asked for; ``stamp_us`` by the driver's clock."""

    pid: int
    stamp_us: int
    sm: int
    engines: int  # encoder and decoder


def stamps_of(rows: Iterable[Row]) -> set[int]:
    """The stamps of the rows. Most rows of an answer share one, and what depends on it is worked out once."""
    return {row.stamp_us for row in rows}


def plausible(rows: Iterable[Row]) -> list[Row]:
    """The rows that can be true: drivers were seen to return rows of process 0 and shares of thousands of percent."""
    return [
        row for row in rows if row.pid > 0 and row.sm <= _MOST_PERCENT and row.engines <= 2 * _MOST_PERCENT
    ]


def rows_of(answer: Iterable[tuple[int, ...]]) -> list[Row]:
    """The rows of an answer of :meth:`Lists.rows`. Rows without any use (real drivers return them) are left out."""
    return [Row(pid, stamp, sm, enc + dec) for pid, stamp, sm, _, enc, dec in answer if sm or enc or dec]
