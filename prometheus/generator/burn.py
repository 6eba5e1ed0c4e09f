"""Burn rates of emission budgets: the windows and thresholds as data.

A burn rate of 1 spends exactly the budget over its period. The thresholds of error budgets (14.4, 6, 3, 1) do
not transfer: an error rate can be a thousand times the allowed one, the power of a machine cannot. A
well-set emission budget burns near 1 all the time, and anything shorter than a day also follows the grid's
daily curve, so short windows need high thresholds.
"""

from __future__ import annotations

from dataclasses import dataclass

from .names import (
    BURN,
    COUNTER,
    END,
    EXHAUSTED,
    LIMIT,
    PERIOD,
    RATE,
    SPENT,
    SPENT_RATIO,
    START,
    Rule,
    record,
    seconds,
)

# What dashboards show of budgets.
__all__ = [
    "BURN",
    "BURNS",
    "END",
    "EXHAUSTED",
    "FORECAST_WINDOW",
    "LIMIT",
    "PERIOD",
    "SPENT",
    "SPENT_RATIO",
    "START",
    "Burn",
    "rules",
    "windows",
]

FORECAST_WINDOW = "3d"


@dataclass(frozen=True, slots=True)
class Burn:
    """One pair of windows: the long one says that it matters, the short one that it is still going on.

    ``hold`` is longer than the short window. What an exporter books at once after a gap is inside the short window
    for just as long, and is no burn.
    """

    long: str
    short: str
    threshold: float  # burn rate, 1 = exactly the budget
    hold: str  # `for` of the alert
    severity: str


BURNS = (
    Burn("1h", "5m", 6.0, "7m", "warning"),
    Burn("6h", "30m", 3.0, "35m", "warning"),
    Burn("1d", "2h", 2.0, "130m", "info"),
    Burn("3d", "1d", 1.2, "25h", "info"),
)


def windows() -> list[str]:
    """Every window of the table, shortest first."""
    return sorted({w for burn in BURNS for w in (burn.long, burn.short)}, key=seconds)


def rules() -> list[Rule]:
    """Rate and burn rate over each window."""
    made: list[Rule] = []
    for window in windows():
        made.append(record(RATE.format(window), f"sum by (budget) (rate({COUNTER}[{window}]))"))
        burn = f"""\
{RATE.format(window)}
/ on (budget)
(({LIMIT} > 0) / on (budget) {PERIOD})
"""
        made.append(record(BURN.format(window), burn))
    return made
