"""BoAmps reports out and in; comparing and returns by command and REST; colours and tactics of managers."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from api_site import RUN, Browser, Site, error
from gramwatt_labeler.appearance import Appearance
from gramwatt_labeler.render import palette
from labeler_pages import fill

# What the format's own schema needs of a report (https://github.com/Boavizta/BoAmps, model/).
REPORT: dict[str, Any] = {
    "type": "object",
    "required": ["task", "measures", "infrastructure"],
    "properties": {
        "header": {"required": ["reportDatetime"]},
        "task": {
            "required": ["taskStage", "taskFamily", "algorithms", "dataset"],
            "properties": {
                "algorithms": {"minItems": 1},
                "dataset": {"minItems": 1, "items": {"required": ["dataUsage", "dataType"]}},
            },
        },
        "measures": {"minItems": 1, "items": {"required": ["measurementMethod", "powerConsumption"]}},
        "infrastructure": {
            "required": ["infraType", "components"],
            "properties": {"components": {"minItems": 1, "items": {"required": ["componentType", "nbComponent"]}}},
        },
        "environment": {"required": ["country"]},
    },
}  # fmt: skip
FOREIGN = {
    "header": {"reportId": "report-1", "reportDatetime": "2025-02-26 16:57:00"},
    "task": {
        "taskStage": "inference", "taskFamily": "text-generation", "nbRequest": 10,
        "algorithms": [{"algorithmType": "llm", "foundationModelName": "org/llm-13b", "parametersNumber": 13}],
        "dataset": [{"dataUsage": "input", "dataType": "token", "dataQuantity": 11},
                    {"dataUsage": "output", "dataType": "token", "dataQuantity": 828}],
    },
    "measures": [{"measurementMethod": "codecarbon", "version": "2.5.0", "powerConsumption": 0.0025,
                  "measurementDuration": 19.1, "measurementDateTime": "2024-09-30 09:09:40"}],
    "infrastructure": {"infraType": "onPremise", "components": [{"componentType": "gpu", "nbComponent": 1,
                                                                "componentName": "NVIDIA A100"}]},
}  # fmt: skip


@pytest.fixture
def site(built_site: Site) -> Iterator[Site]:
    built_site.renew()
    fill(built_site.store)
    yield built_site
    palette.use(None)


def test_an_evaluation_is_a_boamps_report(site: Site) -> None:
    report = site.get("evaluations/w1/boamps").json()
    jsonschema.validate(report, REPORT)
    assert report["measures"][0]["powerConsumption"] == pytest.approx(6000 / 3.6e6)
    assert report["measures"][0]["measurementDuration"] == 1000
    assert report["infrastructure"]["components"][0] == {
        "componentName": "NVIDIA H100 80GB HBM3", "componentType": "gpu", "nbComponent": 1,
    }  # fmt: skip
    assert report["quality"] == "high"
    assert site.client.get("/evaluations/w1/boamps.json").json() == report
    assert "BoAmps JSON" in site.client.get("/evaluations/w1").text
    run = RUN | {"values": {"emissions": 5}}
    (one,) = site.post("evaluations", run).json()["evaluations"]
    assert error(site.get(f"evaluations/{one['id']}/boamps"))[0] == 404


@pytest.mark.parametrize("content", [FOREIGN, [FOREIGN, FOREIGN | {"header": {"reportId": "report-2"}}]])
def test_a_boamps_report_is_an_evaluation(site: Site, content: Any) -> None:
    files = [("files", ("report.json", json.dumps(content).encode()))]
    found = site.client.post("/api/v1/evaluations/import", files=files, headers=site.headers()).json()
    assert found["counts"]["not added"] == 0, found
    one = site.get(f"evaluations/{found['lines'][0]['id']}").json()
    assert (one["model"], one["task"], one["phase"], one["origin"]) == (
        "org/llm-13b", "text-generation", "inference", "file",
    )  # fmt: skip
    assert one["energy_joules"] == pytest.approx(0.0025 * 3.6e6)
    assert one["values"] == {"requests": 10.0, "tokens": 828.0}
    assert one["measures"]["parameters"]["value"] == 13e9
    again = site.client.post("/api/v1/evaluations/import", files=files, headers=site.headers()).json()
    assert again["counts"]["added"] == 0


def test_its_own_report_comes_back_as_the_same_numbers(site: Site) -> None:
    report = site.get("evaluations/w2/boamps").json()
    report["header"]["reportId"] = "elsewhere"
    files = [("files", ("report.json", json.dumps(report).encode()))]
    (line,) = site.client.post("/api/v1/evaluations/import", files=files, headers=site.headers()).json()[
        "lines"
    ]
    one, was = site.get(f"evaluations/{line['id']}").json(), site.get("evaluations/w2").json()
    assert one["energy_joules"] == pytest.approx(was["energy_joules"])
    for name in ("model", "task", "phase"):
        assert one[name] == was[name]
    assert one["values"]["tokens"] == was["values"]["tokens"]


def test_an_added_line_without_a_letter_says_why_as_the_page_does(site: Site) -> None:
    files = [("files", ("own.csv", b"model,energy (kWh)\nme/a,1\n"))]
    lines = {}
    for task in ("", "image-classification"):
        data = {"phase": "training", "task": task}
        answer = site.client.post(
            "/api/v1/evaluations/import", files=files, data=data, headers=site.headers()
        )
        (lines[task],) = answer.json()["lines"]
    assert [one["outcome"] for one in lines.values()] == ["added", "added"]
    assert [one["letter"] for one in lines.values()] == [None, None]
    assert lines[""]["message"].startswith("missing a task (the field Task, or gramwatt run --task TASK; ")
    assert lines["image-classification"]["message"].startswith("missing boundary (")
    page = site.client.get(f"/evaluations/{lines['']['id']}").text
    assert lines[""]["message"].removeprefix("missing ")[:30] in page


@pytest.mark.parametrize(
    "odd",
    [
        {"measures": [{"powerConsumption": "much"}]},
        {"task": {"taskStage": 3, "dataset": "x", "algorithms": {}}},
    ],
)
def test_an_odd_report_says_what_is_wrong(site: Site, odd: Any) -> None:
    files = [("files", ("report.json", json.dumps(FOREIGN | odd).encode()))]
    answer = site.client.post("/api/v1/evaluations/import", files=files, headers=site.headers())
    assert answer.status_code in (201, 422)
    if answer.status_code == 201:
        assert answer.json()["lines"][0]["message"] or answer.json()["lines"][0]["outcome"] == "added"


def command(site: Site, *arguments: str) -> subprocess.CompletedProcess[str]:
    url = f"sqlite:///{site.file}"
    line = [sys.executable, "-m", "gramwatt_labeler", *arguments, "--data.database-url", url]
    return subprocess.run(line, capture_output=True, text=True, timeout=300)


def test_runs_are_compared_on_the_command_line(site: Site) -> None:
    told = command(site, "compare", "w1", "w2", "w3", "--json")
    assert told.returncode == 0, told.stderr
    rows = {
        row["name"]: [cell["difference"] for cell in row["cells"]] for row in json.loads(told.stdout)["rows"]
    }
    assert rows["Energy per token"][2] == "not distinguishable"
    assert "66.7 % less" in rows["Energy per token"][1]
    page = site.client.get("/compare?ids=w1,w2,w3").text
    assert "not distinguishable" in page
    one = command(site, "compare", "w1")
    assert (one.returncode, "expected 2 to 6" in one.stderr) == (2, True)
    assert "no evaluation" in command(site, "compare", "w1", "nothing").stderr


def test_a_return_is_the_same_by_command_page_and_rest(site: Site) -> None:
    asked = {"old": "120 J", "saving": "40 %", "calls_per_day": 20000, "price": 0.25, "cost": 500}
    found = site.client.post("/api/v1/roi", json=asked).json()
    told = command(
        site, "roi", "--old", "120 J", "--saving", "40 %", "--calls-per-day", "20000", "--price", "0,25",
        "--cost", "500", "--json",
    )  # fmt: skip
    assert json.loads(told.stdout) == found
    assert found["break_even_calls"] == int(500 / (48 * 0.25 / 3.6e6))
    of_runs = command(
        site, "roi", "--baseline", "w1", "--after", "w2", "--calls-per-day", "9", "--price", "1"
    )
    assert "pays back" in of_runs.stdout
    assert error(site.client.post("/api/v1/roi", json=asked | {"old": "1,500"}))[::2] == (422, "$.old")
    assert error(site.client.post("/api/v1/roi", json=asked | {"new": 5}))[::2] == (422, "$.saving")
    wrong = command(site, "roi", "--old", "x", "--calls-per-day", "0", "--price", "1", "--new", "1")
    assert (wrong.returncode, "--old" in wrong.stderr, "--calls-per-day" in wrong.stderr) == (2, True, True)


PURPLE = ["#1b7837", "#7fbf7b", "#c2a33a", "#af6dc3", "#5b2a73"]


def test_a_manager_changes_the_colours_of_every_label(site: Site) -> None:
    manager = Browser(site)
    fields = {f"colour-{letter}": colour for letter, colour in zip("ABCDE", PURPLE, strict=True)}
    preview = manager.post("/manage/colours", **fields)
    assert PURPLE[0] in preview.text
    assert PURPLE[0] not in site.client.get("/api/v1/labels/w1.svg").text
    saved = manager.post("/manage/colours", action="save", **fields)
    assert "were saved" in saved.text
    label = site.client.get("/api/v1/labels/w1.svg").text
    assert all(colour in label for colour in PURPLE)
    assert "letters.colours" in manager.get("/manage")
    # Another labeler on the same database.
    palette.use(None)
    Appearance(site.store.database).refresh()
    assert palette.base() == tuple(PURPLE)
    back = manager.post("/manage/colours", action="shipped", **fields)
    assert palette.SHIPPED[0] in back.text
    assert palette.base() == palette.SHIPPED


def test_colours_that_cannot_be_told_apart_are_refused(site: Site) -> None:
    headers = site.headers("manager")
    same = [*PURPLE[:3], PURPLE[2], PURPLE[4]]
    for colours, words in (
        (same, "look the same"),
        (["#ffffff", *PURPLE[1:]], "too pale"),
        (["red", *PURPLE[1:]], "written"),
    ):
        answer = site.client.put("/api/v1/colours", json={"colours": colours}, headers=headers)
        assert error(answer)[::2] == (422, "colours")
        assert words in answer.json()["error"]["message"]
    page = Browser(site).post(
        "/manage/colours", action="save", **{f"colour-{one}": "#ffffff" for one in "ABCDE"}
    )
    assert page.status_code == 422
    assert (
        site.client.put("/api/v1/colours", json={"colours": PURPLE}, headers=site.headers()).status_code
        == 403
    )
    assert site.get("colours").json()["colours"] == list(palette.SHIPPED)


TACTIC = {
    "name": "own-cache", "title": "Cache answers", "stage": "deployment",
    "description": "The same question is asked once.",
    "low": 0.1, "expected": 0.2, "high": 0.3, "source": "Our own logs, 2026",
}  # fmt: skip


def test_a_manager_adds_a_tactic_that_everybody_can_use(site: Site) -> None:
    assert error(site.post("tactics", TACTIC))[:2] == (403, "forbidden")
    assert site.post("tactics", TACTIC, "manager").json()["origin"] == "manager"
    page = site.client.get("/roi?tactic=own-cache&old=100&old_unit=J&calls_per_day=1000&price=0.2").text
    assert "Cache answers" in page
    assert re.search(r"At the low end of its range", page)
    assert error(site.post("tactics", TACTIC | {"name": "x", "low": 0.5}, "manager"))[0] == 422
    assert (
        error(site.post("tactics", TACTIC | {"name": "x", "url": "javascript:alert(1)"}, "manager"))[0] == 422
    )
    assert error(site.post("tactics", TACTIC, "manager"))[:2] == (409, "duplicate")
    manager = Browser(site)
    told = manager.post(
        "/manage/tactics", name="int8", title="8 bits", stage="x", description="y", metric="energy", expected="30 %",
        source="we", phase="inference", enabled="1",
    )  # fmt: skip
    assert "int8 was saved" in told.text
    tactics = {one["name"]: one for one in site.get("tactics").json()["tactics"]}
    assert tactics["int8"]["expected"] == 0.3
    wrong = manager.post(
        "/manage/tactics", name="z", title="z", stage="x", description="y", low="much", source="we"
    )
    assert (wrong.status_code, "low" in wrong.text) == (422, True)
    off = TACTIC | {"enabled": False}
    site.client.put("/api/v1/tactics/own-cache", json=off, headers=site.headers("manager"))
    assert "Cache answers" not in site.client.get("/roi").text
