"""Runs: what training runs and batches of requests used, emitted and were graded, per unit of their work."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard, stat, table
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

from . import work
from .boards import board, marks, variable
from .common import NO_RUNS, running
from .panels import COMPONENT_COLOURS, GRADES, lines, link, now, number, over_time, rows, rows_of
from .queries import (
    SCOPE,
    as_label,
    either,
    labelled,
    last,
    leading,
    percent,
    rate,
    select,
    sentence,
    with_labels,
)

_FILTERS = (
    ("name", "Name"),
    ("model", "Model"),
    ("task", "Task"),
    ("dataset", "Dataset"),
    ("phase", "Phase"),
    ("user", "User"),
)
# Labels that a run need not have: an empty one must match "All".
CHOSEN = ",".join(f'{name}=~"${name}"' for name, _ in _FILTERS)
_DEVICE = 'component=~"$component"'
_PROJECT = 'project=~"$project"'
_INFO = work.of_project(work.info(CHOSEN), last("window_project_info", _PROJECT))
_INFO_NOW = work.of_project(select("window_info", CHOSEN), select("window_project_info", _PROJECT))
_KNOWN = f"group by (window) ({_INFO})"
NO_GRADE = (
    "No run of this time range was graded. One is graded that names its task and data set and records its work: "
    "gramwatt run --name first --phase training --task image-classification --dataset mnist --value samples=60000 "
    "-- python train.py"
)
NO_POWER = (
    "No run was open for long enough to be drawn in this time range. Choose a shorter one, or record one: gramwatt run "
    "--name test --phase training -- python train.py"
)
NO_WORK = (
    "No run recorded its work. Try: gramwatt run --phase training --value samples=60000 -- python train.py"
)


def build() -> dashboard.Dashboard:
    """The dashboard ``gramwatt-runs``."""
    page = board(
        "gramwatt-runs",
        "Gramwatt / Runs",
        "Recorded training runs and batches of requests: energy and CO2 per unit of work, grades, and what "
        "they paid.",
        "now-7d",
        refresh="1m",
    )
    for name, label in _FILTERS:
        query = f"label_values(gramwatt_window_info{{{SCOPE}}}, {name})"
        page = page.with_variable(variable(name, label, query, all_value=".*"))
    projects = f"label_values(gramwatt_window_project_info{{{SCOPE}}}, project)"
    page = page.with_variable(variable("project", "Project", projects, all_value=".*"))
    devices = f"label_values(gramwatt_window_energy_joules_total{{{SCOPE}}}, component)"
    page = page.with_variable(variable("component", "Device", devices))
    page = page.with_variable(
        dashboard.TextBoxVariable("labeler")
        .label("Labeler's address")
        .default_value("http://127.0.0.1:10045")
    )
    return _curves(marks(page).with_panel(_verdict()).with_panel(_table()))


def _chosen(expr: str) -> str:
    return f"{expr} and on (window) {_KNOWN}"


def _verdict() -> stat.Panel:
    energy = f"({_chosen(work.energy(_DEVICE))})"
    named = f"on (window) group_left (name) max by (window, name) ({_INFO})"
    outer = work.outermost(_INFO, _KNOWN)
    whole = f"({work.energy(_DEVICE)} and on (window) {outer})"
    most = with_labels(
        f"topk(1, {whole}) * {named}",
        share=percent("share", f"max({whole}) / sum({whole})"),
        count=as_label("count", f"count({outer})"),
    )
    requests = f"({work.of_key('requests')} > 0)"
    last_one = f"topk(1, {_chosen(work.start())} and on (window) {requests})"
    grams = f"1000 * {work.grams()} / on (window) {requests} and on (window) {last_one}"
    amounts = (("g", f"round({grams} >= 1, 0.01)"), ("mg", f"round(1000 * ({grams} < 1), 0.001)"))
    priced = either(
        *(labelled(f'count_values by (window) ("amount", {value})', "mass", mass) for mass, value in amounts)
    )
    call = f"{energy} / on (window) {requests} and on (window) {last_one}"
    return number(
        "In short",
        "What one call cost in the last run that counted its requests, and the run with the most energy of those "
        "chosen. A run inside another one, such as an epoch, counts with that one.",
        "joule",
        now(
            either(
                sentence(
                    f"(({call}) * on (window) group_left (amount, mass) ({priced})) * {named}",
                    "for one call of",
                    "name",
                    "and",
                    "amount",
                    "",
                    "mass",
                    "CO2 for 1,000 calls",
                ),
                sentence(f"({call}) * {named} unless on () count({priced})", "for one call of", "name"),
                sentence(most, "by", "name", "which used most:", "share", "% of all", "count", "runs"),
            ),
            "{{said}}",
        ),
        sentence=True,
        empty=NO_RUNS,
        width=24,
        height=3,
    )


def _table() -> table.Panel:
    energy = work.energy(_DEVICE)
    grade = f"topk by (window) (1, max by (window, scale, grade, span) ({_graded('grade_info')}))"
    calls = f"1000 * {work.grams()} / on (window) ({work.of_key('requests')} > 0)"
    label = DynamicConfigValue(
        "links",
        [
            {
                "title": "Open its label",
                "url": '${labeler}/labels/${__data.fields["Window"]:percentencode}',
                "targetBlank": False,
            }
        ],
    )
    return rows(
        "Runs",
        "Recorded runs of the chosen time range. Per unit is for one sample, token or request, whichever "
        "the run recorded. Paid is the mean intensity of the grid while it ran. May be: the letters that "
        "its uncertainty reaches.",
        "joule",
        rows_of(f"max by (window, name, phase, model, user) ({_INFO})"),
        rows_of(_chosen(f"1000 * {work.start()}")),
        rows_of(_chosen(work.duration())),
        rows_of(_chosen(energy)),
        rows_of(_chosen(work.grams())),
        rows_of(_chosen(f"max by (window) ({last('window_uncertainty_ratio')})")),
        rows_of(_chosen(grade)),
        rows_of(_chosen(work.per_unit(energy))),
        rows_of(_chosen(work.per_unit(work.grams()))),
        rows_of(_chosen(calls)),
        rows_of(_chosen(f"{energy} / on (window) {work.duration()}")),
        rows_of(_chosen(work.gpu_share())),
        rows_of(_chosen(f"3.6e6 * {work.grams()} / on (window) ({work.energy()} > 0)")),
        columns={
            "name": "Name",
            "grade": "Grade",
            "span": "May be",
            "Value #H": "Per unit",
            "unit": "Unit",
            "Value #D": "Energy",
            "Value #I": "CO2 per unit",
            "Value #J": "CO2 per 1,000 calls",
            "Value #E": "CO2",
            "Value #K": "Mean power",
            "Value #L": "On GPU",
            "Value #C": "Duration",
            "Value #M": "Paid",
            "Value #F": "Uncertainty",
            "model": "Model",
            "phase": "Phase",
            "user": "User",
            "Value #B": "Started",
            "window": "Window",
            "scale": "Scale",
        },
        hidden=["Value #A", "Value #G"],
        units={
            "CO2 per unit": "massg",
            "CO2 per 1,000 calls": "massg",
            "CO2": "massg",
            "Mean power": "watt",
            "On GPU": "percentunit",
            "Duration": "s",
            "Paid": "suffix:g/kWh",
            "Uncertainty": "percentunit",
            "Started": "dateTimeAsLocal",
        },
        decimals={"On GPU": 0, "Paid": 0, "Uncertainty": 0},
        colours={"Grade": GRADES},
        links={
            "Name": link("Compare with another run", "gramwatt-compare", run_a="Name"),
            "User": link("Open this user", "gramwatt-users", user="User"),
            "Window": label,
        },
        sort_by="Started",
        empty=NO_RUNS,
        width=24,
        height=13,
    )


def _graded(metric: str) -> str:
    """Grades come from the labeler, another job, which the choice of machines does not select."""
    return f"last_over_time(gramwatt_{metric}[$__range])"


def _curves(page: dashboard.Dashboard) -> dashboard.Dashboard:
    name = f"on (window) group_left (name) max by (window, name) ({_INFO_NOW})"
    energy = f"sum by (window) ({rate('window_energy_joules_total', _DEVICE)} {running('window')})"
    components = rate("window_energy_joules_total", _DEVICE)
    known = f"max by (window) ({_INFO_NOW})"
    # The value of a run stands from its end on for as long as the exporter keeps it: a day.
    per_unit = f"max by (name, unit) (max by (window, unit) (gramwatt_grade_energy_per_unit_joules) * {name})"
    return (
        page.with_panel(
            lines(
                "Energy per unit over time",
                "Joules for one sample, token or request, by the name of the run, as the labeler graded "
                "it: falling is better.",
                "joule",
                over_time(leading(8, per_unit), "{{name}} per {{unit}}"),
                empty=NO_GRADE,
            )
        )
        .with_panel(
            lines(
                "Power of runs",
                "What the eight largest open runs draw. A curve ends where its run does.",
                "watt",
                over_time(leading(8, f"sum by (window, name) ({energy} * {name})"), "{{name}} {{window}}"),
                empty=NO_POWER,
            )
        )
        .with_panel(
            lines(
                "Power by device",
                "All chosen runs together, by component.",
                "watt",
                over_time(
                    f"sum by (component) ({components} {running('window')} and on (window) {known})",
                    "{{component}}",
                ),
                stacked=True,
                colours=COMPONENT_COLOURS,
                empty=NO_POWER,
                width=8,
            )
        )
        .with_panel(
            rows(
                "Recorded values",
                "What the owners of runs recorded: samples, tokens, requests, accuracy and the like.",
                "short",
                rows_of(
                    f"max by (window, key) ({last('window_value')}) * on (window) group_left (name) "
                    f"max by (window, name) ({_INFO})"
                ),
                columns={"name": "Name", "key": "Recorded", "Value": "Value", "window": "Window"},
                links={"Name": link("Compare with another run", "gramwatt-compare", run_a="Name")},
                sort_by="Window",
                empty=NO_WORK,
                width=8,
                height=8,
            )
        )
        .with_panel(
            rows(
                "Not graded",
                "Finished runs without a grade, and what they lack.",
                "short",
                rows_of(
                    f"max by (window, name, reason) ({_graded('grade_refused_info')} "
                    f"unless on (window, scale) {_graded('grade_info')}) and on (window) {_KNOWN}"
                ),
                columns={"name": "Name", "reason": "Why", "window": "Window"},
                hidden=["Value"],
                links={"Name": link("Only runs of this name", "gramwatt-runs", name="Name")},
                empty="Every finished run has its grade.",
                width=8,
                height=8,
            )
        )
    )
