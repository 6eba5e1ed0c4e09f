"""Emission budgets: what is spent against the time that has passed, how fast, until when it lasts, who spends it.

Budgets may overlap: the CO2 of one process counts in each that it matches. Their grams are never added up.
"""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard, stat, table

from .boards import board, variable
from .common import (
    END,
    EXHAUSTED,
    HORIZON,
    LASTS_UNTIL,
    LIMIT,
    NO_BUDGET,
    NO_BUDGET_CURVE,
    PERIOD,
    SPENT,
    SPENT_RATIO,
    START,
)
from .panels import OTHER, lines, link, now, number, over_time, rows, rows_of, steps
from .queries import gained, leading, mean, rate, top, verdict

_CHOSEN = 'budget=~"$budget"'
_TOTAL = "budget_emissions_grams_total"


def budget_verdict(width: int, height: int, to: str | None = None) -> stat.Panel:
    """The budget to look at first: the one that is spent first, else the fullest."""
    over = f"max({SPENT_RATIO}) >= 1"
    first = f"bottomk(1, {LASTS_UNTIL}) unless on () {over}"
    said = verdict(
        f"topk(1, {SPENT_RATIO})",
        [(">= 1", "is spent: it is over its limit")],
        "is spent; it lasts to the end of its period, as all do",
    )
    return number(
        "Budget",
        "When the first budget will be spent at its present speed; or, where one is over its limit or all last until "
        "their period ends, how much of the fullest is spent.",
        "time:ddd D MMM HH:mm",
        now(f"1000 * ({first})", "budget {{budget}} lasts until then, at its present speed"),
        now(f"({said}) unless on () ({first})", "of budget {{budget}} {{verdict}}"),
        sentence=True,
        units={"B": "percentunit"},
        empty=NO_BUDGET,
        width=width,
        height=height,
        to=to,
    )


def recorded(name: str) -> str:
    """A rule's series of the chosen budgets."""
    return f"{name}{{{_CHOSEN}}}"


def build() -> dashboard.Dashboard:
    """The dashboard ``gramwatt-budgets``."""
    page = board(
        "gramwatt-budgets",
        "Gramwatt / Budgets",
        "Emission budgets of all machines: a budget of one name is one budget everywhere.",
        "now-7d",
        refresh="1m",
    ).with_variable(variable("budget", "Budget", "label_values(gramwatt_budget_limit_grams, budget)"))
    return _curves(page.with_panel(budget_verdict(width=24, height=3)).with_panel(_table()))


def _limit() -> str:
    return f"(max by (budget) ({recorded(LIMIT)}) > 0)"


def _burn(window: str) -> str:
    """1 spends exactly the budget in its period."""
    speed = f"sum by (budget) ({mean(_TOTAL, _CHOSEN, window)})"
    return f"{speed} / on (budget) ({_limit()} / on (budget) max by (budget) ({recorded(PERIOD)}))"


def _table() -> table.Panel:
    elapsed = f"clamp_max((time() - {recorded(START)}) / on (budget) {recorded(PERIOD)}, 1)"
    until = f"1000 * min by (budget) ({recorded(EXHAUSTED)} < on (budget) {HORIZON})"
    return rows(
        "Budgets",
        "Spent against the time that has passed, in shares of the limit and of the period. Burn is the "
        "speed of the last hour, six hours and three days: 1 spends exactly the budget. Lasts until is "
        "empty where it lasts its period; a rolling period has no end.",
        "percentunit",
        rows_of(f"max by (budget) ({recorded(SPENT_RATIO)})"),
        rows_of(f"max by (budget) ({elapsed})"),
        rows_of(f"clamp_min(1 - max by (budget) ({recorded(SPENT_RATIO)}), 0)"),
        rows_of(
            f"clamp_min(max by (budget) ({recorded(LIMIT)}) - on (budget) max by (budget) ({recorded(SPENT)}), 0)"
        ),
        rows_of(until),
        rows_of(_burn("1h")),
        rows_of(_burn("6h")),
        rows_of(_burn("3d")),
        rows_of(f"max by (budget) ({recorded(LIMIT)})"),
        rows_of(f"1000 * max by (budget) ({recorded(END)} > time() + 60)"),
        columns={
            "budget": "Budget",
            "Value #A": "Spent",
            "Value #B": "Time passed",
            "Value #C": "Remaining",
            "Value #D": "Remaining CO2",
            "Value #E": "Lasts until",
            "Value #F": "Burn 1 h",
            "Value #G": "Burn 6 h",
            "Value #H": "Burn 3 d",
            "Value #I": "Limit",
            "Value #J": "Period ends",
        },
        units={
            "Remaining CO2": "massg",
            "Limit": "massg",
            "Lasts until": "dateTimeAsLocal",
            "Period ends": "dateTimeAsLocal",
            "Burn 1 h": "suffix:×",
            "Burn 6 h": "suffix:×",
            "Burn 3 d": "suffix:×",
        },
        decimals={"Spent": 0, "Time passed": 0, "Remaining": 0, "Burn 1 h": 2, "Burn 6 h": 2, "Burn 3 d": 2},
        thresholds={
            "Spent": steps((None, "green"), (0.8, "orange"), (1, "red")),
            "Burn 1 h": steps((None, "green"), (1, "orange"), (6, "red")),
            "Burn 6 h": steps((None, "green"), (1, "orange"), (3, "red")),
            "Burn 3 d": steps((None, "green"), (1, "orange"), (1.2, "red")),
        },
        links={"Budget": link("Open this budget", "gramwatt-budgets", budget="Budget")},
        sort_by="Spent",
        empty=NO_BUDGET,
        width=24,
        height=7,
    )


def _curves(page: dashboard.Dashboard) -> dashboard.Dashboard:
    elapsed = f"(time() - {recorded(START)}) / on (budget) {recorded(PERIOD)}"
    hourly = rate(_TOTAL, _CHOSEN, "1h")
    periods = f"clamp_min($__range_s / max by (budget) ({recorded(PERIOD)}), 1)"
    by_machine = f"sum by (budget, instance) ({gained(_TOTAL, _CHOSEN)})"
    return (
        page.with_panel(
            lines(
                "Spent against time",
                "Share of the limit that is spent, beside the share of the period that has passed: a "
                "budget above its dashed time will not last.",
                "percentunit",
                over_time(leading(4, recorded(SPENT_RATIO)), "{{budget}}"),
                over_time(
                    f"({elapsed}) and on (budget) ({leading(4, recorded(SPENT_RATIO))})", "{{budget}}: time"
                ),
                fill=0,
                dashed="/: time$/",
                thresholds=steps((None, "green"), (1, "red")),
                empty=NO_BUDGET_CURVE,
            )
        )
        .with_panel(
            lines(
                "Burn",
                "The speed of the last hour against the speed that spends exactly the budget, which is 1.",
                "suffix:×",
                over_time(
                    leading(
                        8,
                        f"sum by (budget) ({hourly}) / on (budget) ({_limit()} / on (budget) {recorded(PERIOD)})",
                    ),
                    "{{budget}}",
                ),
                decimals=2,
                thresholds=steps((None, "green"), (1, "orange")),
                empty=NO_BUDGET_CURVE,
            )
        )
        .with_panel(
            rows(
                "Who spends it",
                "What each machine added to each budget in the chosen time range, and its share of the limit; over "
                "several periods, of the limits of them all.",
                "massg",
                rows_of(f"topk(30, {by_machine} > 0)"),
                rows_of(
                    f"{by_machine} / on (budget) group_left () ({_limit()} * on (budget) {periods}) "
                    f"and on (budget, instance) topk(30, {by_machine} > 0)"
                ),
                columns={
                    "budget": "Budget",
                    "instance": "Machine",
                    "Value #A": "CO2",
                    "Value #B": "Of the limit",
                },
                units={"Of the limit": "percentunit"},
                decimals={"Of the limit": 1},
                links={"Machine": link("Open this machine", "gramwatt-machine", instance="Machine")},
                sort_by="CO2",
                empty=NO_BUDGET,
            )
        )
        .with_panel(
            lines(
                "Speed by machine",
                "What each machine adds to each budget. Budgets overlap: do not add their curves.",
                "suffix:g/h",
                over_time(
                    top(8, "budget, instance", f"3600 * {rate(_TOTAL, _CHOSEN)}", _TOTAL, _CHOSEN),
                    "{{budget}} by {{instance}}",
                ),
                colours=OTHER,
                empty=NO_BUDGET_CURVE,
                height=9,
            )
        )
    )
