"""The dashboards' JSON: made by the generator, by the rules of Grafana's dashboard linter and our own."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from boards import BOARDS, ROOT, panels, targets

NAMES = [
    "start",
    "live",
    "machines",
    "machine",
    "users",
    "runs",
    "compare",
    "grid",
    "budgets",
    "footprint",
    "health",
]
ONE_OF = {"instance": {"gramwatt-machine"}, "run_a": set(BOARDS), "run_b": set(BOARDS), "zone": set(BOARDS)}
COMPUTED = {"scrape", "shift"}  # learned from the data, chosen by nobody
# The same, but several: label values that keep the selectors of other queries short.
LEARNED = {"hottest": "4711", "largest": "4711"}


def check(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "grafana.generator", "--check"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_the_committed_dashboards_are_those_of_the_generator() -> None:
    result = check(ROOT)
    assert result.returncode == 0, result.stderr
    assert set(BOARDS) == {f"gramwatt-{name}" for name in NAMES}


@pytest.mark.slow
def test_an_edited_and_a_forgotten_dashboard_are_found(tmp_path: Path) -> None:
    for folder in ("grafana", "prometheus"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    edited = tmp_path / "grafana" / "dashboards" / "gramwatt-start.json"
    edited.write_text(edited.read_text().replace("Power", "Strength", 1))
    (edited.parent / "left-over.json").write_text("{}")
    result = check(tmp_path)
    assert result.returncode == 1
    assert "gramwatt-start.json" in result.stderr
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
    assert {"datasource", "job", "instance", "scrape"} <= variables.keys()
    for one in variables.values():
        if one["type"] != "query":
            continue
        assert one["datasource"]["uid"] == "${datasource}"
        name = one["name"]
        if name in COMPUTED:
            assert one["query"].startswith("query_result("), name
            assert (one["hide"], one["multi"], one["includeAll"]) == (2, False, False), name
            # How Grafana writes a row of query_result, and what its regex keeps of it.
            assert re.findall(one["regex"].strip("/"), "{} 15 1700000000000") == ["15"], name
        elif name in LEARNED:
            assert one["query"].startswith("query_result("), name
            assert (one["hide"], one["current"]["value"], one["allValue"]) == (2, ["$__all"], ""), name
            row = f'{{command="{LEARNED[name]}",pid="{LEARNED[name]}",user="x"}} 2.5 1700000000000'
            assert re.findall(one["regex"].strip("/"), row) == [LEARNED[name]], name
        elif uid in ONE_OF.get(name, set()):
            assert (one["multi"], one["includeAll"]) == (False, False), name
        else:
            assert (one["multi"], one["includeAll"], one["current"]["value"]) == (True, True, ["$__all"]), (
                name
            )
            assert one["allValue"] in (".+", ".*"), name


@pytest.mark.parametrize("uid", BOARDS)
def test_every_panel_says_what_it_shows_and_what_to_do_when_it_is_empty(uid: str) -> None:
    for panel in panels(BOARDS[uid]):
        title = panel["title"]
        assert title
        assert len(panel["description"]) > 20, title
        assert panel["description"].rstrip().endswith("."), title
        if panel["type"] == "text":
            continue
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}, title
        assert panel["fieldConfig"]["defaults"]["unit"], title
        empty = panel["fieldConfig"]["defaults"]["noValue"]
        assert len(empty) > 10, title
        assert "gramwatt_" not in empty, "an instruction, and not the name of a metric"
        assert panel["targets"], title
        for target in panel["targets"]:
            assert target["datasource"]["uid"] == "${datasource}", title
            assert bool(target.get("instant")) != bool(target.get("range")), title


@pytest.mark.parametrize("uid", BOARDS)
def test_at_most_twenty_queries(uid: str) -> None:
    assert len([one for one in targets() if one[0] == uid]) <= 20


def test_every_chart_keeps_to_a_few_curves_and_to_whole_scrapes() -> None:
    for uid, panel, target in targets():
        where = (uid, panel["title"], target["refId"])
        if not target.get("range"):
            continue
        # Rates find samples at any scrape interval: the step of a query is never finer than the learned one.
        assert target["interval"] == "${scrape}s", where
        # The largest are chosen once for all steps; chosen anew at each step they would be dozens of curves.
        for ranked in re.split(r"\btopk\(", target["expr"])[1:]:
            assert "@ end()" in ranked, where


def test_a_number_of_now_is_asked_for_at_now() -> None:
    for uid, board in BOARDS.items():
        for panel in panels(board):
            if panel["type"] in ("stat", "bargauge", "table", "barchart"):
                for target in panel["targets"]:
                    where = (uid, panel["title"], target["refId"])
                    assert target.get("instant") or target["refId"] in _curves_of(panel), where


def _curves_of(panel: dict[str, Any]) -> set[str]:
    """Queries over the range whose curves a table draws in a column."""
    steps = {one["id"]: one["options"] for one in panel.get("transformations", [])}
    return set(steps.get("timeSeriesTable", {}))


def test_no_panel_extrapolates_or_looks_longer_than_a_series_is_old() -> None:
    """Curves of rates do; numbers and tables take differences of readings."""
    for uid, panel, target in targets():
        if target.get("instant"):
            for call in re.findall(r"\b(rate|irate|delta|idelta)\(", target["expr"]):
                raise AssertionError((uid, panel["title"], call))
            whole = re.findall(r"increase\((?:[^()]|\([^()]*\))*\)", target["expr"])
            resets = target["expr"].count("resets(")
            assert len(whole) == resets, (uid, panel["title"], "increase() only where a counter fell")


def test_tables_read_texts_as_texts_and_name_their_columns() -> None:
    for uid, board in BOARDS.items():
        for panel in panels(board):
            if panel["type"] != "table":
                continue
            where = (uid, panel["title"])
            overrides = panel["fieldConfig"]["overrides"]
            texts = [one for one in overrides if one["matcher"] == {"id": "byType", "options": "string"}]
            assert texts[0]["properties"] == [{"id": "unit", "value": "string"}], where
            steps = {one["id"]: one["options"] for one in panel["transformations"]}
            organize = steps["organize"]
            if len(panel["targets"]) > 1:
                assert "merge" in steps, where
                known = organize["renameByName"] | organize["excludeByName"]
                assert {"Value", *(f"Value #{one['refId']}" for one in panel["targets"])} <= known.keys(), (
                    where
                )


def test_rows_lead_onward() -> None:
    """Every machine, user and run in a table is a link, and every link leads to a dashboard that takes it."""
    for uid, board in BOARDS.items():
        for panel in panels(board):
            for override in panel["fieldConfig"]["overrides"] if "fieldConfig" in panel else []:
                for one in override["properties"]:
                    if one["id"] == "links":
                        _leads_on(uid, panel, one["value"][0]["url"])
            shown = set(
                (panel.get("transformations") or [{}])[-1].get("options", {}).get("renameByName", {}).values()
            )
            linked = {
                override["matcher"]["options"]
                for override in (panel.get("fieldConfig") or {}).get("overrides", [])
                if any(one["id"] == "links" for one in override["properties"])
            }
            if panel["type"] == "table" and "Machine" in shown and "Alert" not in shown:
                assert "Machine" in linked, (uid, panel["title"])


def _leads_on(uid: str, panel: dict[str, object], url: str) -> None:
    where = (uid, panel["title"], url)
    if url.startswith("${labeler}"):
        return
    target = re.match(r"/d/([\w-]+)\?", url)
    assert target, where
    assert target[1] in BOARDS, where
    names = {one["name"] for one in BOARDS[target[1]]["templating"]["list"]}
    assert set(re.findall(r"var-(\w+)=", url)) <= names, where


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
        if panel["type"] in ("timeseries", "stat", "bargauge", "heatmap"):
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
