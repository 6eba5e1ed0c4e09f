"""Every expression of every dashboard on a real Prometheus that has the data, and the numbers that come out."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
import requests
from gramwatt_exporter.metrics.catalogue import BY_NAME
from gramwatt_labeler.metrics import METRICS as LABELER_METRICS

ROOT = Path(__file__).parents[2]
BOARDS = {
    path.stem: json.loads(path.read_text())
    for path in sorted((ROOT / "grafana" / "dashboards").glob("*.json"))
}
QUERIES = [
    (f"{uid}: {panel['title']} {target['refId']}", target)
    for uid, board in BOARDS.items()
    for panel in board["panels"]
    for target in panel.get("targets", [])
]


def ask(url: str, expr: str, **choice: str) -> list[dict[str, Any]]:
    """The result now, with Grafana's variables filled in as a chart of one hour would."""
    expr = expr.replace("$__rate_interval", "20s").replace("$__range", "3600s")
    expr = re.sub(r"\$(\w+)", lambda match: choice.get(match[1], ".+"), expr)
    parameters = {"query": expr, "time": str(time.time())}
    answer = requests.get(f"{url}/api/v1/query", params=parameters, timeout=10).json()
    assert answer["status"] == "success", answer.get("error")
    assert not answer.get("warnings")
    found: list[dict[str, Any]] = answer["data"]["result"]
    return found


def expression(uid: str, title: str, ref: str = "A") -> str:
    panel = next(panel for panel in BOARDS[uid]["panels"] if panel["title"] == title)
    expr: str = next(target["expr"] for target in panel["targets"] if target["refId"] == ref)
    return expr


def test_the_fleet_speaks_the_catalogue(fleet_series: list[str]) -> None:
    """Otherwise the tests here would prove nothing about the real exporter."""
    labels_of = {metric.name: set(metric.labels) for metric in (*BY_NAME.values(), *LABELER_METRICS)}
    for series in fleet_series:
        name, _, labels = series.partition("{")
        given = set(re.findall(r'(\w+)="', labels)) - {"job", "instance"}
        assert given == (set() if name == "up" else labels_of[name]), series


@pytest.mark.parametrize(("where", "target"), QUERIES, ids=[query[0] for query in QUERIES])
def test_every_query_runs_and_finds_something(
    prometheus_url: str, where: str, target: dict[str, Any]
) -> None:
    assert ask(prometheus_url, target["expr"]), target["expr"]


def test_components_and_parts_add_up_to_the_node(prometheus_url: str) -> None:
    node = sum(
        float(one["value"][1])
        for one in ask(
            prometheus_url, "sum by (instance) (rate(gramwatt_device_energy_joules_total[$__rate_interval]))"
        )
    )
    for title in ("Power by component", "Where the power goes"):
        parts = ask(prometheus_url, expression("gramwatt-overview", title))
        assert sum(float(one["value"][1]) for one in parts) == pytest.approx(node, rel=1e-6), title


def test_uncertainty_and_measured_share(prometheus_url: str) -> None:
    """281 W measured to 5 % and 33 W modelled to 50 %, all swinging alike."""
    measured = ask(prometheus_url, expression("gramwatt-overview", "Measured"))
    assert float(measured[0]["value"][1]) == pytest.approx(281 / 314, rel=1e-6)
    sigma = ask(prometheus_url, expression("gramwatt-overview", "Uncertainty"))
    assert float(sigma[0]["value"][1]) == pytest.approx((281 * 0.05 + 33 * 0.5) / 314, rel=1e-6)
    alone = ask(prometheus_url, expression("gramwatt-overview", "Measured"), instance="lab-2:10044")
    assert float(alone[0]["value"][1]) == 0


def test_a_choice_of_machine_leaves_the_others_out(prometheus_url: str) -> None:
    both = ask(prometheus_url, expression("gramwatt-overview", "Power by device"))
    one = ask(prometheus_url, expression("gramwatt-overview", "Power by device"), instance="lab-2:10044")
    assert (len(both), len(one)) == (5, 2)


def test_hottest_processes_show_others_but_nothing_departed(prometheus_url: str) -> None:
    found = ask(prometheus_url, expression("gramwatt-overview", "Ranking processes"))
    assert {one["metric"]["command"] for one in found if not one["metric"].get("pid")} == {"other"}
    assert len(found) == 10


def test_windows_of_another_machine_have_no_grade_here(prometheus_url: str) -> None:
    grades = expression("gramwatt-windows", "Windows", "G")
    assert {one["metric"]["grade"] for one in ask(prometheus_url, grades)} == {"B", "E"}
    assert ask(prometheus_url, grades, instance="lab-2:10044") == []


def test_a_window_counts_once_although_its_exporter_moved(prometheus_url: str) -> None:
    found = ask(prometheus_url, expression("gramwatt-windows", "Windows", "D"))
    energy = {one["metric"]["window"]: float(one["value"][1]) for one in found}
    assert energy["01a"] == pytest.approx(150 * 1500, rel=1e-3)


def test_what_was_graded_later_is_not_called_ungraded(prometheus_url: str) -> None:
    found = ask(prometheus_url, expression("gramwatt-windows", "Not graded"))
    assert [(one["metric"]["window"], one["metric"]["name"]) for one in found] == [("01c", "short-test")]


def test_the_budget_of_two_machines_is_one(prometheus_url: str) -> None:
    found = {
        one["metric"]["budget"]: float(one["value"][1])
        for one in ask(prometheus_url, expression("gramwatt-overview", "Budget spent"))
    }
    recorded = {
        one["metric"]["budget"]: float(one["value"][1])
        for one in ask(prometheus_url, expression("gramwatt-budgets", "Spent"))
    }
    assert found.keys() == recorded.keys() == {"vision-team", "whole-lab"}
    assert found["vision-team"] == pytest.approx(0.946, abs=0.005)
    for budget, ratio in recorded.items():
        assert ratio == pytest.approx(found[budget], abs=0.001)
