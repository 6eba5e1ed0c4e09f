"""Names of the recorded series, and the small pieces of PromQL that several rules share."""

from __future__ import annotations

from typing import Any

Rule = dict[str, Any]

# By target: 1, with the machine behind it.
MACHINE = "instance_machine:gramwatt_machine_info:current"

# By budget.
INFO = "budget_period:gramwatt_budget_period_info:seen_timestamp"
PERIOD = "budget:gramwatt_budget_period_seconds:max"
ROLLING = "budget:gramwatt_budget_period_rolling:bool"
START = "budget:gramwatt_budget_period_start_timestamp_seconds:max"
END = "budget:gramwatt_budget_period_end_timestamp_seconds:max"
LIMIT = "budget:gramwatt_budget_limit_grams:max"
SPENT = "budget:gramwatt_budget_period_emissions_grams:sum"
SPENT_RATIO = "budget:gramwatt_budget_period_emissions_grams:ratio"
RATE = "budget:gramwatt_budget_emissions_grams:rate{}"
BURN = "budget:gramwatt_budget_emissions_grams:burnrate{}"
PACE = "budget:gramwatt_budget_emissions_grams:pace{}"
GROWTH = "budget:gramwatt_budget_period_emissions_grams:growth{}"
EXHAUSTED = "budget:gramwatt_budget_exhausted_timestamp_seconds:forecast"

# By machine and budget.
SEEN = "machine_budget:gramwatt_budget_period_emissions_grams:seen_timestamp"
KEPT = "machine_budget:gramwatt_budget_period_emissions_grams:kept"
COUNTER = "machine_budget:gramwatt_budget_emissions_grams:total"
FIRST = "machine_budget:gramwatt_budget_emissions_grams:first_timestamp"

# How long Prometheus itself may be off before a budget forgets. A recorded series reads its own past this far.
MEMORY = "2d"

_UNITS = {"m": 60, "h": 3600, "d": 86400}


def seconds(window: str) -> int:
    """``5m`` -> 300. Raises KeyError for a unit other than m, h, d."""
    return int(window[:-1]) * _UNITS[window[-1]]


def past(series: str) -> str:
    """The last value of a recorded series, also after Prometheus was off."""
    return f"last_over_time({series}[{MEMORY}])"


def record(name: str, expr: str) -> Rule:
    """A recording rule."""
    return {"record": name, "expr": expr}
