"""Live: what draws the power at this moment."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard, stat, table, timeseries

from .boards import board, learned, marks
from .common import NO_EXPORTER, NO_PROCESSES, OTHER_POWER, POWER, PROCESS_POWER
from .panels import OTHER, PART_COLOURS, lines, link, now, number, over_time, rows, rows_of, trend_of
from .queries import (
    CPU,
    LISTED,
    OPEN,
    at_end,
    gained,
    gauge,
    mean,
    once,
    percent,
    rate,
    select,
    top,
    with_labels,
)

_ROW = "instance, pid, command, user, workload"
_POWER_OF_ROWS = f"sum by ({_ROW}) ({PROCESS_POWER})"
_HOTTEST = f"topk(50, {_POWER_OF_ROWS})"
# PIDs of the hottest, and commands of those that used most: ranges are read of these, not of a fleet's thousands.
_THESE = 'pid!="",pid=~"$hottest"'
_LARGEST = 'pid!="",command=~"$largest"'
_USED = once(f"increase({select('process_energy_joules_total', LISTED)}[$__range])")


def build() -> dashboard.Dashboard:
    """The dashboard ``gramwatt-live``."""
    page = board(
        "gramwatt-live",
        "Gramwatt / Live",
        "Processes, workloads, users and runs by what they draw at this moment.",
        "now-15m",
        refresh="10s",
    )
    page = page.with_variable(
        learned("hottest", "Hottest processes", _HOTTEST, r'/pid="([0-9]+)"/')
    ).with_variable(
        learned(
            "largest",
            "Largest commands",
            f"topk(8, sum by (command, user) ({_USED}))",
            r'/command="([^"]*)"/',
        )
    )
    page = marks(page).with_panel(_verdict()).with_panel(_processes()).with_panel(_stack())
    return _groups(page)


def _verdict() -> stat.Panel:
    most = f"topk(1, sum by (instance, pid, command, user) ({PROCESS_POWER}))"
    return number(
        "Draws most now",
        "The process that draws most at this moment, on which machine, whose it is, and its share of the power "
        "of all chosen machines.",
        "watt",
        now(
            with_labels(most, share=percent("share", f"max({most}) / sum({POWER})")),
            "{{command}} ({{user}}) on {{instance}}, {{share}} % of all power",
        ),
        sentence=True,
        empty=NO_PROCESSES,
        width=24,
        height=3,
    )


def _processes() -> table.Panel:
    emissions = gained("process_emissions_grams_total", _THESE)
    curves = f"sum by ({_ROW}) ({gauge('process_power_watts', _THESE)})"
    kinds = f"group by (instance, workload, user, kind) ({gauge('workload_energy_joules_total', CPU)})"
    here = f"on (instance, workload, user) {_HOTTEST}"
    runs = f"group by ({_ROW}, window) ({gauge('process_window_info', LISTED)})"
    names = f"on (window) group_left (name) max by (window, name) ({gauge('window_info')})"
    return rows(
        "Processes",
        "The fifty processes that draw most at this moment; those without a PID are all others of a "
        "machine. The curve is their power and the CO2 what they caused, both in the chosen time range.",
        "watt",
        rows_of(f"{_HOTTEST} or sum by ({_ROW}) ({OTHER_POWER})"),
        trend_of(f"{curves} and on ({_ROW}) ({at_end(_HOTTEST)})"),
        rows_of(f"sum by ({_ROW}) ({emissions}) and on ({_ROW}) {_HOTTEST}"),
        rows_of(f"topk by (instance, workload, user) (1, {kinds}) and {here}"),
        rows_of(f"{runs} * {names} and on ({_ROW}) {_HOTTEST}"),
        columns={
            "command": "Command",
            "Value #A": "Power",
            "Trend #B": "Curve",
            "Value #C": "CO2",
            "user": "User",
            "workload": "Workload",
            "kind": "Kind",
            "name": "Run",
            "instance": "Machine",
            "pid": "PID",
        },
        hidden=["Value #B", "Value #D", "Value #E", "window"],
        units={"CO2": "massg"},
        links={
            "Machine": link("Open this machine", "gramwatt-machine", instance="Machine"),
            "User": link("Open this user", "gramwatt-users", user="User"),
            "Run": link("Open runs of this name", "gramwatt-runs", name="Run"),
        },
        sort_by="Power",
        trends="B",
        empty=NO_PROCESSES,
        width=24,
        height=13,
    )


def _stack() -> timeseries.Panel:
    largest = top(
        8,
        "command, user",
        rate("process_energy_joules_total", _LARGEST),
        "process_energy_joules_total",
        _LARGEST,
    )
    busy = rate("device_energy_partition_joules_total", 'part=~"live|exited"')
    rest = rate("device_energy_partition_joules_total", 'part=~"idle|unattributed"')
    return lines(
        "Where the power goes",
        "The eight processes that used most in the chosen time range, all others, the idle machine, and "
        "what no process can be charged for. Together they are the power of the machines.",
        "watt",
        over_time(largest, "{{command}} ({{user}})"),
        over_time(f"clamp_min(sum({busy}) - (sum({largest}) or vector(0)), 0)", "other"),
        over_time(f"sum by (part) ({rest})", "{{part}}"),
        stacked=True,
        colours=OTHER | PART_COLOURS,
        beside=True,
        empty=NO_EXPORTER,
        width=24,
        height=11,
    )


def _groups(page: dashboard.Dashboard) -> dashboard.Dashboard:
    workload = "workload, kind, user"
    drawing = f"topk(30, sum by ({workload}) ({mean('workload_energy_joules_total')}) > 0)"
    user_now = f"sum by (user) ({mean('user_energy_joules_total')})"
    used = f"sum by (user) ({gained('user_energy_joules_total')})"
    opened = f"max by (window) ({gauge('window_state', OPEN)} == 1)"
    info = f"max by (window, name, phase, model, user) ({gauge('window_info')})"
    started = f"max by (window) ({gauge('window_start_timestamp_seconds')})"
    energy = f"sum by (window) (max by (window, component) ({gauge('window_energy_joules_total')}))"
    drawn = f"sum by (window) (max by (window, component) ({mean('window_energy_joules_total')}))"
    return (
        page.with_panel(
            rows(
                "Workloads",
                "Units, containers, pods, jobs and sessions, their ended processes included: the mean of "
                "the last five minutes, or since they began, and what they used in the chosen time range.",
                "watt",
                rows_of(drawing),
                rows_of(
                    f"sum by ({workload}) ({gained('workload_energy_joules_total')}) / 3600 "
                    f"and on ({workload}) {drawing}"
                ),
                rows_of(
                    f"sum by ({workload}) ({gained('workload_emissions_grams_total')}) and on ({workload}) {drawing}"
                ),
                columns={
                    "workload": "Workload",
                    "Value #A": "Power",
                    "Value #B": "Energy",
                    "Value #C": "CO2",
                    "kind": "Kind",
                    "user": "User",
                },
                units={"Energy": "watth", "CO2": "massg"},
                links={"User": link("Open this user", "gramwatt-users", user="User")},
                sort_by="Power",
                empty="No workload draws anything now.",
                width=14,
                height=11,
            )
        )
        .with_panel(
            rows(
                "Users",
                "Everything a user runs: the mean of the last five minutes, and what it used in the chosen "
                "time range.",
                "watt",
                rows_of(f"{user_now} and on (user) ({used} > 0)"),
                rows_of(f"({used} > 0) / 3600"),
                columns={"user": "User", "Value #A": "Power", "Value #B": "Energy"},
                units={"Energy": "watth"},
                links={"User": link("Open this user", "gramwatt-users", user="User")},
                sort_by="Power",
                empty="No process used anything in this time range.",
                width=10,
                height=11,
            )
        )
        .with_panel(
            rows(
                "Runs in progress",
                "Recorded runs that are open: the mean power of the last five minutes, and the energy so "
                "far.",
                "watt",
                rows_of(f"{drawn} * on (window) group_right () ({info} and on (window) {opened})"),
                rows_of(f"{energy} and on (window) {opened}"),
                rows_of(f"1000 * {started} and on (window) {opened}"),
                columns={
                    "name": "Name",
                    "Value #A": "Power",
                    "Value #B": "Energy",
                    "user": "User",
                    "model": "Model",
                    "phase": "Phase",
                    "Value #C": "Started",
                },
                hidden=["window"],
                units={"Energy": "joule", "Started": "dateTimeAsLocal"},
                links={"Name": link("Open runs of this name", "gramwatt-runs", name="Name")},
                sort_by="Power",
                empty="No run is open now. Record one: gramwatt run --name test --phase training -- python train.py",
                width=24,
                height=5,
            )
        )
    )
