"""Start: six questions, each with a number and a sentence; then what runs, what ran, and what is still to set up."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard, stat

from .alerts import alerts_table
from .boards import board
from .budgets import budget_verdict
from .common import (
    ADD_BUDGET,
    COST,
    DIRTIER_THAN,
    EMISSIONS,
    ENERGY,
    ENERGY_RATE,
    INTENSITY,
    MEASURED_POWER,
    NO_EXPORTER,
    NO_PROCESSES,
    NO_RUNS,
    NO_ZONE,
    POWER,
    PROCESS_POWER,
    SET_ZONE,
    SIGMA,
    intensity_said,
)
from .panels import COMPONENT_COLOURS, GRADES, lines, link, now, number, over_time, rows, rows_of, steps
from .queries import AVERAGE, METERED, SCOPE, THREE_HOURS, as_label, gauge, labelled, once, select, verdict

_TOTAL = f"sum({POWER})"
# The hour around this time of day on each of the last seven days.
_DAYS = " or ".join(
    labelled(
        f"sum({once(f'instance:gramwatt_device_energy_joules:rate1h{{{SCOPE}}} offset {24 * day - 1}h30m')})",
        "day",
        str(day),
    )
    for day in range(1, 8)
)
_LOW, _HIGH = f"min({_DAYS})", f"max({_DAYS})"


def build() -> dashboard.Dashboard:
    """The dashboard ``gramwatt-start``."""
    page = board(
        "gramwatt-start",
        "Gramwatt / Start",
        "What the machines draw, emit and cost now and today, what runs, and what is still to set up.",
        "now/d",
    )
    return _lists(_tiles(page))


def _tiles(page: dashboard.Dashboard) -> dashboard.Dashboard:
    return (
        page.with_panel(_power())
        .with_panel(_grid())
        .with_panel(
            number(
                "Used",
                "Energy, CO2 and money of all devices in the chosen time range: today, unless you choose "
                "another.",
                "watth",
                now(f"sum({ENERGY}) / 3600", "energy"),
                now(f"sum({EMISSIONS})", "CO2"),
                now(f"sum by (currency) ({COST})", "{{currency}}"),
                units={"B": "massg", "C": "short"},
                empty=NO_EXPORTER,
                width=8,
                height=5,
                to="gramwatt-footprint",
                same_time=True,
            )
        )
        .with_panel(budget_verdict(width=8, height=5, to="gramwatt-budgets"))
        .with_panel(_measured())
        .with_panel(
            number(
                "Top process",
                "The process that draws most at this moment, on which machine, and whose it is.",
                "watt",
                now(
                    f"topk(1, sum by (instance, pid, command, user) ({PROCESS_POWER}))",
                    "{{command}} ({{user}}) on {{instance}}",
                ),
                sentence=True,
                empty=NO_PROCESSES,
                width=8,
                height=5,
                to="gramwatt-live",
            )
        )
    )


def _power() -> stat.Panel:
    said = verdict(
        _TOTAL,
        [
            (f"> 1.1 * {_HIGH}", "more than usual for this hour"),
            (f"< 0.9 * {_LOW}", "less than usual for this hour"),
        ],
        "usual for this hour",
    )
    span = (
        f"{as_label('low', f'round({_LOW})')} * on () group_left (high) {as_label('high', f'round({_HIGH})')}"
    )
    return number(
        "Power now",
        "What all devices of the chosen machines draw, as the mean of the last sampling interval. Usual is "
        "the span of the same hour on the last seven days; a tenth beyond it is more or less.",
        "watt",
        now(f"({said}) * on () group_left (low, high) ({span})", "{{verdict}} ({{low}}–{{high}} W)"),
        now(f"{_TOTAL} unless on () {_LOW}", "no usual value yet: that takes a day of history"),
        sentence=True,
        empty=NO_EXPORTER,
        width=8,
        height=5,
        to="gramwatt-live",
    )


def _grid() -> stat.Panel:
    best = f"min by (grid_zone) ({gauge('grid_best_start_timestamp_seconds', THREE_HOURS)})"
    cleanest = f"min by (grid_zone) ({gauge('grid_best_intensity_grams_per_kilowatt_hour', THREE_HOURS)})"
    saved = f'count_values by (grid_zone) ("saved", round(100 * (1 - {cleanest} / {INTENSITY})))'
    return number(
        "Grid now",
        "Carbon intensity of the electricity at this moment, against the last seven days, and when the "
        "cleanest three hours of the forecast begin. Green is below 150 g/kWh, red above 450, about the "
        "mean of the world.",
        "suffix:g/kWh",
        now(intensity_said(INTENSITY, DIRTIER_THAN, AVERAGE), "{{said}}"),
        now(
            f"1000 * {best} * on (grid_zone) group_left (saved) {saved}",
            "cleanest 3 hours begin, {{saved}} % cleaner than now",
        ),
        sentence=True,
        units={"B": "time:ddd HH:mm"},
        decimals=0,
        thresholds=steps((None, "green"), (150, "yellow"), (450, "red"), (10000, "text")),
        empty=NO_ZONE,
        width=8,
        height=5,
        to="gramwatt-grid",
    )


def _measured() -> stat.Panel:
    share = f"(sum({MEASURED_POWER}) or 0 * {_TOTAL}) / {_TOTAL}"
    said = verdict(
        share,
        [
            ("== 0", "all of it estimated: no meter answers, see Machine"),
            ("< 0.9", "measured, the rest estimated"),
        ],
        "measured by sensors",
    )
    sigma = as_label("sigma", f"round(100 * sum({SIGMA}) / {_TOTAL})")
    return number(
        "Measured",
        "Share of the power that sensors measure, and one sigma of the power. The rest is the estimate of "
        "a model, good to about 50 %.",
        "percentunit",
        now(f"({said}) * on () group_left (sigma) {sigma}", "{{verdict}}; ±{{sigma}} %"),
        sentence=True,
        decimals=0,
        thresholds=steps((None, "orange"), (0.5, "yellow"), (0.9, "green")),
        empty=NO_EXPORTER,
        width=8,
        height=5,
        to="gramwatt-machines",
    )


def _lists(page: dashboard.Dashboard) -> dashboard.Dashboard:
    started = f"max by (window) ({gauge('window_start_timestamp_seconds')})"
    chosen = f"topk(5, {started})"
    info = f"max by (window, name, model, user) ({gauge('window_info')})"
    energy = f"max by (window, component) ({gauge('window_energy_joules_total')})"
    grams = f"max by (window, component) ({gauge('window_emissions_grams_total')})"
    grade = "topk by (window) (1, max by (window, grade) (gramwatt_grade_info))"
    return (
        page.with_panel(
            lines(
                "Power",
                "Processors, memory, graphics cards and the rest of the machines. They add up to the power "
                "above.",
                "watt",
                over_time(f"sum by (component) ({ENERGY_RATE})", "{{component}}"),
                stacked=True,
                colours=COMPONENT_COLOURS,
                empty=NO_EXPORTER,
                width=10,
            )
        )
        .with_panel(
            rows(
                "Drawing most now",
                "The five processes that draw most at this moment.",
                "watt",
                rows_of(f"topk(5, sum by (instance, pid, command, user, workload) ({PROCESS_POWER}))"),
                columns={
                    "command": "Command",
                    "Value": "Power",
                    "pid": "PID",
                    "user": "User",
                    "instance": "Machine",
                    "workload": "Workload",
                },
                widths={"Command": 130, "Power": 85, "PID": 80, "User": 95, "Machine": 140},
                links={"Machine": link("Open this machine", "gramwatt-machine", instance="Machine")},
                sort_by="Power",
                empty=NO_PROCESSES,
                width=14,
                height=8,
            )
        )
        .with_panel(
            rows(
                "Last runs",
                "The five runs that began last, of those that ended within a day, with their grades.",
                "joule",
                rows_of(f"1000 * {chosen} * on (window) group_right () {info}"),
                rows_of(f"sum by (window) ({energy}) and on (window) {chosen}"),
                rows_of(f"sum by (window) ({grams}) and on (window) {chosen}"),
                rows_of(f"{grade} and on (window) {chosen}"),
                columns={
                    "name": "Name",
                    "grade": "Grade",
                    "Value #B": "Energy",
                    "Value #C": "CO2",
                    "user": "User",
                    "Value #A": "Started",
                },
                hidden=["window", "model", "Value #D"],
                units={"Started": "dateTimeFromNow", "CO2": "massg"},
                colours={"Grade": GRADES},
                links={"Name": link("Open runs of this name", "gramwatt-runs", name="Name")},
                sort_by="Started",
                empty=NO_RUNS,
                height=8,
            )
        )
        .with_panel(alerts_table())
        .with_panel(
            rows(
                "Set up",
                "What Gramwatt can do here, and the command for what is missing.",
                "short",
                rows_of(_checklist()),
                columns={"Value": "State", "item": "What", "do": "How"},
                colours={"State": {"1": ("done", "green"), "0": ("to do", "orange")}},
                sort_by="State",
                ascending=True,
                width=24,
                height=8,
                empty=NO_EXPORTER,
            )
        )
    )


def _checklist() -> str:
    items = (
        ("An exporter answers", select("build_info"), "make up"),
        ("Power is measured", select("device_power_watts", METERED), "gramwatt-exporter sensors"),
        (
            "CO2 is known",
            select("grid_intensity_grams_per_kilowatt_hour"),
            SET_ZONE,
        ),
        (
            "A run was recorded",
            select("window_info"),
            "gramwatt run --name first --phase training -- python train.py",
        ),
        (
            "Runs are graded",
            "gramwatt_grade_info",
            "gramwatt run --name first --phase training --task image-classification --dataset mnist "
            "--value samples=60000 -- python train.py",
        ),
        ("A budget is set", select("budget_limit_grams"), ADD_BUDGET),
        (
            "Money is counted",
            select("energy_price_per_kilowatt_hour"),
            "echo 'price: {currency: EUR, per_kilowatt_hour: 0.30}' >> stack/exporter.yml",
        ),
    )
    return " or ".join(labelled(_item(found, how), "item", item) for item, found, how in items)


def _item(found: str, how: str) -> str:
    """1 where it is there; else 0 with the command for it."""
    there = f"clamp_max(count({found}) or vector(0), 1)"
    return f"({labelled(f'{there} == 0', 'do', how)} or on () {there})"
