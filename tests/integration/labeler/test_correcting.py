"""Numbers that a person stated are corrected, by page and by REST: a new evaluation in place of the old one."""

from __future__ import annotations

import html
import re
from pathlib import Path

from api_site import NOW, RUN, Browser, Site, error
from gramwatt_labeler.__main__ import main
from labeler_pages import fill
from taking_back import VALUES, added, call, database, listed, uploaded


def test_a_correction_by_rest_stands_in_the_place_of_the_old_numbers(site: Site) -> None:
    old = added(site)
    was = site.get(f"evaluations/{old}").json()
    better = RUN | {"values": {"energy": "1.35 MWh", "emissions": 420}}
    answer = call(site, "PUT", f"evaluations/{old}?reason=MWh", json=better)
    assert answer.status_code == 201, answer.text
    new = answer.json()["id"]
    assert answer.json()["corrects"] == old
    assert listed(site) == [new]
    now = site.get(f"evaluations/{new}").json()
    assert (now["energy_joules"], now["values"], now["end"]) == (1.35 * 3.6e9, {}, was["end"])
    assert now["corrects"] == [{"id": old, "created_at": was["created_at"]}]
    gone = site.get(f"evaluations/{old}")
    assert (error(gone)[0], gone.json()["error"]["existing"]) == (410, new)
    again = call(site, "PUT", f"evaluations/{old}", json=better)
    assert (error(again)[0], again.json()["error"]["existing"]) == (410, new)
    same = call(site, "PUT", f"evaluations/{new}", json=better)
    assert (error(same)[:2], same.json()["error"]["existing"]) == ((409, "duplicate"), new)
    other = added(site, model="acme/third")
    there = call(site, "PUT", f"evaluations/{other}", json=better)
    assert (error(there)[:2], there.json()["error"]["existing"]) == ((409, "duplicate"), new)
    assert sorted(listed(site)) == sorted([new, other])
    assert error(call(site, "PUT", f"evaluations/{new}", json=RUN | {"values": {"energy": "x"}})) == (
        422, "invalid", "$.values.energy",
    )  # fmt: skip
    assert error(call(site, "PUT", f"evaluations/{new}", json=[RUN]))[2] == "$"


def test_what_gramwatt_measured_is_not_corrected(site: Site) -> None:
    fill(site.store)
    refused = call(site, "PUT", "evaluations/w1", "manager", json=RUN)
    assert error(refused)[0] == 422
    assert "was measured by Gramwatt; it can only be taken back" in refused.json()["error"]["message"]
    assert site.client.get("/evaluate?corrects=w1").status_code == 422
    browser = Browser(site)
    page = browser.get("/evaluations/w1")
    assert "Correct these numbers" not in page
    assert "Take back</a>" in page


def filled(page: str) -> dict[str, str]:
    """The fields of the form as a browser sends it."""
    form = page.partition('<form method="post" action="/evaluate" class="stack">')[2].partition("</form>")[0]
    fields = {}
    for tag in re.findall(r"<input[^>]*>", form):
        name, value = re.search(r'name="([^"]+)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and 'type="checkbox"' not in tag:
            fields[name[1]] = html.unescape(value[1]) if value else ""
    for name, options in re.findall(r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', form, re.DOTALL):
        chosen = re.search(r'<option value="([^"]*)" selected>', options)
        fields[name] = chosen[1] if chosen else ""
    return fields


def test_a_person_corrects_the_numbers_in_the_form(site: Site) -> None:
    old = added(
        site, note="by hand", extra={"bleu": 31.4}, training_type="fine-tuning", source="a wall meter"
    )
    was = site.get(f"evaluations/{old}").json()
    browser = Browser(site, "contributor")
    assert f'href="/evaluate?corrects={old}">Correct these numbers</a>' in browser.get(f"/evaluations/{old}")
    page = browser.get(f"/evaluate?corrects={old}")
    assert "Correct these numbers" in page
    fields = filled(page)
    assert {name: fields[name] for name in ("model", "task", "energy", "energy_unit", "emissions", "accuracy")} == {
        "model": "acme/net", "task": "image-classification", "energy": "1.35", "energy_unit": "kWh",
        "emissions": "420", "accuracy": "0.91",
    }  # fmt: skip
    assert (fields["extra"], fields["note"], fields["training_type"]) == (
        "bleu: 31.4",
        "by hand",
        "fine-tuning",
    )
    unchanged = browser.post("/evaluate", **(fields | {"add": "1"}))
    assert (unchanged.status_code, "These are the numbers that it has" in unchanged.text) == (409, True)
    wrong = browser.post("/evaluate", **(fields | {"add": "1", "energy": "x"}))
    assert (wrong.status_code, filled(wrong.text)["corrects"]) == (422, old)
    shown = browser.post("/evaluate", **(fields | {"energy": "13.5"}))
    assert shown.status_code == 200
    assert listed(site) == [old]
    assert filled(shown.text)["corrects"] == old
    sent = fields | {"energy": "13.5", "add": "1", "reason": "a slip of the comma"}
    assert browser.post("/evaluate", **(sent | {"csrf": "x"})).status_code == 403
    assert browser.post("/evaluate", **(sent | {"reason": "x" * 1001})).status_code == 422
    done = browser.post("/evaluate", **sent)
    assert (done.status_code, done.url.path.startswith("/evaluations/")) == (200, True)
    (new,) = listed(site)
    assert done.url.path == f"/evaluations/{new}"
    assert "These numbers stand in the place of the old ones" in done.text
    assert f'Corrects <a href="/evaluations/{old}">' in done.text
    assert "when it ended is not stated" in done.text
    now = site.get(f"evaluations/{new}").json()
    same = ("name", "user", "end", "phase", "model", "task", "boundary", "origin", "extra")
    assert {name: now[name] for name in same} == {name: was[name] for name in same}
    assert (now["energy_joules"], now["measures"]["bleu"]["value"]) == (13.5 * 3.6e6, 31.4)
    page = browser.get(f"/evaluations/{old}")
    assert f'href="/evaluations/{new}">The corrected numbers</a>' in page
    assert "a slip of the comma" in page
    assert "Put it back" not in page
    again = browser.post("/evaluate", **sent)
    assert again.status_code == 410
    assert listed(site) == [new]


def test_a_row_of_a_file_is_corrected_and_keeps_its_place(site: Site) -> None:
    content = (
        b"model,phase,energy_wh,co2_g,samples,ended,duration_s\n"
        b"acme/a,inference,10,3,100,2026-11-02T10:00:00Z,90\n"
    )
    first = uploaded(site, content)
    old = first["lines"][0]["id"]
    was = site.get(f"evaluations/{old}").json()
    browser = Browser(site, "contributor")
    fields = filled(browser.get(f"/evaluate?corrects={old}"))
    assert (fields["phase"], fields["samples"]) == ("inference", "100")
    browser.post("/evaluate", **(fields | {"samples": "1000", "add": "1"}))
    (new,) = listed(site)
    now = site.get(f"evaluations/{new}").json()
    assert (now["origin"], now["detail"]["file"], now["detail"]["line"]) == ("file", "runs.csv", "2")
    assert (now["start"], now["end"], now["values"]["samples"]) == (was["start"], was["end"], 1000)
    assert uploaded(site, content)["lines"][0]["outcome"] == "taken back"
    assert now["grades"].keys() == was["grades"].keys()


def test_a_correction_goes_with_the_import_of_the_row_that_it_corrects(site: Site) -> None:
    first = uploaded(site)
    old = first["lines"][0]["id"]
    body = RUN | {"model": "acme/a"}
    new = call(site, "PUT", f"evaluations/{old}", json=body).json()["id"]
    assert listed(site, f"?import_id={first['import_id']}").count(new) == 1
    assert site.post("evaluations/take-back", {"import_id": first["import_id"]}).json()["count"] == 2
    assert listed(site) == []


def test_the_first_numbers_are_not_put_back_beside_the_last_correction(site: Site) -> None:
    ids = [added(site)]
    for samples in (10, 20):
        body = RUN | {"values": VALUES | {"samples": samples}}
        ids.append(call(site, "PUT", f"evaluations/{ids[-1]}", json=body).json()["id"])
    act = site.get(f"taken-back?evaluation={ids[0]}").json()["withdrawals"][0]["id"]
    refused = call(site, "POST", f"taken-back/{act}/restore", "manager")
    assert error(refused)[:2] == (409, "duplicate")
    assert f"{ids[2]!r} stands in its place" in refused.json()["error"]["message"]
    assert listed(site) == [ids[2]]


def test_what_was_imported_by_codecarbons_reader_can_be_corrected(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "emissions.csv"
    file.write_text(
        "timestamp,project_name,run_id,duration,emissions,energy_consumed,cpu_energy,country_name,tracking_mode\n"
        "2026-11-02T10:00:00,p,run-1,60,0.01,0.2,0.2,France,process\n"
    )
    assert main(["import", str(file), "--timezone", "UTC", "--task", "t", *database(site)]) == 0
    was = site.get("evaluations/run-1").json()
    browser = Browser(site)
    fields = filled(browser.get("/evaluate?corrects=run-1"))
    assert (fields["duration"], fields["energy"], fields["energy_unit"]) == ("60", "0.2", "kWh")
    done = browser.post("/evaluate", **(fields | {"model": "acme/net", "samples": "10", "add": "1"}))
    assert done.status_code == 200, done.text
    (new,) = listed(site)
    now = site.get(f"evaluations/{new}").json()
    assert (now["model"], now["values"], now["energy_joules"]) == (
        "acme/net",
        {"samples": 10},
        was["energy_joules"],
    )
    same = ("start", "end", "components", "zone", "boundary")
    assert {name: now[name] for name in same} == {name: was[name] for name in same}
    assert now["end"] < NOW
