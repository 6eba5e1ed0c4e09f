"""The table of alerts that fire, as several dashboards show it."""

from __future__ import annotations

from grafana_foundation_sdk.builders.table import Panel

from .common import ALERTS, SEVERITIES
from .panels import link, rows, rows_of


def alerts_table() -> Panel:
    """One row for each alert, budget and machine."""
    return rows(
        "Alerts",
        "Gramwatt's alerts that fire now. What to do about each stands in docs/runbooks.",
        "short",
        rows_of(ALERTS),
        columns={
            "severity": "Severity",
            "alertname": "Alert",
            "instance": "Machine",
            "budget": "Budget",
        },
        colours={"Severity": SEVERITIES},
        hidden=["Value"],
        links={
            "Machine": link("Open this machine", "gramwatt-machine", instance="Machine"),
            "Budget": link("Open this budget", "gramwatt-budgets", budget="Budget"),
        },
        empty="No alert fires.",
        height=8,
    )
