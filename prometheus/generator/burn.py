"""Burn rates of emission budgets: the windows and thresholds as data, and the rules made from them.

A burn rate of 1 spends exactly the budget over its period. The thresholds of error budgets (14.4, 6, 3, 1) do
not transfer: an error rate can be a thousand times the allowed one, the power of a machine cannot. A
well-set emission budget burns near 1 all the time, and anything shorter than a day also follows the grid's
daily curve, so short windows need high thresholds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Rule = dict[str, Any]

_UNITS = {"m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, slots=True)
class Burn:
    """One pair of windows: the long one says that it matters, the short one that it is still going on."""

    long: str
    short: str
    threshold: float  # burn rate, 1 = exactly the budget
    hold: str  # `for` of the alert
    severity: str


BURNS = (
    Burn("1h", "5m", 6.0, "2m", "warning"),
    Burn("6h", "30m", 3.0, "15m", "warning"),
    Burn("1d", "2h", 2.0, "1h", "info"),
    Burn("3d", "1d", 1.2, "3h", "info"),
)

FORECAST_WINDOW = "3d"
# A calendar period ends on a date. A rolling one never ends: the forecast looks this share of it ahead.
ROLLING_HORIZON = 0.25
FORECAST_HOLD = "1h"

RATE = "budget:gramwatt_budget_emissions_grams:rate{}"
BURN = "budget:gramwatt_budget_emissions_grams:burnrate{}"
LIMIT = "budget:gramwatt_budget_limit_grams:max"
PERIOD = "budget:gramwatt_budget_period_seconds:max"
START = "budget:gramwatt_budget_period_start_timestamp_seconds:max"
SPENT = "budget:gramwatt_budget_period_emissions_grams:sum"
SPENT_RATIO = "budget:gramwatt_budget_period_emissions_grams:ratio"
END = "budget:gramwatt_budget_period_end_timestamp_seconds:max"
GROWTH = "budget:gramwatt_budget_period_emissions_grams:growth3d"
EXHAUSTED = "budget:gramwatt_budget_exhausted_timestamp_seconds:forecast"

# Copies of one series that several replicas of Prometheus collected count once.
ONCE = "avg without (prometheus_replica, replica)"

# The end of a rolling period is always now; a calendar period's lies ahead.
UNTIL_END = f"{END} > time() + 60"


def seconds(window: str) -> int:
    """``5m`` -> 300. Raises KeyError for a unit other than m, h, d."""
    return int(window[:-1]) * _UNITS[window[-1]]


def windows() -> list[str]:
    """Every window a rule needs, shortest first."""
    return sorted({w for burn in BURNS for w in (burn.long, burn.short)} | {FORECAST_WINDOW}, key=seconds)


def groups() -> list[dict[str, Any]]:
    """The content of rules/gramwatt-budgets.yml: one group, as its rules build on each other in order."""
    rules = [*_state_rules(), *_burn_rules(), *_forecast_rules(), *_alerts()]
    return [{"name": "gramwatt-budgets", "interval": "1m", "rules": rules}]


def _state_rules() -> list[Rule]:
    # A machine that is restarted or off keeps what it has spent, for a day at most and never beyond its period:
    # a calendar period starts at least a day before the next, the start of a rolling one that stands still
    # falls behind.
    spent = f"""\
sum by (budget) (
  {ONCE} (
      last_over_time(gramwatt_budget_period_emissions_grams[1d])
    and
      (
          last_over_time(gramwatt_budget_period_start_timestamp_seconds[1d])
        > on (budget) group_left ()
          ({START} - on (budget) clamp_max({PERIOD}, {seconds("1d")}))
      )
  )
)
"""
    return [
        {"record": LIMIT, "expr": "max by (budget) (gramwatt_budget_limit_grams)"},
        {"record": PERIOD, "expr": "max by (budget) (gramwatt_budget_period_seconds)"},
        {"record": START, "expr": "max by (budget) (gramwatt_budget_period_start_timestamp_seconds)"},
        {"record": END, "expr": f"{START} + on (budget) {PERIOD}"},
        {"record": SPENT, "expr": spent},
        {"record": SPENT_RATIO, "expr": f"{SPENT} / on (budget) ({LIMIT} > 0)"},
    ]


def _burn_rules() -> list[Rule]:
    rules: list[Rule] = []
    for window in windows():
        rate = f"sum by (budget) ({ONCE} (rate(gramwatt_budget_emissions_grams_total[{window}])))"
        rules.append({"record": RATE.format(window), "expr": rate})
        burn = f"""\
{RATE.format(window)}
/ on (budget)
(({LIMIT} > 0) / on (budget) {PERIOD})
"""
        rules.append({"record": BURN.format(window), "expr": burn})
    return rules


def _forecast_rules() -> list[Rule]:
    rate = RATE.format(FORECAST_WINDOW)
    # How fast a budget fills. In a calendar period only new emissions count. In a rolling one old emissions
    # drop out at the same time: on average what is in it, over its length.
    growth = f"""\
({rate} and on (budget) ({UNTIL_END}))
or
({rate} - on (budget) ({SPENT} / on (budget) {PERIOD}))
"""
    exhausted = f"""\
time()
+
(({LIMIT} - on (budget) {SPENT}) > 0) / on (budget) ({GROWTH} > 0)
"""
    return [{"record": GROWTH, "expr": growth}, {"record": EXHAUSTED, "expr": exhausted}]


def _alerts() -> list[Rule]:
    alerts = [_burn_alert(burn) for burn in BURNS]
    alerts.append(
        _alert(
            "GramwattBudgetForecast",
            f"""\
{EXHAUSTED}
< on (budget)
(({UNTIL_END}) or (time() + {ROLLING_HORIZON} * {PERIOD}))
""",
            FORECAST_HOLD,
            "warning",
            "Emission budget {{ $labels.budget }} will be spent on {{ $value | humanizeTimestamp }}.",
            f"At the emissions of the last {FORECAST_WINDOW} the budget {{{{ $labels.budget }}}} is spent "
            f"before its period ends (for a rolling period: within {ROLLING_HORIZON:.0%} of its length).",
        )
    )
    alerts += [
        _spent_alert("GramwattBudgetNearlySpent", 0.8, "info"),
        _spent_alert("GramwattBudgetSpent", 1.0, "warning"),
    ]
    alerts.append(
        _alert(
            "GramwattBudgetEmissionsAbsent",
            "max by (budget) (gramwatt_budget_limit_grams)\n"
            "unless on (budget)\n"
            "sum by (budget) (gramwatt_budget_emissions_grams_total)\n",
            "15m",
            "warning",
            "Budget {{ $labels.budget }} has a limit but no emissions.",
            "No exporter reports emissions for the budget {{ $labels.budget }}: what it has spent is "
            "unknown, not zero.",
        )
    )
    alerts.append(
        _alert(
            "GramwattBudgetLimitsDiffer",
            "max by (budget) (gramwatt_budget_limit_grams)\n"
            "-\n"
            "min by (budget) (gramwatt_budget_limit_grams)\n"
            "> 0\n",
            "15m",
            "info",
            "Machines disagree about the limit of budget {{ $labels.budget }}.",
            "A budget of one name is one budget for all machines; the largest limit counts. They differ by "
            "{{ $value | humanize }} g.",
        )
    )
    return alerts


def _burn_alert(burn: Burn) -> Rule:
    rule = _alert(
        "GramwattBudgetBurn",
        f"""\
{BURN.format(burn.long)} > {burn.threshold:g}
and on (budget)
{BURN.format(burn.short)} > {burn.threshold:g}
and on (budget)
{PERIOD} >= {seconds(burn.long)}
""",
        burn.hold,
        burn.severity,
        "Emission budget {{ $labels.budget }} burns {{ $value | humanize }} times too fast.",
        f"Over the last {burn.long} and {burn.short} the budget {{{{ $labels.budget }}}} was spent more than "
        f"{burn.threshold:g} times as fast as its limit allows.",
    )
    rule["labels"] |= {"long": burn.long, "short": burn.short}
    return rule


def _spent_alert(name: str, share: float, severity: str) -> Rule:
    return _alert(
        name,
        f"{SPENT_RATIO} >= {share:g}\n",
        "5m",
        severity,
        "Emission budget {{ $labels.budget }} is {{ $value | humanizePercentage }} spent.",
        "The emissions counted for the budget {{ $labels.budget }} in its current period have reached "
        f"{share:.0%} of the limit.",
    )


def _alert(name: str, expr: str, hold: str, severity: str, summary: str, description: str) -> Rule:
    return {
        "alert": name,
        "expr": expr,
        "for": hold,
        "labels": {"severity": severity},
        "annotations": {
            "summary": summary,
            "description": description,
            "runbook_url": f"docs/runbooks/{name}.md",
        },
    }
