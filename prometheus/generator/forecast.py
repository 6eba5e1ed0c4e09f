"""When a budget will be spent, at the pace of the last days, if the last half hour agrees."""

from __future__ import annotations

from .burn import FORECAST_WINDOW
from .names import (
    COUNTER,
    END,
    EXHAUSTED,
    FIRST,
    GROWTH,
    LIMIT,
    PACE,
    PERIOD,
    RATE,
    ROLLING,
    SPENT,
    Rule,
    record,
    seconds,
)

WINDOW = FORECAST_WINDOW
# Emissions of a job that ended end the forecast within this time.
SHORT = "30m"
# A counter is not judged by less than this.
YOUNGEST = "1h"
# A calendar period ends on a date. A rolling one never ends: the forecast looks this share of it ahead.
ROLLING_SHARE = 0.25
HOLD = "1h"

HORIZON = f"(({END} and on (budget) {ROLLING} == 0) or (time() + {ROLLING_SHARE} * {PERIOD}))"
# By the short window alone the limit would be reached too.
STILL = (
    f"({SPENT} + on (budget) {GROWTH.format(SHORT)} * on (budget) ({HORIZON} - time()) > on (budget) {LIMIT})"
)


def rules() -> list[Rule]:
    """Pace, growth over both windows, and the date."""
    # rate() divides by the whole window. A counter younger than that is judged by its own age.
    age = f"clamp_max(clamp_min(time() - {FIRST}, {seconds(YOUNGEST)}), {seconds(WINDOW)})"
    pace = f"sum by (budget) (increase({COUNTER}[{WINDOW}]) / on (machine, budget) {age})"
    date = f"""\
time()
+
(({LIMIT} - on (budget) {SPENT}) > 0) / on (budget) ({GROWTH.format(WINDOW)} > 0)
"""
    return [
        record(PACE.format(WINDOW), pace),
        record(GROWTH.format(WINDOW), _growth(PACE.format(WINDOW))),
        record(GROWTH.format(SHORT), _growth(RATE.format(SHORT))),
        record(EXHAUSTED, date),
    ]


def _growth(pace: str) -> str:
    # How fast a budget fills. In a calendar period only new emissions count. In a rolling one old emissions
    # drop out at the same time: on average what is in it, over its length.
    return f"""\
({pace} and on (budget) {ROLLING} == 0)
or
({pace} - on (budget) ({SPENT} / on (budget) {PERIOD}))
"""
