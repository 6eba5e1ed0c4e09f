"""What managers define is in force at once in forms, uploads, pages and REST."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from api_site import RUN, Browser, Site, error
from gramwatt_labeler.__main__ import main

METRIC = {
    "name": "bleu", "title": "BLEU", "unit": "points", "direction": "higher", "phases": ["inference"],
    "description": "How near a translation is to one by people.",
}  # fmt: skip
FIELD = {"name": "Cooling", "choices": ["air", "water"], "description": "What cools it."}
TOOL = {
    "name": "own-meter", "description": "Our wall meter",
    "columns": [
        {"column_name": "what", "field": "model"},
        {"column_name": "total", "field": "energy", "unit": "Wh"},
        {"column_name": "cooled by", "field": "field-1"},
    ],
}  # fmt: skip


def test_only_managers_define_and_everybody_reads(site: Site) -> None:
    for kind, body in (("metrics", METRIC), ("fields", FIELD), ("tools", TOOL)):
        assert error(site.post(kind, body))[:2] == (403, "forbidden")
        assert error(site.client.put(f"/api/v1/{kind}/x", json=body))[:2] == (401, "unauthorized")
        assert site.client.get(f"/manage/{kind}", follow_redirects=False).status_code == 303
        assert Browser(site, "contributor").post(f"/manage/{kind}", name="x").status_code == 403
        site.client.cookies.clear()
    energy = next(one for one in site.get("metrics").json()["metrics"] if one["name"] == "energy_per_unit")
    assert (energy["origin"], energy["direction"]) == ("shipped", "lower")
    assert {"codecarbon", "eco2ai"} <= {one["name"] for one in site.get("tools").json()["tools"]}
    assert site.get("fields").json() == {"fields": []}


def test_a_metric_and_a_field_are_in_the_form_on_the_page_and_in_rest(site: Site) -> None:
    assert site.post("metrics", METRIC, "manager").json()["origin"] == "manager"
    assert site.post("fields", FIELD, "manager").status_code == 201
    form = site.client.get("/evaluate?phase=inference").text
    assert 'name="metric-bleu"' in form
    assert 'name="metric-bleu"' not in site.client.get("/evaluate?phase=training").text
    run = {"phase": "inference", "model": "acme/net", "energy": "3", "energy_unit": "kWh"}
    wrong = site.client.post("/evaluate", data=run | {"field-1": "oil", "metric-bleu": "31 %"})
    assert wrong.status_code == 422
    assert "must be one of air, water" in wrong.text
    assert "write the number in points" in wrong.text
    person = Browser(site, "contributor")
    added = person.post("/evaluate", add="1", **run, **{"field-1": "water", "metric-bleu": "31,4 points"})
    page = added.text
    assert re.search(r"<dt[^>]*>BLEU</dt><dd>31\.4 points</dd>", page)
    assert "<dt>Cooling</dt><dd>water</dd>" in page
    site.client.cookies.clear()
    given = RUN | {"fields": {"Cooling": "air"}}
    (one,) = site.post("evaluations", given).json()["evaluations"]
    assert site.get(f"evaluations/{one['id']}").json()["extra"] == {"Cooling": "air"}
    assert error(site.post("evaluations", given | {"fields": {"Cooling": "oil"}}))[::2] == (
        422,
        "$.fields.Cooling",
    )
    assert error(site.post("evaluations", given | {"fields": {"Heating": "oil"}}))[::2] == (422, "$.fields")


def test_what_helps_is_said_from_its_letter_on(site: Site) -> None:
    advice = [
        {"letter": "B", "text": "Warm up the <cache>", "source": "Our report", "url": ""},
        {
            "letter": "E",
            "text": "Choose another model",
            "source": "Their report",
            "url": "https://example.org",
        },
    ]
    metric = METRIC | {"name": "bleu", "recommendations": advice, "phases": ["training"]}
    assert site.post("metrics", metric, "manager").json()["recommendations"] == advice
    content = site.scales.files["gaissalabel"].file.read_text()
    own = content.replace("name: gaissalabel", "name: own").replace("size_efficency:", "bleu:")
    own = own.replace("bounds: [621520.4974319822, 135784.50299839783, 40312.23486482583, 10344.486801846353]",
                      "bounds: [50, 40, 30, 20]")  # fmt: skip
    assert site.post("scales", {"content": own}, "manager").status_code == 201
    run = {"phase": "training", "model": "acme/net", "values": {"emissions": 5}, "extra": {"bleu": 35}}
    (one,) = site.post("evaluations", run).json()["evaluations"]
    page = site.client.get(f"/evaluations/{one['id']}?scale=own").text
    assert "Warm up the &lt;cache&gt; <small>(Our report)</small>" in page
    assert "Choose another model" not in page  # a C has not come to E
    wrong = site.post("metrics", metric | {"name": "x", "recommendations": [{"letter": "F"}]}, "manager")
    assert error(wrong)[::2] == (422, "$.recommendations[0].letter")
    manager = Browser(site)
    assert "B: Warm up the &lt;cache&gt; | Our report" in manager.get("/manage/metrics?name=bleu")
    fields = {"title": "BLEU", "unit": "points", "direction": "higher", "phase-training": "1", "enabled": "1"}
    helps = "C: Train longer | A book | https://example.org/book\n"
    assert "was saved" in manager.post("/manage/metrics", name="bleu", recommendations=helps, **fields).text
    assert "Train longer" in site.client.get(f"/evaluations/{one['id']}?scale=own").text
    shipped = next(one for one in site.get("metrics").json()["metrics"] if one["name"] == "energy_per_unit")
    assert shipped["recommendations"]


def test_a_tool_of_ones_own_is_recognised_and_its_columns_are_mapped(site: Site) -> None:
    site.post("fields", FIELD, "manager")
    assert site.post("tools", TOOL, "manager").status_code == 201
    content = b"what,total,cooled by\nacme/net,1500,water\n"
    files = [("files", ("meter.csv", content))]
    page = site.client.post("/upload", files=files, data={"phase": "training", "task": "fill-mask"}).text
    assert "Read as Our wall meter" in page
    assert "5.4 MJ" in page or "1.5 kWh" in page
    assert '<option value="field-1" selected>Cooling</option>' in page
    off = TOOL | {"enabled": False}
    assert (
        site.client.put("/api/v1/tools/own-meter", json=off, headers=site.headers("manager")).status_code
        == 200
    )
    page = site.client.post("/upload", files=files, data={"phase": "training", "task": "fill-mask"}).text
    assert "Read as a table of your own" in page


@pytest.mark.parametrize(
    ("kind", "body", "path"),
    [
        ("metrics", METRIC | {"name": "a b"}, "$.name"),
        ("metrics", METRIC | {"direction": "up"}, "$.direction"),
        ("metrics", METRIC | {"phases": []}, "$.phases"),
        ("metrics", METRIC | {"colour": "red"}, "$.colour"),
        ("fields", FIELD | {"name": "\x00"}, "$.name"),
        ("tools", TOOL | {"columns": []}, "$.columns"),
        ("tools", TOOL | {"columns": [{"column_name": "a", "field": "joy"}]}, "$.columns[0]"),
        (
            "tools",
            TOOL | {"columns": [{"column_name": "a", "field": "energy", "unit": "kg"}]},
            "$.columns[0]",
        ),
    ],
)
def test_a_mistake_is_named_with_its_path(site: Site, kind: str, body: object, path: str) -> None:
    assert error(site.post(kind, body, "manager"))[::2] == (422, path)


def test_a_name_that_is_there_is_changed_by_put_alone(site: Site) -> None:
    tool = next(one for one in site.get("tools").json()["tools"] if one["name"] == "hugging-face")
    del tool["origin"]
    tool["columns"] = [one for one in tool["columns"] if one["column_name"] != "downloads"]
    address = "/api/v1/tools/hugging-face"
    assert site.client.put(address, json=tool, headers=site.headers("manager")).status_code == 200
    files = [("files", ("a.csv", b"modelId,co2_eq_emissions,downloads\norg/a,5,9\n"))]
    page = site.client.post("/upload", files=files, data={"phase": "inference"}).text
    assert "Read as Hugging Face models" in page
    site.post("metrics", METRIC, "manager")
    assert error(site.post("metrics", METRIC, "manager"))[:2] == (409, "duplicate")
    headers = site.headers("manager")
    assert error(site.client.put("/api/v1/fields/Cooling", json=FIELD, headers=headers))[0] == 404
    assert error(site.client.put("/api/v1/metrics/other", json=METRIC, headers=headers))[::2] == (
        422,
        "$.name",
    )
    shipped = next(one for one in site.get("metrics").json()["metrics"] if one["name"] == "energy_per_unit")
    del shipped["origin"]
    changed = shipped | {"title": "Energy each", "unit": ""}
    answer = site.client.put("/api/v1/metrics/energy_per_unit", json=changed, headers=headers)
    assert (answer.status_code, answer.json()["title"]) == (200, "Energy each")


def test_managers_define_by_form_and_each_change_is_in_the_audit(site: Site) -> None:
    manager = Browser(site)
    told = manager.post(
        "/manage/tools", name="own-meter", description="Our meter", reduce="sum", enabled="1",
        columns="what = model\ntotal = energy Wh\na = b = run\n",
    )  # fmt: skip
    assert "own-meter was saved" in told.text
    tool = next(one for one in site.get("tools").json()["tools"] if one["name"] == "own-meter")
    assert (tool["reduce"], tool["columns"][0]["column_name"]) == ("sum", "a = b")
    assert "total = energy Wh" in manager.get("/manage/tools?name=own-meter")
    wrong = manager.post("/manage/tools", name="own-meter", description="Our meter", columns="what = joy")
    assert wrong.status_code == 422
    assert "no field" in wrong.text
    assert "was saved" in manager.post("/manage/fields", name="Cooling", choices="air\nwater\n").text
    assert "was saved" in manager.post("/manage/fields", name="Cooling", choices="air\r\noil\r\n").text
    assert site.get("fields").json()["fields"][0]["choices"] == ["air", "oil"]
    page = manager.post("/manage/metrics", name="bleu", title="BLEU", direction="higher")
    assert "phases" in page.text
    assert page.status_code == 422
    saved = {"phase-inference": "1", "enabled": "1"}
    assert (
        "was saved"
        in manager.post("/manage/metrics", name="bleu", title="<b>", direction="higher", **saved).text
    )
    assert "<b></td>" not in manager.get("/manage/metrics")
    audit = manager.get("/manage")
    for what in ("tool own-meter", "extra field Cooling", "metric bleu"):
        assert what in audit
    assert manager.client.get("/manage/nothing").status_code == 404


def test_files_are_imported_over_rest_with_an_answer_for_each_line(site: Site) -> None:
    table = b'model,energy (kWh)\norg/a,1\norg/b,"1,500"\norg/c,2\n'

    def send(**fields: str) -> Any:
        files = [("files", ("runs.csv", table))]
        address = "/api/v1/evaluations/import"
        return site.client.post(address, files=files, data=fields, headers=site.headers())

    found = send(phase="training", task="fill-mask").json()
    assert found["counts"] == {"added": 2, "already there": 0, "taken back": 0, "not added": 1}
    wrong = next(one for one in found["lines"] if one["outcome"] == "not added")
    assert (wrong["line"], "1500 or 1.5" in wrong["message"]) == (3, True)
    again = send(phase="training", task="fill-mask").json()
    assert again["counts"]["already there"] == 2
    assert {one["id"] for one in again["lines"]} == {one["id"] for one in found["lines"]}
    assert error(send(phase="sleeping"))[::2] == (422, "phase")
    assert error(send(tool="spoon"))[::2] == (422, "tool")
    assert error(site.post("evaluations/import", {}))[0] == 415
    for name, content, data, wrong in (
        ("a.csv", table, {"langue": "de"}, (422, "invalid", "langue")),
        ("a.csv", b"a" * 10_000_001, {}, (413, "too_large", "files")),
    ):
        answer = site.client.post(
            "/api/v1/evaluations/import",
            files=[("files", (name, content))],
            data=data,
            headers=site.headers(),
        )
        assert error(answer) == wrong
    assert (
        site.client.post("/api/v1/evaluations/import", files=[("files", ("a.csv", table))]).status_code == 401
    )
    assert site.get("evaluations").json()["total"] == 2


def test_the_command_lists_defines_and_changes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def define(*arguments: str) -> tuple[int, str, str]:
        code = main(["define", *arguments, "--data.database-url", f"sqlite:///{tmp_path / 'grades.db'}"])
        told = capsys.readouterr()
        return code, told.out, told.err

    file = tmp_path / "metrics.yml"
    file.write_text(
        "- {name: water, title: Water used, phases: [training], unit: litres, direction: lower,"
        " description: Litres of water, how_to: Ask the data centre}\n"
    )
    assert define("metrics", str(file), "--dry-run") == (0, "water: would be added\n", "")
    assert "water" not in define("metrics")[1]
    assert define("metrics", str(file))[:2] == (0, "water: added\n")
    assert define("metrics", str(file), "--json")[:2] == (0, '[{"name": "water", "outcome": "changed"}]\n')
    rows = json.loads(define("metrics", "--json")[1])
    assert next(row for row in rows if row["name"] == "water")["origin"] == "manager"
    assert "shipped" in define("tactics")[1]
    assert define("fields")[:2] == (0, "no fields are defined yet\n")
    for content, words in (
        ("{name: x}", "metrics.yml: $."),
        ("- {name: x, colour: red}", "metrics.yml: $[0]."),
        ("{a: [", "neither YAML nor JSON"),
        ("3", "metrics.yml: $"),
        ("", "metrics.yml: $"),
    ):
        file.write_text(content)
        code, out, wrong = define("metrics", str(file))
        assert (code, out, words in wrong) == (1, "", True), wrong
    assert "cannot read it" in define("metrics", str(tmp_path / "none.yml"))[2]
