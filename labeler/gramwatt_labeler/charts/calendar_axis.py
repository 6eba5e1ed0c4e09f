"""Months and days in a row, none of them left out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta

_MOST = 1200  # a century of months; more have no room


def without_holes(known: Sequence[str]) -> list[str]:
    """From the first to the last of them each month (``2026-11``) or day (``2026-11-28``).

    They stay as they are where that is more than a chart has room for, or one of them is no day.
    """
    if not known:
        return []
    first, last = min(known), max(known)
    step: Callable[[str], str] = _next_month if len(first) == len("2026-11") else _next_day
    found = [first]
    while found[-1] < last and len(found) < _MOST:
        try:
            found.append(step(found[-1]))
        except (ValueError, OverflowError):
            break
    return found if found[-1] == last else list(known)


def _next_month(month: str) -> str:
    year, _, number = month.partition("-")
    return f"{int(year) + 1:04}-01" if number == "12" else f"{year}-{int(number) + 1:02}"


def _next_day(day: str) -> str:
    return (date.fromisoformat(day) + timedelta(days=1)).isoformat()
