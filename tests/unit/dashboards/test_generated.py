"""The dashboards' JSON: made by the generator, and by the rules of Grafana's dashboard linter."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
BOARDS = {
    path.stem: json.loads(path.read_text())
    for path in sorted((ROOT / "grafana" / "dashboards").glob("*.json"))
}


def panels(board: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return (panel for panel in board["panels"] if panel["type"] != "row")


def check(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "grafana.generator", "--check"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_the_committed_dashboards_are_those_of_the_generator() -> None:
    result = check(ROOT)
    assert result.returncode == 0, result.stderr


def test_an_edited_and_a_forgotten_dashboard_are_found(tmp_path: Path) -> None:
    for folder in ("grafana", "prometheus"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    edited = tmp_path / "grafana" / "dashboards" / "gramwatt-overview.json"
    edited.write_text(edited.read_text().replace("Power", "Strength", 1))
    (edited.parent / "left-over.json").write_text("{}")
    result = check(tmp_path)
    assert result.returncode == 1
    assert "gramwatt-overview.json" in result.stderr
    assert "left-over.json" in result.stderr
    assert "gramwatt-budgets.json" not in result.stderr


@pytest.mark.parametrize("uid", BOARDS)
def test_dashboard_settings(uid: str) -> None:
    board = BOARDS[uid]
    assert board["uid"] == uid
    assert board["editable"] is False
    assert board["title"].startswith("Gramwatt / ")
    assert board["description"]
    variables = {one["name"]: one for one in board["templating"]["list"]}
    assert {"datasource", "job", "instance"} <= variables.keys()
    for one in variables.values():
        if one["type"] == "query":
            assert one["datasource"]["uid"] == "${datasource}"
            assert (one["multi"], one["includeAll"], one["allValue"]) == (True, True, ".+"), one["name"]
            assert one["current"]["value"] == ["$__all"]


@pytest.mark.parametrize("uid", BOARDS)
def test_every_panel_says_what_it_shows(uid: str) -> None:
    for panel in panels(BOARDS[uid]):
        title = panel["title"]
        assert title
        assert len(panel["description"]) > 20, title
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}, title
        assert panel["fieldConfig"]["defaults"]["unit"], title
        assert panel["targets"], title
        for target in panel["targets"]:
            assert target["datasource"]["uid"] == "${datasource}", title
            assert bool(target.get("instant")) != bool(target.get("range")), title


@pytest.mark.parametrize("uid", BOARDS)
def test_panels_do_not_overlap_and_fill_their_lines(uid: str) -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in BOARDS[uid]["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24, panel["title"]
        for x in range(at["x"], at["x"] + at["w"]):
            for y in range(at["y"], at["y"] + at["h"]):
                assert (x, y) not in taken, (panel["title"], taken.get((x, y)))
                taken[x, y] = panel["title"]
    for y in {line for _, line in taken}:
        assert all((x, y) in taken for x in range(24)), f"a hole in line {y}"


@pytest.mark.parametrize("uid", BOARDS)
def test_series_in_one_panel_have_names_that_differ(uid: str) -> None:
    for panel in panels(BOARDS[uid]):
        if panel["type"] in ("timeseries", "stat", "bargauge"):
            legends = [target["legendFormat"] for target in panel["targets"]]
            assert all(legends), panel["title"]
            assert len(set(legends)) == len(legends), panel["title"]


def test_grafana_is_told_where_everything_is() -> None:
    provisioning = ROOT / "grafana" / "provisioning"
    datasource = (provisioning / "datasources" / "gramwatt.yml").read_text()
    assert "uid: gramwatt-prometheus" in datasource
    assert "$PROMETHEUS_URL" in datasource
    assert "$GRAMWATT_DASHBOARDS" in (provisioning / "dashboards" / "gramwatt.yml").read_text()
    for starter in ("docker-compose.yml", "stack/grafana.sh"):
        text = (ROOT / starter).read_text()
        assert "GRAMWATT_DASHBOARDS" in text, starter
        assert "PROMETHEUS_URL" in text, starter
