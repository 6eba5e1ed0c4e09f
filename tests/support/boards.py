"""The committed dashboards, their variables filled in as Grafana does, and their queries asked of a real Prometheus."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests

ROOT = Path(__file__).parents[2]
BOARDS: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text())
    for path in sorted((ROOT / "grafana" / "dashboards").glob("*.json"))
}
# Labels that a run or a user need not have: "All" of these matches the empty text too.
_MAY_BE_EMPTY = {
    variable["name"]
    for board in BOARDS.values()
    for variable in board["templating"]["list"]
    if variable.get("allValue") == ".*"
}


def panels(board: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The panels of a dashboard, without rows."""
    return (panel for panel in board["panels"] if panel["type"] != "row")


def targets() -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Dashboard, panel and query, for every query, those of marks included."""
    for uid, board in BOARDS.items():
        for place, one in enumerate(board.get("annotations", {}).get("list", [])):
            if "expr" in one:
                yield uid, {"title": "marks"}, {"refId": str(place), "expr": one["expr"], "instant": True}
        for panel in panels(board):
            for target in panel.get("targets", []):
                yield uid, panel, target


def target_of(uid: str, title: str, ref: str = "A") -> dict[str, Any]:
    """One query."""
    panel = next(panel for panel in panels(BOARDS[uid]) if panel["title"] == title)
    found: dict[str, Any] = next(target for target in panel["targets"] if target["refId"] == ref)
    return found


def expression(uid: str, title: str, ref: str = "A") -> str:
    """PromQL of one query, variables not filled in."""
    expr: str = target_of(uid, title, ref)["expr"]
    return expr


def fill(expr: str, seconds: float, scrape: float = 15, step: float | None = None, **choice: str) -> str:
    """``expr`` for a range of ``seconds``: a chart of a thousand points, or of ``step``; "All" where not chosen."""
    step = max(step or seconds / 1000, scrape)
    rate = max(step + scrape, 4 * scrape)
    expr = expr.replace("$__rate_interval", f"{round(rate)}s").replace("$__interval", f"{round(step)}s")
    expr = (
        expr.replace("$__range_s", str(round(seconds)))
        .replace("$__range", f"{round(seconds)}s")
        .replace("${shift}", choice.get("shift", "1"))
    )
    return re.sub(r"\$([A-Za-z_]\w*)", lambda match: choice.get(match[1], _everything(match[1])), expr)


def _everything(name: str) -> str:
    return ".*" if name in _MAY_BE_EMPTY else ".+"


def instant(url: str, expr: str, at: float) -> list[dict[str, Any]]:
    """The result at Unix time ``at``: "metric" with labels, "value"."""
    answer = requests.post(f"{url}/api/v1/query", data={"query": expr, "time": str(at)}, timeout=60).json()
    assert answer["status"] == "success", (answer.get("error"), expr)
    assert not answer.get("warnings"), answer["warnings"]
    found: list[dict[str, Any]] = answer["data"]["result"]
    return found


def over_time(url: str, expr: str, start: float, end: float, step: float) -> list[dict[str, Any]]:
    """The curves from ``start`` to ``end``: "metric" with labels, "values"."""
    data = {"query": expr, "start": str(start), "end": str(end), "step": str(step)}
    answer = requests.post(f"{url}/api/v1/query_range", data=data, timeout=60).json()
    assert answer["status"] == "success", (answer.get("error"), expr)
    found: list[dict[str, Any]] = answer["data"]["result"]
    return found


def numbers(result: list[dict[str, Any]], *labels: str) -> dict[tuple[str, ...], float]:
    """The values of an instant result by these labels."""
    return {tuple(one["metric"].get(label, "") for label in labels): float(one["value"][1]) for one in result}
