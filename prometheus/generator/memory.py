"""What a budget remembers: the emissions each machine reported in the period at hand, also while it is off."""

from __future__ import annotations

from .burn import FORECAST_WINDOW
from .identity import ANSWERING, RENAMED, by_machine
from .names import (
    COUNTER,
    FIRST,
    KEPT,
    LIMIT,
    PERIOD,
    ROLLING,
    SEEN,
    SPENT,
    SPENT_RATIO,
    START,
    Rule,
    past,
    record,
)
from .period import CALENDAR

_CLOCK = "max by (job, instance) (gramwatt_snapshot_timestamp_seconds)"
_CLOCK_BEFORE = "max by (job, instance) (gramwatt_snapshot_timestamp_seconds offset 10m)"
# A clock that runs, but is behind by more than half a period: the machine's own period is all that it ever reports. A
# clock that stands is an exporter that stopped sampling.
_FAR_BEHIND = f"""\
(
  (0.5 * gramwatt_budget_period_seconds < on (job, instance) group_left () (time() - {_CLOCK}))
  and on (job, instance)
  ({_CLOCK} > {_CLOCK_BEFORE})
)"""
# A machine whose clock is behind still reports the calendar period before. Lengths of months differ by a tenth, of
# day and week by far more: a machine with another kind of period is not behind.
_BEHIND = f"""\
(
  (gramwatt_budget_period_start_timestamp_seconds < on (budget) group_left () ({START} - 3600))
  and on (job, instance, budget)
  (
    abs(gramwatt_budget_period_seconds - on (budget) group_left () {PERIOD})
    < on (budget) group_left () (0.2 * {PERIOD})
  )
  and on (budget)
  ({ROLLING} == 0)
  unless on (job, instance, budget)
  gramwatt_budget_period_info{{period!~"{CALENDAR}"}}
  unless on (job, instance, budget)
  {_FAR_BEHIND}
)"""
_LIVE = by_machine(f"gramwatt_budget_period_emissions_grams unless on (job, instance, budget) {_BEHIND}")
# A machine that answers and no longer has the budget in its configuration.
_REMOVED = f"""\
(
  ({past(SEEN)} >= 0)
  and on (machine) {ANSWERING}
  unless on (machine, budget) {by_machine("last_over_time(gramwatt_budget_limit_grams[5m])")}
)"""
# Written once when a budget is removed: older values of the series are not found again.
_FORGOTTEN = "-1"


def rules() -> list[Rule]:
    """Which machine was seen when, what is kept of it, and the sums by budget."""
    return [_seen(), _kept(), _spent(), _limit(), _ratio(), _counter(), _first()]


def _seen() -> Rule:
    return record(
        SEEN,
        f"""\
({_LIVE} * 0 + time())
or
({_REMOVED} * 0 {_FORGOTTEN.replace("-", "- ")})
or
(
  ({past(SEEN)} >= 0 >= on (budget) group_left () {START})
  unless on (machine) {RENAMED}
)
""",
    )


def _kept() -> Rule:
    return record(KEPT, f"{_LIVE}\nor\n({past(KEPT)} and on (machine, budget) ({SEEN} >= 0))\n")


def _spent() -> Rule:
    # In a rolling period the emissions of a machine that is gone drop out evenly, in a calendar period they stay.
    left = f"""\
clamp_min(
  1 - (time() - {SEEN}) * on (budget) group_left () ({ROLLING} / on (budget) {PERIOD}),
  0
)"""
    return record(SPENT, f"sum by (budget) ({KEPT} * on (machine, budget) {left})\n")


def _limit() -> Rule:
    live = "max by (budget) (gramwatt_budget_limit_grams)"
    return record(LIMIT, f"{live} or ({past(LIMIT)} and on (budget) {KEPT})")


def _ratio() -> Rule:
    return record(SPENT_RATIO, f"{SPENT} / on (budget) ({LIMIT} > 0)")


def _counter() -> Rule:
    # Once per machine before any rate: a renamed target goes on, one scraped twice counts once.
    return record(COUNTER, by_machine("gramwatt_budget_emissions_grams_total"))


def _first() -> Rule:
    # A counter that was away longer than the forecast looks back begins anew.
    return record(
        FIRST,
        f"""\
({past(FIRST)} and on (machine, budget) last_over_time({COUNTER}[{FORECAST_WINDOW}]))
or
({COUNTER} * 0 + time())
""",
    )
