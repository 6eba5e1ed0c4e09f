"""Evaluations that were added with a mistake are taken back, by page, by REST and by command."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from api_site import NOW, RUN, Browser, Site, error
from gramwatt_labeler.__main__ import main
from gramwatt_labeler.model import Grade, Graded, Measurement, ScaleId, Window
from gramwatt_labeler.store.audit import entries
from labeler_pages import fill
from taking_back import TABLE, added, call, database, listed, uploaded


def test_what_is_taken_back_by_rest_counts_nowhere(site: Site) -> None:
    one, other = added(site), added(site, model="acme/other")
    returns = site.post(
        "roi/analyses", {"title": "t", "baseline": one, "old": 2, "new": 1, "calls_per_day": 5, "price": 1}
    )
    assert returns.status_code == 201
    answer = call(site, "DELETE", f"evaluations/{one}?reason=wrong%20unit")
    assert answer.status_code == 200, answer.text
    done = answer.json()
    assert (done["count"], done["by"], done["reason"]) == (1, "contributor", "wrong unit")
    assert [row["id"] for row in done["evaluations"]] == [one]
    assert (listed(site), site.get("evaluations").json()["total"]) == ([other], 1)
    assert [row["window"] for row in site.get("grades").json()["grades"] if row["window"] == one] == []
    models = {row["name"]: row["evaluations"] for row in site.get("models").json()["models"]}
    assert models == {"net": 0, "other": 1}
    for path in (
        f"evaluations/{one}", f"evaluations/{one}/boamps", f"labels/{one}.svg", f"grades/{one}",
    ):  # fmt: skip
        gone = site.get(path)
        assert error(gone) == (410, "gone", ""), path
        assert "was taken back by contributor on" in gone.json()["error"]["message"]
        assert "wrong unit" in gone.json()["error"]["message"]
    for path in (
        f"/evaluations/{one}",
        f"/evaluations/{one}/label.svg",
        f"/evaluations/{one}.json",
        f"/labels/{one}",
    ):
        assert site.client.get(path).status_code == 410, path
    assert site.client.get(f"/report?what=window&id={one}").status_code == 422
    assert "was taken back" in site.client.get(f"/compare?ids={one},{other}").text
    assert site.get("roi/analyses/1").json()["baseline"] is None
    assert f'<a href="/evaluations/{one}">{one}</a>, which was taken back.' in site.client.get("/roi/1").text
    page = site.client.get(f"/evaluations/{one}").text
    for words in ("Taken back by contributor on", "wrong unit", "1.35 kWh", "420 g", "Id</dt>"):
        assert words in page
    assert error(call(site, "DELETE", f"evaluations/{one}"))[:2] == (410, "gone")
    assert error(call(site, "DELETE", "evaluations/nothing"))[:2] == (404, "not_found")
    assert site.get("taken-back").json() == {"withdrawals": [done], "next": None}
    assert site.get(f"taken-back?evaluation={other}").json()["withdrawals"] == []
    assert site.get(f"taken-back/{done['id']}").json() == done
    assert error(call(site, "POST", f"taken-back/{done['id']}/restore"))[:2] == (403, "forbidden")
    assert call(site, "POST", f"taken-back/{done['id']}/restore", "manager").json() == {"ids": [one]}
    assert sorted(listed(site)) == sorted([one, other])
    assert site.get("roi/analyses/1").json()["baseline"] == one
    assert site.get(f"labels/{one}.svg").status_code == 200
    assert error(site.get(f"taken-back/{done['id']}"))[:2] == (404, "not_found")
    found = [(entry.action, entry.user, entry.object) for _, entry in entries(site.store.database)]
    assert found[:2] == [
        ("evaluation.restore", "manager", one), ("evaluation.take_back", "contributor", one),
    ]  # fmt: skip


def test_the_user_who_added_it_and_a_manager_may(site: Site) -> None:
    fill(site.store)
    mine, theirs = added(site), added(site, "manager", model="acme/theirs")
    for role, path, status in (
        ("viewer", mine, 403), ("contributor", theirs, 403), ("contributor", "w1", 403),
    ):  # fmt: skip
        assert error(call(site, "DELETE", f"evaluations/{path}", role))[0] == status
        assert error(call(site, "PUT", f"evaluations/{path}", role, json=RUN))[0] == status
    assert error(site.client.delete(f"/api/v1/evaluations/{mine}"))[0] == 401
    both = {"ids": [mine, theirs], "reason": "r"}
    refused = site.post("evaluations/take-back", both)
    assert error(refused)[:2] == (403, "forbidden")
    assert "was added by manager; a manager may take it back" in refused.json()["error"]["message"]
    assert {mine, theirs} <= set(listed(site))
    assert site.post("evaluations/take-back", {"ids": [mine]}).json()["count"] == 1
    assert site.post("evaluations/take-back", {"ids": [theirs, "w1"]}, "manager").json()["count"] == 2


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "$"),
        ({"ids": ["a"], "file": "b"}, "$"),
        ({"ids": []}, "$"),
        ({"ids": "a"}, "$.ids"),
        ({"ids": [1]}, "$.ids[0]"),
        ({"ids": ["a"], "reason": "x" * 1001}, "$.reason"),
        ({"id": "a"}, "$.id"),
        ({"import_id": "x" * 27}, "$.import_id"),
    ],
)
def test_what_is_wrong_with_a_call_is_said_with_its_field(
    site: Site, body: dict[str, Any], path: str
) -> None:
    assert error(site.post("evaluations/take-back", body)) == (422, "invalid", path)


def test_a_whole_upload_is_taken_back_and_no_file_brings_it_back_unasked(site: Site) -> None:
    first = uploaded(site)
    assert first["counts"]["added"] == 2
    kept = added(site)
    import_id = first["import_id"]
    assert len(listed(site, f"?import_id={import_id}")) == 2
    assert site.get(f"evaluations/{first['lines'][0]['id']}").json()["import_id"] == import_id
    done = site.post("evaluations/take-back", {"import_id": import_id, "reason": "Wh, not kWh"}).json()
    assert (done["count"], listed(site)) == (2, [kept])
    again = uploaded(site)
    assert again["counts"] == {"added": 0, "already there": 0, "taken back": 2, "not added": 0}
    assert again["import_id"] is None
    assert {line["id"] for line in again["lines"]} == {line["id"] for line in first["lines"]}
    assert all("was taken back by contributor on" in line["message"] for line in again["lines"])
    assert listed(site) == [kept]
    # Another mapping has other contents; a row with an id of its tool's is the same run whatever it states.
    other = uploaded(site, TABLE.replace(b"energy_wh", b"energy_kwh"))
    assert [line["outcome"] for line in other["lines"]] == ["added", "taken back"]
    asked = uploaded(site, TABLE.replace(b"energy_wh", b"energy_kwh"), again="true")
    assert [line["outcome"] for line in asked["lines"]] == ["already there", "added"]
    assert site.get("evaluations/run-b").json()["energy_joules"] == 20 * 3.6e6
    wrong = site.client.post(
        "/api/v1/evaluations/import", files={"files": ("runs.csv", TABLE)}, data={"again": "yes"},
        headers=site.headers(),
    )  # fmt: skip
    assert error(wrong) == (422, "invalid", "again")
    # One stands in its place now: the whole is not put back, the other one is.
    restore = f"taken-back/{done['id']}/restore"
    assert error(call(site, "POST", restore, "manager"))[:2] == (409, "duplicate")
    one = first["lines"][0]["id"]
    assert call(site, "POST", restore, "manager", json={"ids": [one]}).json() == {"ids": [one]}
    assert error(call(site, "POST", restore, "manager", json={"ids": ["x"]}))[:2] == (404, "not_found")
    assert site.post("evaluations/take-back", {"file": "runs.csv"}).json()["count"] == 3
    assert listed(site) == [kept]


def test_the_same_numbers_are_typed_again_after_they_were_taken_back(site: Site) -> None:
    one = added(site)
    assert error(site.post("evaluations", RUN))[:2] == (409, "duplicate")
    call(site, "DELETE", f"evaluations/{one}")
    again = added(site)
    assert listed(site) == [again]
    withdrawal = site.get("taken-back").json()["withdrawals"][0]["id"]
    refused = call(site, "POST", f"taken-back/{withdrawal}/restore", "manager")
    assert (error(refused)[0], refused.json()["error"]["existing"]) == (409, again)


def test_a_hostile_reason_is_text(site: Site) -> None:
    one, other = added(site), added(site, model="acme/other")
    hostile = "\x00<script>alert(1)</script>\u202e {{7*7}} \U0001f40c\r\n'--"
    done = site.post("evaluations/take-back", {"ids": [one], "reason": hostile}).json()
    assert done["reason"] == "<script>alert(1)</script> {{7*7}} \U0001f40c '--"
    assert call(site, "DELETE", f"evaluations/{other}", params={"reason": hostile}).status_code == 200
    for path in (f"/evaluations/{one}", "/taken-back", "/taken-back/1", "/taken-back/2"):
        page = site.client.get(path).text
        assert "<script>" not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt; {{7*7}}" in page
    for path in ("x" * 1025, "%00", "..%2F", "%ff"):
        assert call(site, "DELETE", f"evaluations/{path}").status_code in (404, 422)
        assert site.client.get(f"/take-back?id={path}").status_code in (404, 422)


def test_a_file_with_the_id_of_a_run_takes_back_none_of_its_recorded_parts(site: Site) -> None:
    window = Window("epoch", "epoch", "training", NOW - 60, NOW, model="acme/a", parent="run-b")
    grade = Grade(ScaleId("s", "1", "2026-01-01", "a" * 64), "C")
    assert site.store.add(Graded(window, Measurement(9.0, {}, None, None), grade, NOW))
    assert uploaded(site)["counts"]["added"] == 2
    refused = call(site, "DELETE", "evaluations/run-b")
    assert error(refused)[:2] == (403, "forbidden")
    assert "'epoch' was added by Gramwatt or a command" in refused.json()["error"]["message"]
    page = Browser(site, "contributor").get("/take-back?id=run-b")
    assert "Added by Gramwatt or a command, contributor on" in page
    assert "Another user added it or a run inside it" in page
    assert "<button" not in page[page.index("<h1>") :]
    assert call(site, "DELETE", "evaluations/run-b", "manager").json()["count"] == 2


def test_a_person_takes_an_upload_back_on_the_pages(site: Site) -> None:
    browser = Browser(site, "contributor")
    preview = site.client.post("/upload", files={"files": ("runs.csv", TABLE)})
    where = re.search(r'action="(/upload/[^"]+)"', preview.text)
    assert where
    columns = dict(
        re.findall(r'<select name="(column-[^"]+)".*?<option value="([^"]+)" selected', preview.text)
    )
    units = dict(re.findall(r'<select name="(unit-[^"]+)".*?<option value="([^"]+)" selected', preview.text))
    sent = columns | units | {"do": "add", "tool-0": "table", "phase": "training"}
    report = browser.post(where[1], **sent)
    assert "2 added" in report.text
    ask = re.search(r'href="(/take-back\?import_id=[^"]+)">Take all of these back', report.text)
    assert ask
    page = browser.get(ask[1])
    assert "Take back a whole import?" in page
    assert "<b>2 evaluations</b>" in page
    hidden = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page))
    assert site.client.post("/take-back", data=hidden | {"csrf": "x"}).status_code == 403
    assert len(listed(site)) == 2
    done = browser.post("/take-back", **(hidden | {"reason": "wrong <column>"}))
    assert done.url.path == "/taken-back/1"
    for words in ("2 evaluations taken back", "wrong &lt;column&gt;", "acme/a", "acme/b"):
        assert words in done.text
    assert "Put all of them back" not in done.text
    assert listed(site) == []
    assert "wrong &lt;column&gt;" in browser.get("/taken-back")
    assert browser.post("/taken-back/1").status_code == 403
    preview = site.client.post("/upload", files={"files": ("runs.csv", TABLE)})
    where = re.search(r'action="(/upload/[^"]+)"', preview.text)
    assert where
    again = browser.post(where[1], **sent)
    assert "2 taken back" in again.text
    assert "add also what was taken back" in again.text
    manager = Browser(site, "manager")
    assert "Put all of them back" in manager.get("/taken-back/1")
    assert manager.post("/taken-back/1").url.path == "/evaluations"
    assert len(listed(site)) == 2
    assert "Nothing is taken back" in manager.get("/taken-back")


def test_a_visitor_is_asked_to_log_in_and_a_stranger_to_ask_a_manager(site: Site) -> None:
    one = added(site, "manager")
    assert "Log in</a> with the right to write" in site.client.get(f"/take-back?id={one}").text
    assert site.client.post("/take-back", data={"id": one}).status_code == 403
    browser = Browser(site, "contributor")
    assert "Take back</a>" not in browser.get(f"/evaluations/{one}")
    page = browser.get(f"/take-back?id={one}")
    assert "a manager may take it back" in page
    assert "<button" not in page.partition("<h1>")[2]
    assert browser.post("/take-back", id=one).status_code == 403
    assert "only" not in browser.get(f"/evaluate?corrects={one}").partition("<h1>")[2][:20]
    assert site.client.get("/take-back?id=nothing").status_code == 404
    assert site.client.get("/take-back").status_code == 422
    manager = Browser(site, "manager")
    assert manager.post("/take-back", id=one, reason="x" * 1001).status_code == 422
    assert manager.post("/take-back", id=one).status_code == 200
    assert site.client.get(f"/take-back?id={one}").status_code == 410
    assert "Put it back" in manager.get(f"/evaluations/{one}")
    assert manager.post("/taken-back/1", id=one).url.path == f"/evaluations/{one}"


def test_a_page_says_which_runs_go_with_a_run(site: Site) -> None:
    fill(site.store)
    graded = site.store.get("w2")[0]
    for number in range(3):
        window = replace(graded.window, id=f"epoch-{number}", parent="w2" if number else "epoch-2")
        site.store.add(replace(graded, window=window))
    manager = Browser(site)
    assert "3 runs inside it go with it" in manager.get("/take-back?id=w2")
    done = manager.post("/take-back", id="w2")
    assert "4 evaluations taken back" in done.text
    page = manager.get("/evaluations/epoch-0")
    assert "All 4 that were taken back with it" in page
    assert "Put it back" not in page
    assert manager.post("/taken-back/1", id="epoch-0").url.path == "/evaluations/epoch-0"
    assert manager.post("/taken-back/1", id="nothing").status_code == 404
    assert site.get("taken-back/1").json()["count"] == 3


def test_the_commands_take_back_list_and_put_back(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    one, other = added(site), added(site, model="acme/other")
    assert main(["restore", *database(site)]) == 0
    assert capsys.readouterr().out == "nothing is taken back\n"
    assert main(["take-back", one, "--dry-run", *database(site)]) == 0
    assert "1 taken back; nothing was kept" in capsys.readouterr().out
    assert len(listed(site)) == 2
    assert main(["take-back", one, other, "--reason", "both wrong", *database(site)]) == 0
    assert "2 taken back; put back by: gramwatt-labeler restore 1" in capsys.readouterr().out
    assert listed(site) == []
    assert main(["restore", *database(site)]) == 0
    assert "acme/net and 1 more, by the command line: both wrong" in capsys.readouterr().out
    assert main(["restore", "--json", *database(site)]) == 0
    assert [row["count"] for row in json.loads(capsys.readouterr().out)] == [2]
    assert main(["restore", "1", other, "--dry-run", *database(site)]) == 0
    assert main(["restore", "1", other, "--json", *database(site)]) == 0
    assert json.loads(capsys.readouterr().out.partition("kept\n")[2]) == {"ids": [other]}
    assert listed(site) == [other]
    for words, code, said in (
        (["take-back"], 2, "ID: name evaluations"),
        (["take-back", one, "--file", "a"], 2, "ID: name evaluations"),
        (["take-back", one], 1, "was taken back by the command line on"),
        (["take-back", "nothing"], 1, "no evaluation 'nothing'"),
        (["take-back", "--import", "nothing"], 1, "no evaluation of import nothing"),
        (["take-back", other, "--reason", "x" * 1001], 2, "--reason: longer than"),
        (["restore", "9"], 1, "there is no withdrawal 9"),
        (["compare", one, other], 1, "was taken back"),
    ):
        assert main([*words, *database(site)]) == code, words
        assert said in capsys.readouterr().err, words
    assert main(["take-back", other, "--json", *database(site)]) == 0
    assert json.loads(capsys.readouterr().out) == {"ids": [other], "withdrawal": 2}


def test_an_import_by_command_goes_at_once_with_its_labels(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "emissions.csv"
    file.write_text(
        "timestamp,project_name,run_id,duration,emissions,energy_consumed\n"
        "2026-11-02T10:00:00,p,run-1,60,0.01,0.2\n2026-11-02T11:00:00,p,run-2,60,0.01,0.3\n"
    )
    table = tmp_path / "runs.json"
    table.write_text(
        '[{"model": "acme/a", "energy_wh": 10, "samples": 9}, {"model": "acme/b", "energy_wh": 20, "run_id": "run-b"}]'
    )
    labels = tmp_path / "labels"
    words = [*database(site), "--labels.dir", str(labels), "--labels.formats", "svg"]
    imported = ["import", str(file), str(table), "--phase", "training", *words]
    assert main(imported) == 0
    out = capsys.readouterr().out
    found = re.search(r"gramwatt-labeler take-back --import (\w+)", out)
    assert found
    assert len(list(labels.iterdir())) == 2
    assert main(["take-back", "--import", found[1], *words]) == 0
    assert "4 taken back" in capsys.readouterr().out
    assert (listed(site), list(labels.iterdir())) == ([], [])
    assert main(imported) == 0
    out = capsys.readouterr().out
    assert "2 taken back (--again adds what was taken back)" in out
    assert "--again adds it" in out
    assert listed(site) == []
    assert main([*imported, "--again"]) == 0
    assert len(listed(site)) == 4
    assert main(["take-back", "--file", "emissions.csv", "--dry-run", *words]) == 0
    assert "2 taken back" in capsys.readouterr().out
