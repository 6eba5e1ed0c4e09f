"""Users and projects: the bill of a period."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard, stat

from .boards import board, variable
from .common import COST, ENERGY, NO_EXPORTER, NO_ZONE
from .panels import OTHER, lines, link, now, number, over_time, rows, rows_of
from .queries import SCOPE, gained, last, once, percent, previous, rate, select, top, with_labels

_WHO = 'user=~"$user"'
_ENERGY = f"sum by (user) ({gained('user_energy_joules_total', _WHO)})"
_GRAMS = f"sum by (user) ({gained('user_emissions_grams_total', _WHO)})"
_BEFORE = previous(_ENERGY)
# Whether the range before was seen from its start: a change against half a month says nothing.
_KNOWN = f"count({select('build_info')} offset $__range)"
# What no user is charged for, as two more rows, so that the bill adds up to the machines.
_NOBODY = 'part=~"idle|unattributed"'


def build() -> dashboard.Dashboard:
    """The dashboard ``gramwatt-users``."""
    page = board(
        "gramwatt-users",
        "Gramwatt / Users and projects",
        "The bill of a period: energy, CO2 and money of every user and project, and the jobs that used most.",
        "now/M",
        refresh="5m",
    ).with_variable(
        variable(
            "user",
            "User",
            f"label_values(gramwatt_user_energy_joules_total{{{SCOPE}}}, user)",
            all_value=".*",
        )
    )
    return _jobs(_bill(page.with_panel(_verdict())))


def _price() -> str:
    """Money for a joule, as paid on average in the range."""
    return f"sum by (currency) ({COST}) / on () group_left () sum({ENERGY})"


def _verdict() -> stat.Panel:
    most = f"topk(1, {_ENERGY} > 0)"
    said = with_labels(f"{most} / 3600", share=percent("share", f"max({_ENERGY}) / sum({_ENERGY})"))
    return number(
        "Used most",
        "The user with the most energy in the chosen time range, and its share of all chosen users.",
        "watth",
        now(said, "by {{user}}: {{share}} % of what all chosen users used in this time range"),
        sentence=True,
        empty=NO_EXPORTER,
        width=24,
        height=3,
    )


def _bill(page: dashboard.Dashboard) -> dashboard.Dashboard:
    price = _price()
    curve = rate("user_energy_joules_total", _WHO)
    seven = top(7, "user", curve, "user_energy_joules_total", _WHO)
    return (
        page.with_panel(
            number(
                "Charged",
                "What the chosen users used in the chosen time range.",
                "watth",
                now(f"sum({_ENERGY}) / 3600", "energy"),
                now(f"sum({_GRAMS})", "CO2"),
                now(f"sum({_ENERGY}) * on () group_right () ({price})", "{{currency}}"),
                units={"B": "massg", "C": "short"},
                empty=NO_EXPORTER,
                width=12,
            )
        )
        .with_panel(
            number(
                "Charged to no user",
                "The idle machines, and what cannot be attributed. With the users it is all that the "
                "devices used.",
                "watth",
                now(
                    f"sum by (part) ({gained('device_energy_partition_joules_total', _NOBODY)}) / 3600",
                    "{{part}}",
                ),
                empty=NO_EXPORTER,
                width=12,
            )
        )
        .with_panel(
            rows(
                "Users",
                "The bill: energy, CO2, money at the price paid on average, share of all users, and the "
                "change against the time range before.",
                "watth",
                rows_of(f"({_ENERGY} > 0) / 3600"),
                rows_of(f"{_GRAMS} > 0"),
                rows_of(f"({_ENERGY} > 0) * on () group_left (currency) ({price})"),
                rows_of(f"({_ENERGY} > 0) / on () group_left () sum({_ENERGY})"),
                rows_of(f"({_ENERGY} > 0) / on (user) ({_BEFORE} > 0) - 1 and on () {previous(_KNOWN)}"),
                columns={
                    "user": "User",
                    "Value #A": "Energy",
                    "Value #B": "CO2",
                    "Value #C": "Cost",
                    "currency": "Currency",
                    "Value #D": "Share",
                    "Value #E": "Change",
                },
                units={"CO2": "massg", "Cost": "short", "Share": "percentunit", "Change": "percentunit"},
                decimals={"Share": 0, "Change": 0},
                links={"User": link("Runs of this user", "gramwatt-runs", user="User")},
                sort_by="Energy",
                empty="No user used anything in this time range.",
                height=11,
            )
        )
        .with_panel(
            lines(
                "Power by user",
                "The seven users with the most energy in the chosen time range, and all others together.",
                "watt",
                over_time(seven, "{{user}}"),
                over_time(f"sum({curve}) - sum({seven}) > 0.001 * sum({curve})", "other"),
                stacked=True,
                colours=OTHER,
                empty=NO_EXPORTER,
                height=11,
            )
        )
    )


def _jobs(page: dashboard.Dashboard) -> dashboard.Dashboard:
    price = _price()
    workload = "workload, kind, user"
    grams = f"sum by ({workload}) ({gained('workload_emissions_grams_total', _WHO)})"
    energy = f"sum by ({workload}) ({gained('workload_energy_joules_total', _WHO)})"
    projects = f"sum by (project) ({gained('project_energy_joules_total')}) > 0"
    runs = f"count by (project) (max by (window, project) ({last('window_project_info')}))"
    return (
        page.with_panel(
            rows(
                "Top jobs",
                "The twenty units, containers, pods, jobs and sessions that used most in the chosen time "
                "range.",
                "watth",
                rows_of(f"topk(20, {energy}) / 3600"),
                rows_of(f"{grams} and on ({workload}) topk(20, {energy})"),
                columns={
                    "workload": "Job",
                    "Value #A": "Energy",
                    "Value #B": "CO2",
                    "kind": "Kind",
                    "user": "User",
                },
                units={"CO2": "massg"},
                links={"User": link("Runs of this user", "gramwatt-runs", user="User")},
                sort_by="Energy",
                empty="No job ran in this time range.",
                height=11,
            )
        )
        .with_panel(
            rows(
                "Projects",
                "What recorded runs used in the chosen time range, by the project they name; money at the price "
                "paid on average. What was not recorded belongs to no project.",
                "watth",
                rows_of(f"({projects}) / 3600"),
                rows_of(f"sum by (project) ({gained('project_emissions_grams_total')}) > 0"),
                rows_of(f"({projects}) * on () group_left (currency) ({price})"),
                rows_of(f"{runs} and on (project) ({projects})"),
                columns={
                    "project": "Project",
                    "Value #A": "Energy",
                    "Value #B": "CO2",
                    "Value #C": "Cost",
                    "currency": "Currency",
                    "Value #D": "Runs",
                },
                units={"CO2": "massg", "Cost": "short", "Runs": "short"},
                links={"Project": link("Open the runs", "gramwatt-runs")},
                sort_by="Energy",
                empty="No run names its project. Try: "
                "gramwatt run --phase training --tag project=vision -- python train.py",
                height=11,
            )
        )
        .with_panel(
            lines(
                "CO2 by day",
                "What the chosen users emitted on each day.",
                "massg",
                over_time(
                    top(
                        8,
                        "user",
                        once(f"increase({select('user_emissions_grams_total', _WHO)}[1d])"),
                        "user_emissions_grams_total",
                        _WHO,
                    ),
                    "{{user}}",
                ),
                bars=True,
                stacked=True,
                interval="1d",
                beside=True,
                width=24,
                empty=NO_ZONE,
            )
        )
    )
