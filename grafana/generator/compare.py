"""Compare two runs: which was more efficient, and why."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard, table, trend
from grafana_foundation_sdk.models.dashboard import VariableHide, VariableOption, VariableRefresh

from . import work
from .boards import DATASOURCE, board, one_of
from .common import running
from .panels import GRADES, link, now, number, over_time, rows, rows_of, since, steps
from .queries import (
    FINISHED,
    OPEN,
    as_label,
    at_end,
    labelled,
    last,
    once,
    rate,
    select,
    verdict,
)

NOTHING = (
    "Choose two runs above that are in this time range. Record one: gramwatt run --name test --phase training "
    "-- python train.py"
)
NO_WORK = (
    "One of the runs recorded no work. Try: "
    "gramwatt run --phase training --value samples=60000 -- python train.py"
)


def _latest(variable: str) -> str:
    """The last run of a name, as a vector of its window."""
    matcher = f'name="${variable}"'
    return f"topk(1, {work.start()} and on (window) {last('window_info', matcher)})"


_A, _B = _latest("run_a"), _latest("run_b")
_BOTH = f"({_A} or {_B})"
_NAME = r'/^\{name="(.*)"\} /'
_ACROSS = "Seconds since the start"
# The start of A less that of B: by this B's curve is moved, so that both begin together.
# An offset of nothing is an error to Prometheus, so that it is at least a second.
_BETWEEN = f"round(max({_A}) - max({_B}))"
_SHIFT = f"query_result({_BETWEEN} + ({_BETWEEN} == bool 0) or vector(1))"


def build() -> dashboard.Dashboard:
    """The dashboard ``gramwatt-compare``."""
    names = f"query_result({_names()})"
    page = (
        board(
            "gramwatt-compare",
            "Gramwatt / Compare two runs",
            "Two recorded runs side by side, each the last of its name: which did more with less, and why.",
            "now-24h",
            refresh="1m",
        )
        .with_variable(one_of("run_a", "Run A", names, _NAME))
        .with_variable(one_of("run_b", "Run B", names, _NAME))
        .with_variable(
            dashboard.QueryVariable("shift")
            .label("Shift")
            .query(_SHIFT)
            .regex("/ (-?[0-9]+) [0-9.]+$/")
            .datasource(DATASOURCE)
            .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
            .hide(VariableHide.HIDE_VARIABLE)
            .multi(False)
            .include_all(False)
            .current(VariableOption(selected=True, text="1", value="1"))
        )
    )
    return _sentences(page).with_panel(_table()).with_panel(_curves())


def _names() -> str:
    """The names of runs, those with recorded work first, of both the newest first: the first two are compared."""
    named = f"on (window) group_left (name) max by (window, name) ({work.info()})"
    newest = f"max by (name) ({work.start()} * {named})"
    worked = f"max by (name) (({work.start()} and on (window) {work.work()}) * {named})"
    return f"sort_desc(({worked} + 1e10) or {newest})"


def _of(amount: str, run: str) -> str:
    return f"sum({amount} and on (window) {run})"


def _change(amount: str) -> str:
    """How much more B has than A, as a ratio. Both are without labels."""
    return f"({_of(amount, _B)} / {_of(amount, _A)} - 1)"


def _sentences(page: dashboard.Dashboard) -> dashboard.Dashboard:
    power = f"({work.energy()} / on (window) {work.duration()})"
    seconds = work.per_unit(work.duration())
    paid = f"({work.grams()} / on (window) ({work.energy()} > 0))"
    joules = _change(work.per_unit(work.energy()))
    grams = _change(work.per_unit(work.grams()))

    def percent(name: str, amount: str) -> str:
        """In percent of A, with its sign."""
        found = as_label(name, f"round(100 * {_change(amount)})")
        return f'label_replace({found}, "{name}", "+$1", "{name}", "([1-9].*)")'

    cases = [("< -0.005", "less energy per unit than"), ("> 0.005", "more energy per unit than")]
    energy = verdict(joules, cases, "as much energy per unit as")
    cases = [("< -0.005", "less per unit than"), ("> 0.005", "more per unit than")]
    emitted = verdict(grams, cases, "as much per unit as")
    why = f"{percent('power', power)} * on () group_left (time) {percent('time', seconds)}"
    why_grams = (
        f"{percent('energy', work.per_unit(work.energy()))} * on () group_left (paid) {percent('paid', paid)}"
    )
    return page.with_panel(
        number(
            "Energy",
            "Joules per unit of work are mean power times seconds per unit: which of the two made the "
            "difference, in percent of A.",
            "percentunit",
            now(
                f"({energy}) * on () group_left (power, time) ({why})",
                "$run_b used {{verdict}} $run_a: power {{power}} %, time per unit {{time}} %",
            ),
            sentence=True,
            decimals=0,
            thresholds=steps((None, "green"), (-0.005, "text"), (0.005, "orange")),
            empty=NO_WORK,
            width=12,
            height=5,
        )
    ).with_panel(
        number(
            "CO2",
            "Grams per unit of work are joules per unit times the intensity of the grid while the run ran, "
            "in percent of A.",
            "percentunit",
            now(
                f"({emitted}) * on () group_left (energy, paid) ({why_grams})",
                "$run_b emitted {{verdict}} $run_a: energy per unit {{energy}} %, grid {{paid}} %",
            ),
            sentence=True,
            decimals=0,
            thresholds=steps((None, "green"), (-0.005, "text"), (0.005, "orange")),
            empty=NO_WORK,
            width=12,
            height=5,
        )
    )


def _table() -> table.Panel:
    info = f"max by (window, name, model, user) ({last('window_info')})"
    grade = "topk by (window) (1, max by (window, grade) (last_over_time(gramwatt_grade_info[$__range])))"

    def both(expr: str) -> str:
        return f"{expr} and on (window) {_BOTH}"

    sides = " or ".join(
        labelled(f"{info} and on (window) {run}", "run", side) for side, run in (("A", _A), ("B", _B))
    )
    return rows(
        "Side by side",
        "The last run of each name. Work is what its owner recorded; paid is the mean intensity of the "
        "grid while it ran.",
        "joule",
        rows_of(sides),
        rows_of(both(work.energy())),
        rows_of(both(work.work())),
        rows_of(both(work.per_unit(work.energy()))),
        rows_of(both(f"{work.energy()} / on (window) {work.duration()}")),
        rows_of(both(work.duration())),
        rows_of(both(work.per_unit(work.duration()))),
        rows_of(both(f"3.6e6 * {work.grams()} / on (window) ({work.energy()} > 0)")),
        rows_of(both(work.per_unit(work.grams()))),
        rows_of(both(work.gpu_share())),
        rows_of(both(f"max by (window) ({last('window_uncertainty_ratio')})")),
        rows_of(both(grade)),
        columns={
            "run": "Run",
            "name": "Name",
            "grade": "Grade",
            "Value #B": "Energy",
            "Value #C": "Work",
            "unit": "Unit",
            "Value #D": "Per unit",
            "Value #E": "Mean power",
            "Value #G": "Time per unit",
            "Value #F": "Duration",
            "Value #H": "Paid",
            "Value #I": "CO2 per unit",
            "Value #J": "On GPU",
            "Value #K": "Uncertainty",
            "model": "Model",
            "user": "User",
            "window": "Window",
        },
        hidden=["Value #A", "Value #L"],
        units={
            "Work": "short",
            "Mean power": "watt",
            "Duration": "s",
            "Time per unit": "s",
            "Paid": "suffix:g/kWh",
            "CO2 per unit": "massg",
            "On GPU": "percentunit",
            "Uncertainty": "percentunit",
        },
        decimals={"On GPU": 0, "Uncertainty": 0, "Paid": 0},
        colours={"Grade": GRADES},
        links={"Name": link("Open runs of this name", "gramwatt-runs", name="Name")},
        sort_by="Run",
        ascending=True,
        empty=NOTHING,
        width=24,
        height=6,
    )


def _curves() -> trend.Panel:
    series = select("window_energy_joules_total")
    moved = "offset ${shift}s"
    curve = once(f"rate({series}[$__rate_interval] {moved})")
    opened, finished = (f"({select('window_state', state)} {moved} == 1)" for state in (OPEN, FINISHED))
    start, end = (f"scalar({extreme})" for extreme in (f"max({at_end(_A)})", _longest()))
    return since(
        "Power since the start",
        "What both runs drew, each from its own start on.",
        "watt",
        _ACROSS,
        over_time(f"(vector(time()) - {start}) >= 0 <= {end}", _ACROSS),
        over_time(
            f"sum({rate('window_energy_joules_total')} {running('window')} and on (window) {at_end(_A)})",
            "A: $run_a",
        ),
        over_time(
            f"sum({curve} and on (job, instance, window) {opened} unless on (job, instance, window) {finished} "
            f"and on (window) {at_end(_B)})",
            "B: $run_b",
        ),
        empty=NOTHING,
        width=24,
        height=9,
    )


def _longest() -> str:
    """Seconds of the longer of the two."""
    return f"max({at_end(work.duration())} and on (window) {at_end(_BOTH)})"
