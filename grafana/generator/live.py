"""Live: what draws the power at this moment."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard, timeseries

from .boards import board, marks
from .common import NO_EXPORTER, NO_RUNS, OTHER_POWER, PROCESS_POWER
from .panels import OTHER, PART_COLOURS, lines, link, over_time, rows, rows_of
from .queries import OPEN, gained, gauge, mean, rate, top

_ROW = "instance, pid, command, user, workload"
_HOTTEST = f"topk(50, sum by ({_ROW}) ({PROCESS_POWER}))"
NO_PROCESSES = "No process is listed. Set `process: {series: 50}` in exporter.yml"


def build() -> dashboard.Dashboard:
    """The dashboard ``gramwatt-live``."""
    page = marks(
        board(
            "gramwatt-live",
            "Gramwatt / Live",
            "Processes, workloads, users and runs by what they draw at this moment.",
            "now-15m",
            refresh="10s",
        )
    )
    emissions = gained("process_emissions_grams_total", 'pid!=""')
    page = page.with_panel(
        rows(
            "Processes",
            "The fifty processes that draw most at this moment; those without a PID are all others of a "
            "machine. The CO2 is what they caused in the chosen time range.",
            "watt",
            rows_of(f"{_HOTTEST} or sum by ({_ROW}) ({OTHER_POWER})"),
            rows_of(f"sum by ({_ROW}) ({emissions}) and on ({_ROW}) {_HOTTEST}"),
            columns={
                "command": "Command",
                "Value #A": "Power",
                "Value #B": "CO2",
                "user": "User",
                "workload": "Workload",
                "instance": "Machine",
                "pid": "PID",
            },
            units={"CO2": "massg"},
            links={
                "Machine": link("Open this machine", "gramwatt-machine", instance="Machine"),
                "User": link("Open this user", "gramwatt-users", user="User"),
            },
            sort_by="Power",
            empty=NO_PROCESSES,
            width=14,
            height=13,
        )
    ).with_panel(_stack())
    return _groups(page)


def _stack() -> timeseries.Panel:
    curve = rate("process_energy_joules_total", 'pid!=""')
    largest = top(8, "command, user", curve, "process_energy_joules_total", 'pid!=""')
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
        empty=NO_EXPORTER,
        width=10,
        height=13,
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
                empty=NO_RUNS,
                width=24,
                height=7,
            )
        )
    )
