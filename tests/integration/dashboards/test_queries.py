"""Every expression of every dashboard on a real Prometheus that has the data: one batch for each dashboard."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import yaml
from boards import BOARDS, ROOT, expression, fill, instant, numbers, over_time, target_of, targets
from gramwatt_exporter.metrics.catalogue import BY_NAME
from gramwatt_labeler.metrics import METRICS as LABELER_METRICS
from history_server import NOW

from grafana.history.build import history, moments
from grafana.history.grid import DAY

pytestmark = pytest.mark.slow

CHOICE = {"run_a": "resnet-a", "run_b": "resnet-b", "instance": "lab-1:10044"}
# Empty when all is well: everything is among the largest, nothing waits, nothing was reset.
MAY_BE_EMPTY = {
    ("gramwatt-start", "Power now", "B"),
    ("gramwatt-start", "Budget", "B"),
    ("gramwatt-budgets", "Budget", "B"),
    ("gramwatt-machines", "Power by machine", "B"),
    ("gramwatt-users", "Power by user", "B"),
    ("gramwatt-users", "Users", "E"),  # the range before is not covered
    ("gramwatt-health", "Meters that repeat or reset", "A"),
}


def _range(board: dict[str, Any]) -> float:
    begin = board["time"]["from"]
    if begin.startswith("now/"):
        return {"d": DAY, "M": 7 * DAY}[begin[-1]]
    number, unit = re.fullmatch(r"now-(\d+)([mhd])", begin).groups()  # type: ignore[union-attr]
    return float(number) * {"m": 60.0, "h": 3600.0, "d": DAY}[unit]


LABELS_OF = {metric.name: set(metric.labels) for metric in BY_NAME.values()} | {
    metric.name: set(metric.labels) for metric in LABELER_METRICS
}


@pytest.mark.parametrize("uid", BOARDS)
def test_every_query_runs_and_finds_something(prometheus_url: str, uid: str) -> None:
    seconds, now = _range(BOARDS[uid]), NOW
    choice = CHOICE if uid in ("gramwatt-machine", "gramwatt-compare") else {}
    if uid == "gramwatt-compare":
        choice = {"run_a": "resnet-a", "run_b": "resnet-b"}

    def ask(asked: tuple[str, str, dict[str, Any]]) -> str | None:
        title, ref, target = asked
        if target.get("instant"):
            found = instant(prometheus_url, fill(target["expr"], seconds, 60, None, **choice), now)
        else:
            step = max(seconds / 200, 60)
            expr = fill(target["expr"], seconds, 60, step, **choice)
            found = over_time(prometheus_url, expr, now - seconds, now, step)
        many = "; more than 12 curves" if not target.get("instant") and len(found) > _most(uid, title) else ""
        empty = "; empty" if not found and (uid, title, ref) not in MAY_BE_EMPTY else ""
        return f"{title} {ref}{many}{empty}" if many or empty else None

    asked = [(panel["title"], target["refId"], target) for board, panel, target in targets() if board == uid]
    with ThreadPoolExecutor(4) as pool:
        wrong = [found for found in pool.map(ask, asked) if found]
    assert wrong == []


def _most(uid: str, title: str) -> int:
    """Curves of a chart, or small ones in the rows of a table."""
    return {"Machine by time": 40, "Processes": 50}.get(title, 8)


def test_the_history_speaks_the_catalogue() -> None:
    """Otherwise the tests here would prove nothing about the real exporter, and screenshots would show what is not."""
    recorded = {
        rule["record"]
        for path in (ROOT / "prometheus" / "rules").glob("*.yml")
        for group in yaml.safe_load(path.read_text())["groups"]
        for rule in group["rules"]
        if "record" in rule
    }
    now = 1_795_000_000.0
    unknown = []
    for series in history(now, moments(now, DAY, late=600, early=3600)).series:
        name, _, labels = series.rstrip("}").partition("{")
        if not name.startswith("gramwatt_"):
            assert ":" not in name or name in recorded, name
            continue
        given = set(re.findall(r'(\w+)="', labels)) - {"job", "instance"}
        if given != LABELS_OF.get(name):
            unknown.append(series)
    assert unknown == []


def test_every_name_in_a_dashboard_exists() -> None:
    """Metrics of the exporter and labeler with labels that they have; recorded series that a rule records."""
    for uid, panel, target in targets():
        for name, matchers in re.findall(r"(?<![:\w])(gramwatt_\w+)(?!:)(?:\{([^}]*)\})?", target["expr"]):
            where = (uid, panel["title"], target["refId"], name)
            assert name in LABELS_OF, where
            used = set(re.findall(r"(\w+)\s*[!=]~?\"", matchers)) - {"job", "instance"}
            assert used <= LABELS_OF[name], where


def test_components_and_parts_add_up_to_the_machines(prometheus_url: str) -> None:
    now = NOW - 30
    node = instant(prometheus_url, "sum(rate(gramwatt_device_energy_joules_total[240s]))", now)
    total = float(node[0]["value"][1])
    for uid, title in (("start", "Power"), ("machine", "Where the power goes")):
        expr = fill(expression(f"gramwatt-{uid}", title), 3600, 60)
        assert sum(
            numbers(instant(prometheus_url, expr, now), "component", "part").values()
        ) == pytest.approx(total)
    stack = [
        instant(prometheus_url, fill(expression("gramwatt-live", "Where the power goes", ref), 900, 60), now)
        for ref in "ABC"
    ]
    assert sum(float(one["value"][1]) for found in stack for one in found) == pytest.approx(total, rel=0.01)


def test_uncertainty_and_measured_share(prometheus_url: str) -> None:
    now = NOW
    chosen = fill(expression("gramwatt-machine", "Measured"), 3600, 60, instance="lab-2:10044")
    found = numbers(instant(prometheus_url, chosen, now), "what")
    assert found == {("measured",): 0.0, ("uncertainty",): pytest.approx(0.5)}
    chosen = fill(expression("gramwatt-machine", "Measured"), 3600, 60, instance="lab-1:10044")
    assert numbers(instant(prometheus_url, chosen, now), "what")[("measured",)] == 1


def test_hottest_processes_show_others_but_nothing_departed(prometheus_url: str) -> None:
    found = instant(prometheus_url, fill(expression("gramwatt-live", "Processes"), 900, 60), NOW)
    assert {one["metric"]["command"] for one in found if not one["metric"].get("pid")} == {"other"}
    assert len(found) > 6


def test_the_comparison_says_which_run_and_why(prometheus_url: str) -> None:
    """B did 28 % more work an hour at 11 % less power."""
    expr = fill(expression("gramwatt-compare", "Energy"), 7 * DAY, 60, run_a="resnet-a", run_b="resnet-b")
    (found,) = instant(prometheus_url, expr, NOW)
    assert found["metric"] == {"verdict": "less energy per unit than", "power": "-11", "time": "-22"}
    assert float(found["value"][1]) == pytest.approx((1 - 0.114) * 410 / 525 - 1, abs=0.01)
    legend = target_of("gramwatt-compare", "Energy")["legendFormat"]
    assert set(re.findall(r"{{(\w+)}}", legend)) == set(found["metric"])
    assert legend.startswith("$run_b used {{verdict}} $run_a")  # B against A, as the value is


def test_what_was_graded_later_is_not_called_ungraded(prometheus_url: str) -> None:
    found = instant(prometheus_url, fill(expression("gramwatt-runs", "Not graded"), DAY, 60), NOW)
    assert [(one["metric"]["window"], one["metric"]["name"]) for one in found] == [("01JFAIL", "short-test")]


def test_windows_of_another_machine_have_no_grade_here(prometheus_url: str) -> None:
    grades = expression("gramwatt-runs", "Runs", "G")
    here = instant(prometheus_url, fill(grades, DAY, 60, instance="lab-2:10044"), NOW)
    assert {one["metric"]["grade"] for one in here} == {"D"}
    assert instant(prometheus_url, fill(grades, DAY, 60, instance="web-1:10044"), NOW) == []
