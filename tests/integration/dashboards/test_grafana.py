"""gramwatt-grafana against a stand-in for Grafana and, for what is measured, a real Prometheus."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import grafana_contract as contract
import httpx
import pytest
from boards import BOARDS, ROOT
from grafana_stand_in import TOKEN, Grafana, running
from gramwatt_labeler.grafana.command import main
from young import NOW, Worlds

DIRECTORY = ROOT / "grafana" / "dashboards"


@pytest.fixture
def grafana() -> Iterator[Grafana]:
    with running() as state:
        yield state
        assert state.unknown == [], "calls that Grafana does not have"
        assert state.broken == [], "calls that are not as Grafana's OpenAPI document describes them"


def call(grafana: Grafana, *arguments: str, token: str = TOKEN, folder: Path = DIRECTORY) -> int:
    environ = {"GRAMWATT_GRAFANA_TOKEN": token, "GRAMWATT_GRAFANA_URL": grafana.url}
    return main([arguments[0], f"--dashboards={folder}", "--interval=15", *arguments[1:]], environ)


def test_push_puts_everything_there_and_again_changes_nothing(
    grafana: Grafana, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(grafana, "push", "--prometheus.url=http://prometheus:9090") == 0
    assert set(grafana.dashboards) == set(BOARDS)
    assert set(grafana.folder_of.values()) == {"gramwatt"}
    (source,) = grafana.datasources.values()
    assert (source["url"], source["jsonData"]["timeInterval"]) == ("http://prometheus:9090", "15s")
    assert "+ dashboard gramwatt-start" in capsys.readouterr().out
    written = len(grafana.writes)
    assert call(grafana, "push", "--prometheus.url=http://prometheus:9090") == 0
    assert len(grafana.writes) == written
    assert "nothing to do" in capsys.readouterr().out


def test_diff_shows_what_somebody_changed_and_push_mends_only_that(
    grafana: Grafana, capsys: pytest.CaptureFixture[str]
) -> None:
    call(grafana, "push")
    assert call(grafana, "diff") == 0
    grafana.dashboards["gramwatt-live"]["title"] = "Mine"
    grafana.datasources["gramwatt-prometheus"]["jsonData"]["timeInterval"] = "5s"
    grafana.datasources["gramwatt-prometheus"]["jsonData"]["manageAlerts"] = True
    capsys.readouterr()
    assert call(grafana, "diff") == 1
    shown = capsys.readouterr().out
    assert '-  "title": "Mine"' in shown
    assert '-    "timeInterval": "5s"' in shown
    assert "= dashboard gramwatt-start" in shown
    grafana.writes.clear()
    assert call(grafana, "push") == 0
    assert sorted(path for _, path in grafana.writes) == [
        "/api/dashboards/db",
        "/api/datasources/uid/gramwatt-prometheus",
    ]
    assert grafana.datasources["gramwatt-prometheus"]["jsonData"] == {
        "httpMethod": "POST", "timeInterval": "15s", "manageAlerts": True,
    }, "what others set stays"  # fmt: skip
    assert call(grafana, "diff") == 0


def test_pull_writes_the_files_that_were_pushed(grafana: Grafana, tmp_path: Path) -> None:
    call(grafana, "push")
    grafana.dashboards["gramwatt-runs"]["description"] = "Changed in Grafana"
    grafana.dashboards["own"] = {"uid": "own", "title": "Own", "panels": [], "id": 3, "version": 9}
    grafana.folder_of["own"] = "gramwatt"
    assert call(grafana, "pull", folder=tmp_path) == 0
    for uid in BOARDS.keys() - {"gramwatt-runs"}:
        assert (tmp_path / f"{uid}.json").read_text() == (DIRECTORY / f"{uid}.json").read_text(), uid
    assert json.loads((tmp_path / "gramwatt-runs.json").read_text())["description"] == "Changed in Grafana"
    assert json.loads((tmp_path / "own.json").read_text()) == {"uid": "own", "title": "Own", "panels": []}


def test_the_contract_finds_what_the_document_does_not_describe() -> None:
    put: tuple[str, str, dict[str, list[str]]] = ("PUT", "/api/datasources/uid/x", {})
    assert contract.broken(*put, {"name": "x", "version": 3}, 200) == []
    assert contract.broken(*put, {"id": 7}, 200) == ["PUT /datasources/uid/{uid}: no field id"]
    assert contract.broken(*put, {"version": True}, 418) == [
        "PUT /datasources/uid/{uid}: status 418 is not described",
        "PUT /datasources/uid/{uid}: version is True",
    ]
    find = ("GET", "/api/annotations")
    assert contract.broken(*find, {"from": ["1"], "tags": ["a", "b"]}, {}, 200) == []
    assert contract.broken(*find, {"since": ["1"]}, {}, 200) == ["GET /annotations: no parameter since"]
    assert contract.broken(*find, {"limit": ["1", "2"]}, {}, 200) == [
        "GET /annotations: parameter limit comes 2 times"
    ]
    assert contract.broken("POST", "/api/annotations", {}, {"time": 1}, 200) == [
        "POST /annotations: text is missing"
    ]
    assert contract.broken("DELETE", "/api/folders/x", {}, {}, 200) == [
        "DELETE /api/folders/x is no operation"
    ]


def test_errors_are_one_line_that_says_what_to_do(
    grafana: Grafana, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(grafana, "push", token="wrong") == 1
    assert "does not let the token in" in capsys.readouterr().err
    assert call(grafana, "push", folder=tmp_path) == 1
    assert "there is no dashboard in" in capsys.readouterr().err
    assert main(["diff"], {}) == 2
    assert "--grafana.url" in capsys.readouterr().err
    assert main(["diff", "--grafana.url=http://127.0.0.1:9"], {"GRAMWATT_GRAFANA_TOKEN": "x"}) in (1, 2)
    assert "Traceback" not in capsys.readouterr().err
    call(grafana, "push")
    grafana.datasources["gramwatt-prometheus"]["readOnly"] = True
    assert (
        main(
            ["push", f"--dashboards={DIRECTORY}", "--interval=60"],
            {"GRAMWATT_GRAFANA_TOKEN": TOKEN, "GRAMWATT_GRAFANA_URL": grafana.url},
        )
        == 1
    )
    assert "provisioned by a file: set timeInterval there, to 60s" in capsys.readouterr().err
    grafana.datasources["gramwatt-prometheus"]["readOnly"] = False
    grafana.provisioned.add("gramwatt-live")
    grafana.dashboards["gramwatt-live"]["title"] = "Other"
    assert call(grafana, "push") == 1
    assert "Cannot save provisioned dashboard" in capsys.readouterr().err


@pytest.mark.slow
def test_interval_and_runs_come_from_prometheus(
    grafana: Grafana, worlds: Worlds, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """At the time of the made-up worlds: the slowest of them is scraped every minute."""
    asked = httpx.post

    def then(url: str, *, data: dict[str, str], timeout: float) -> object:
        return asked(url, data={**data, "time": str(NOW)}, timeout=timeout)

    monkeypatch.setattr(httpx, "post", then)
    environ = {"GRAMWATT_GRAFANA_TOKEN": TOKEN, "GRAMWATT_GRAFANA_URL": grafana.url}
    arguments = ["push", f"--dashboards={DIRECTORY}", f"--prometheus.url={worlds.url}", "--annotations"]
    assert main(arguments, environ) == 0
    assert grafana.datasources["gramwatt-prometheus"]["jsonData"]["timeInterval"] == "60s"
    finished = [one for one in grafana.annotations if "resnet-a" in one["text"]]
    assert len(finished) == 4, "one in each world"
    assert finished[0]["tags"] == ["gramwatt", "training", "B"]
    assert finished[0]["timeEnd"] - finished[0]["time"] == 900_000
    count = len(grafana.annotations)
    assert main(arguments, environ) == 0
    assert len(grafana.annotations) == count
    assert "0 of" in capsys.readouterr().out
