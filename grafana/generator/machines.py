"""Machines: all of them in one table, and when each drew how much."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard, stat, table

from .boards import board
from .common import (
    COST,
    EMISSIONS,
    ENERGY,
    ENERGY_RATE,
    MEASURED_POWER,
    NO_EXPORTER,
    POWER,
    SIGMA,
)
from .panels import OTHER, heat, lines, link, now, number, over_time, rows, rows_of, steps
from .queries import GPU, as_label, gauge, last, percent, top, with_labels


def build() -> dashboard.Dashboard:
    """The dashboard ``gramwatt-machines``."""
    curve = top(7, "instance", ENERGY_RATE, "device_energy_joules_total")
    return (
        board(
            "gramwatt-machines",
            "Gramwatt / Machines",
            "Every machine: power, energy, CO2, money, how much of it is measured, and which are down.",
            "now-24h",
        )
        .with_panel(_verdict())
        .with_panel(_table())
        .with_panel(
            heat(
                "Machine by time",
                "What each machine drew over time; the forty that used most in the chosen time range.",
                "watt",
                over_time(top(40, "instance", ENERGY_RATE, "device_energy_joules_total"), "{{instance}}"),
                empty=NO_EXPORTER,
                width=12,
            )
        )
        .with_panel(
            lines(
                "Power by machine",
                "The seven machines that used most in the chosen time range, and all others together.",
                "watt",
                over_time(curve, "{{instance}}"),
                over_time(f"sum({ENERGY_RATE}) - sum({curve}) > 0.001 * sum({ENERGY_RATE})", "other"),
                stacked=True,
                colours=OTHER,
                empty=NO_EXPORTER,
                height=10,
            )
        )
    )


def _verdict() -> stat.Panel:
    power = f"sum by (instance) ({POWER})"
    most = f"topk(1, {power})"
    seen = f"group by (instance) ({last('snapshot_timestamp_seconds')})"
    said = with_labels(
        most,
        share=percent("share", f"max({power}) / sum({POWER})"),
        up=as_label("up", f"count(group by (instance) ({gauge('build_info')}))"),
        known=as_label("known", f"count({seen})"),
    )
    return number(
        "Draws most now",
        "The machine that draws most at this moment and its share of all, and how many of those of the chosen time "
        "range answer.",
        "watt",
        now(said, "{{instance}}, {{share}} % of all power; {{up}} of {{known}} machines answer"),
        sentence=True,
        empty=NO_EXPORTER,
        width=24,
        height=3,
    )


def _table() -> table.Panel:
    seen = f"max by (instance) ({last('snapshot_timestamp_seconds')})"
    power = f"sum by (instance) ({POWER})"
    answers = f"group by (instance) ({gauge('build_info')}) or 0 * {seen}"
    return rows(
        "Machines",
        "Power now, and energy, CO2 and money of the chosen time range. Down is a machine that no longer "
        "answers. Uncertainty is one sigma of its power.",
        "watt",
        rows_of(f"1000 * {seen}"),
        rows_of(answers),
        rows_of(power),
        rows_of(f"sum by (instance) ({gauge('idle_baseline_watts')})"),
        rows_of(f"sum by (instance) ({ENERGY}) / 3600"),
        rows_of(f"sum by (instance) ({EMISSIONS})"),
        rows_of(f"sum by (instance) ({COST})"),
        rows_of(f"(sum by (instance) ({MEASURED_POWER}) or 0 * {power}) / {power}"),
        rows_of(f"sum by (instance) ({SIGMA}) / {power}"),
        rows_of(f"count by (instance) (count by (instance, device) ({gauge('device_power_watts', GPU)}))"),
        columns={
            "instance": "Machine",
            "Value #B": "State",
            "Value #C": "Power",
            "Value #D": "Idle",
            "Value #E": "Energy",
            "Value #F": "CO2",
            "Value #G": "Cost",
            "Value #H": "Measured",
            "Value #I": "Uncertainty",
            "Value #J": "GPUs",
            "Value #A": "Last seen",
        },
        units={
            "Energy": "watth",
            "CO2": "massg",
            "Cost": "short",
            "Measured": "percentunit",
            "Uncertainty": "percentunit",
            "GPUs": "short",
            "Last seen": "dateTimeFromNow",
        },
        decimals={"Measured": 0, "Uncertainty": 0},
        colours={"State": {"1": ("up", "green"), "0": ("down", "red")}},
        thresholds={
            "Measured": steps((None, "orange"), (0.5, "yellow"), (0.9, "green")),
            "Uncertainty": steps((None, "green"), (0.1, "yellow"), (0.3, "orange")),
        },
        links={"Machine": link("Open this machine", "gramwatt-machine", instance="Machine")},
        sort_by="Power",
        empty=NO_EXPORTER,
        width=24,
        height=10,
    )
