"""Recorded windows: what training runs and batches of requests used, emitted and were graded."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard, table

from .parts import COMPONENT_COLOURS, board, lines, over_time, rows, rows_of, select, variable

GRADES = {
    "A": ("A", "green"),
    "B": ("B", "green"),
    "C": ("C", "yellow"),
    "D": ("D", "yellow"),
    "E": ("E", "orange"),
    "F": ("F", "red"),
    "G": ("G", "red"),
}

# A finished window leaves the exporter after a day; within the time range its last values still count.
INFO = f"last_over_time({select('window_info')}[$__range])"
KNOWN = f"group by (window) ({INFO})"


def _last(metric: str, labels: str = "") -> str:
    return f"last_over_time({select(metric, labels)}[$__range])"


def window_table(*, width: int, height: int) -> table.Panel:
    """Every window of the time range with its energy, emissions, duration and grade."""
    start, end = _last("window_start_timestamp_seconds"), _last("window_end_timestamp_seconds")
    # Grades come from the labeler, another job: they are limited to the windows of the chosen machines.
    grade = (
        "max by (window, scale, grade, span) (last_over_time(gramwatt_grade_info[$__range])) "
        f"and on (window) {KNOWN}"
    )
    return rows(
        "Windows",
        "Recorded training runs and batches of requests in the chosen time range, with their grades and the "
        "letters that the uncertainty reaches. "
        "Duration is empty while a window is open.",
        "short",
        rows_of(f"max by (window, name, phase, model, user) ({INFO})"),
        rows_of(f"max by (window) ({start}) * 1000"),
        rows_of(f"max by (window) ({end}) - max by (window) ({start})"),
        # max first: an exporter that moved to another address publishes the same window twice
        rows_of(f"sum by (window) (max by (window, component) ({_last('window_energy_joules_total')}))"),
        rows_of(f"sum by (window) (max by (window, component) ({_last('window_emissions_grams_total')}))"),
        rows_of(f"max by (window) ({_last('window_uncertainty_ratio')})"),
        rows_of(grade),
        columns={
            "name": "Name",
            "phase": "Phase",
            "model": "Model",
            "user": "User",
            "grade": "Grade",
            "span": "May be",
            "scale": "Scale",
            "Value #D": "Energy",
            "Value #E": "CO2",
            "Value #C": "Duration",
            "Value #F": "Uncertainty",
            "Value #B": "Started",
            "window": "Window",
        },
        hidden=["Value #A", "Value #G"],
        units={
            "Started": "dateTimeAsIso",
            "Duration": "s",
            "Energy": "joule",
            "CO2": "massg",
            "Uncertainty": "percentunit",
        },
        colours={"Grade": GRADES},
        sort_by="Started",
        width=width,
        height=height,
    )


def build() -> dashboard.Dashboard:
    """The dashboard ``gramwatt-windows``."""
    chosen = 'window=~"$window"'
    energy = select("window_energy_joules_total", chosen)
    emissions = select("window_emissions_grams_total", chosen)
    cpu = select("window_cpu_seconds_total", chosen)
    name = f"on (job, instance, window) group_left (name) {select('window_info', chosen)}"
    known = f"group by (window) (last_over_time({select('window_info', chosen)}[$__range]))"
    return (
        board(
            "gramwatt-windows",
            "Gramwatt / Windows and grades",
            "Energy, CO2 and efficiency grades of recorded training runs and batches of requests.",
            "now-24h",
        )
        .with_variable(
            variable(
                "window",
                "Window",
                'label_values(gramwatt_window_info{job=~"$job",instance=~"$instance"}, window)',
            )
        )
        .with_row(dashboard.Row("All windows"))
        .with_panel(window_table(width=24, height=11))
        .with_row(dashboard.Row("Chosen windows"))
        .with_panel(
            lines(
                "Power of windows",
                "What the process tree of each window draws, all components together.",
                "watt",
                over_time(
                    f"sum by (window, name) (rate({energy}[$__rate_interval]) * {name})",
                    "{{name}} {{window}}",
                ),
            )
        )
        .with_panel(
            lines(
                "Power by component",
                "All chosen windows together.",
                "watt",
                over_time(f"sum by (component) (rate({energy}[$__rate_interval]))", "{{component}}"),
                stacked=True,
                colours=COMPONENT_COLOURS,
            )
        )
        .with_panel(
            lines(
                "CO2 of windows",
                "Grams since each window began.",
                "massg",
                over_time(f"sum by (window, name) ({emissions} * {name})", "{{name}} {{window}}"),
            )
        )
        .with_panel(
            lines(
                "Processors in use",
                "CPU seconds per second of each window: 2 is two processor cores at work.",
                "short",
                over_time(
                    f"sum by (window, name) (rate({cpu}[$__rate_interval]) * {name})",
                    "{{name}} {{window}}",
                ),
            )
        )
        .with_panel(
            rows(
                "Efficiency index",
                "Energy per unit of work against the reference of the scale, as the labeler graded it: "
                "below 1 is better than the reference.",
                "short",
                rows_of(
                    "max by (window, scale) (last_over_time(gramwatt_efficiency_index[$__range])) "
                    f"and on (window) {known}"
                ),
                rows_of(
                    "max by (window, scale, grade) (last_over_time(gramwatt_grade_info[$__range])) "
                    f"and on (window) {known}"
                ),
                columns={"window": "Window", "scale": "Scale", "grade": "Grade", "Value #A": "Index"},
                hidden=["Value #B"],
                colours={"Grade": GRADES},
                sort_by="Index",
                width=8,
            )
        )
        .with_panel(
            rows(
                "Recorded values",
                "What the owners of windows recorded: samples, tokens, requests, accuracy and the like.",
                "short",
                rows_of(f"max by (window, key) (last_over_time({select('window_value', chosen)}[$__range]))"),
                columns={"window": "Window", "key": "Recorded", "Value": "Value"},
                width=8,
            )
        )
        .with_panel(
            rows(
                "Not graded",
                "Finished windows without a grade, and what they lack.",
                "short",
                rows_of(
                    "max by (window, name, reason) (last_over_time(gramwatt_grade_refused_info[$__range]) "
                    "unless on (window, scale) last_over_time(gramwatt_grade_info[$__range])) "
                    f"and on (window) {known}"
                ),
                columns={"window": "Window", "name": "Name", "reason": "Why"},
                hidden=["Value"],
                nothing="Every finished window has its grade.",
                width=8,
            )
        )
    )
