"""Emission budgets: what is spent, how fast, and when it will be gone. Reads the recorded rules of all machines."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard

from prometheus.generator import burn

from .parts import bars, board, lines, now, over_time, rows, rows_of, select, steps, variable

CHOSEN = 'budget=~"$budget"'


def _recorded(name: str) -> str:
    return f"{name}{{{CHOSEN}}}"


def build() -> dashboard.Dashboard:
    """The dashboard ``gramwatt-budgets``."""
    spent, limit = _recorded(burn.SPENT), _recorded(burn.LIMIT)
    burns = [
        over_time(_recorded(burn.BURN.format(window)), f"{{{{budget}}}} over {window}")
        for window in ("1h", "1d", "3d")
    ]
    who = select("budget_emissions_grams_total", CHOSEN)
    return (
        board(
            "gramwatt-budgets",
            "Gramwatt / Emission budgets",
            "Emission budgets of all machines: a budget of one name is one budget everywhere.",
            "now-7d",
        )
        .with_variable(variable("budget", "Budget", "label_values(gramwatt_budget_limit_grams, budget)"))
        .with_row(dashboard.Row("Budgets"))
        .with_panel(
            bars(
                "Spent",
                "Emissions of the current period as a share of the limit.",
                "percentunit",
                now(_recorded(burn.SPENT_RATIO), "{{budget}}"),
                thresholds=steps((None, "green"), (0.8, "orange"), (1, "red")),
                maximum=1,
                width=12,
                height=9,
            )
        )
        .with_panel(
            rows(
                "State and forecast",
                "The forecast is the time at which the budget will be spent at the emissions of the last "
                f"{burn.FORECAST_WINDOW}. It is empty where that is further away than a whole period.",
                "massg",
                rows_of(f"max by (budget) ({spent})"),
                rows_of(f"max by (budget) ({limit})"),
                rows_of(f"max by (budget) ({_recorded(burn.START)}) * 1000"),
                rows_of(
                    f"max by (budget) ({_recorded(burn.EXHAUSTED)} < on (budget) "
                    f"(time() + {_recorded(burn.PERIOD)})) * 1000"
                ),
                columns={
                    "budget": "Budget",
                    "Value #A": "Spent",
                    "Value #B": "Limit",
                    "Value #C": "Period began",
                    "Value #D": "Forecast",
                },
                units={"Period began": "dateTimeAsIso", "Forecast": "dateTimeAsIso"},
                sort_by="Spent",
            )
        )
        .with_panel(
            lines(
                "Emissions in the current period",
                "What has been spent, and the limits.",
                "massg",
                over_time(spent, "{{budget}}"),
                over_time(limit, "{{budget}} limit"),
            )
        )
        .with_panel(
            lines(
                "Burn rate",
                "How fast budgets are being spent. 1 spends exactly the budget; short windows also follow the "
                "grid's daily curve.",
                "suffix: ×",
                *burns,
                decimals=2,
                thresholds=steps((None, "green"), (1, "orange")),
            )
        )
        .with_panel(
            lines(
                "Emissions by machine",
                "What each machine adds to the chosen budgets.",
                "suffix: g/h",
                over_time(f"3600 * sum by (instance) (rate({who}[$__rate_interval]))", "{{instance}}"),
                stacked=True,
                width=24,
            )
        )
    )
