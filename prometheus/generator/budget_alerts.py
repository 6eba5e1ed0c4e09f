"""Alerts about budgets. Emissions are not urgent: warning at most."""

from __future__ import annotations

from . import forecast
from .burn import BURNS, Burn
from .identity import SKEWED
from .names import BURN, COUNTER, EXHAUSTED, FIRST, PERIOD, SPENT_RATIO, Rule, past, seconds
from .period import CALENDAR


def rules() -> list[Rule]:
    """In the order in which a budget runs out, then what is wrong with a budget."""
    return [
        *(_burn(burn) for burn in BURNS),
        _forecast(),
        _spent("GramwattBudgetNearlySpent", 0.8, "info"),
        _spent("GramwattBudgetSpent", 1.0, "warning"),
        _absent(),
        _unmatched(),
        _differ(),
    ]


def alert(name: str, expr: str, hold: str, severity: str, summary: str, description: str) -> Rule:
    """An alert with its runbook."""
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


def _burn(burn: Burn) -> Rule:
    rule = alert(
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


def _forecast() -> Rule:
    return alert(
        "GramwattBudgetForecast",
        f"""\
{EXHAUSTED}
< on (budget)
{forecast.HORIZON}
and on (budget)
{forecast.STILL}
""",
        forecast.HOLD,
        "warning",
        "Emission budget {{ $labels.budget }} will be spent on {{ $value | humanizeTimestamp }}.",
        f"At the emissions of the last {forecast.WINDOW} the budget {{{{ $labels.budget }}}} is spent "
        f"before its period ends (for a rolling period: within {forecast.ROLLING_SHARE:.0%} of its length).",
    )


def _spent(name: str, share: float, severity: str) -> Rule:
    return alert(
        name,
        f"{SPENT_RATIO} >= {share:g}\n",
        "2m",
        severity,
        "Emission budget {{ $labels.budget }} is {{ $value | humanizePercentage }} spent.",
        "The emissions counted for the budget {{ $labels.budget }} in its current period have reached "
        f"{share:.0%} of the limit.",
    )


def _absent() -> Rule:
    return alert(
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


def _unmatched() -> Rule:
    # By age and memory, not by `for`: machines that sleep at night start `for` again every morning.
    rule = alert(
        "GramwattBudgetEmissionsAbsent",
        f"""\
sum by (budget) ({past(COUNTER)}) == 0
and on (budget)
time() - min by (budget) ({FIRST}) > {seconds("1d")}
and on (budget)
gramwatt_budget_limit_grams
""",
        "15m",
        "warning",
        "Budget {{ $labels.budget }} has matched nothing for a day.",
        "Machines count emissions, and none of them matches the budget {{ $labels.budget }}. Compare its match "
        "with the labels of gramwatt_workload_emissions_grams_total.",
    )
    rule["labels"] |= {"reason": "unmatched"}
    return rule


def _differ() -> Rule:
    """Limits, named periods, and periods without a name: their lengths and beginnings."""
    length = f"gramwatt_budget_period_seconds unless on (job, instance) {SKEWED}"
    start = f"gramwatt_budget_period_start_timestamp_seconds unless on (job, instance) {SKEWED}"
    unnamed = "unless on (budget) gramwatt_budget_period_info"
    return alert(
        "GramwattBudgetLimitsDiffer",
        f"""\
max by (budget) (gramwatt_budget_limit_grams) - min by (budget) (gramwatt_budget_limit_grams) > 0
or
count by (budget) (group by (budget, period) (gramwatt_budget_period_info)) > 1
or
(max by (budget) ({length}) - min by (budget) ({length}) > 3600 {unnamed})
or
(max by (budget) ({start}) - min by (budget) ({start}) > 3600 {unnamed})
""",
        "15m",
        "info",
        "Machines disagree about the limit or the period of budget {{ $labels.budget }}.",
        "A budget of one name is one budget for all machines, with one limit and one period. While they differ the "
        "largest limit counts, and a calendar period ("
        + CALENDAR.replace("|", ", ")
        + ") before a rolling one.",
    )
