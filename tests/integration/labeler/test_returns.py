"""An analysis of a tactic's return is kept with its evaluations: by page, by REST and by command; and taken away."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from api_site import NOW, Browser, Site, error
from gramwatt_labeler.__main__ import main
from gramwatt_labeler.intensities.kept import keep
from gramwatt_labeler.intensities.table import Intensity
from gramwatt_labeler.store.audit import entries
from labeler_pages import fill

ASKED = {"baseline": "w1", "after": "w2", "calls_per_day": 1000, "price": "0,25", "cost": 5}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    fill(made.store)
    yield made
    made.store.close()


def test_what_is_kept_by_rest_is_listed_shown_and_removed_by_its_user(site: Site) -> None:
    answer = site.post("roi/analyses", ASKED | {"title": "a smaller <model>"})
    assert answer.status_code == 201
    kept = answer.json()
    assert (kept["id"], kept["baseline"], kept["after"], kept["created_by"]) == (1, "w1", "w2", "contributor")
    assert (kept["input"]["old"], kept["input"]["old_unit"]) == ("0.48", "J")
    asked = {"old": 0.48, "new": 0.16, "calls_per_day": 1000, "price": 0.25, "cost": 5}
    assert kept["result"] == site.client.post("/api/v1/roi", json=asked).json()
    assert site.get("roi/analyses/1").json() == kept
    for query in ("", "?evaluation=w1", "?evaluation=w2", "?before=2"):
        assert site.get(f"roi/analyses{query}").json() == {"analyses": [kept], "next": None}
    for query in ("?evaluation=w3", "?before=1"):
        assert site.get(f"roi/analyses{query}").json()["analyses"] == []
    for path in ("/evaluations/w1", "/evaluations/w2", "/roi", "/roi/1"):
        assert "a smaller &lt;model&gt;" in site.client.get(path).text
    assert "smaller &lt;model" not in site.client.get("/evaluations/w3").text
    assert error(site.client.delete("/api/v1/roi/analyses/1", headers=site.headers("viewer")))[0] == 403
    assert site.client.delete("/api/v1/roi/analyses/1", headers=site.headers()).status_code == 204
    assert error(site.get("roi/analyses/1"))[:2] == (404, "not_found")
    done = [entry.action for _, entry in entries(site.store.database)]
    assert done[:2] == ["return.remove", "return.add"]


@pytest.mark.parametrize(
    ("change", "status", "path"),
    [
        ({"title": ""}, 422, "$.title"),
        ({"title": "x" * 257}, 422, "$.title"),
        ({"title": "\x00\u202e"}, 422, "title"),
        ({"baseline": "nothing"}, 404, ""),
        ({"baseline": "w5"}, 422, ""),
        ({"price": "x"}, 422, "$.price"),
        ({"price": -1}, 422, "$.price"),
        ({"price": 0}, 422, "$.price"),
        ({"cost": "1,500"}, 422, "$.cost"),
        ({"saving": "40 %"}, 422, "$.saving"),
        ({"zone": "France"}, 422, "$.zone"),
        ({"calls_per_day": 0}, 422, "$.calls_per_day"),
    ],
)
def test_what_is_wrong_is_said_with_its_field(
    site: Site, change: dict[str, Any], status: int, path: str
) -> None:
    answer = site.post("roi/analyses", ASKED | {"title": "t"} | change)
    assert error(answer)[0] == status
    assert error(answer)[2] == path
    assert site.get("roi/analyses").json()["analyses"] == []


def test_pages_of_the_list_follow_each_other(site: Site) -> None:
    for number in range(5):
        site.post("roi/analyses", ASKED | {"title": f"t{number}"})
    first = site.get("roi/analyses?limit=2").json()
    second = site.get(f"roi/analyses?limit=2&before={first['next']}").json()
    assert [one["title"] for one in first["analyses"] + second["analyses"]] == ["t4", "t3", "t2", "t1"]
    assert error(site.post("roi/analyses", ASKED | {"title": "t"}, "viewer"))[0] == 403
    assert error(site.get("roi/analyses?evaluation=w1&evaluation=w2"))[0] == 422


def test_a_person_keeps_and_removes_one_by_form(site: Site) -> None:
    asked = "/roi?baseline=w1&after=w2&calls_per_day=1000&price=0.25"
    assert "Log in</a> to keep it" in site.client.get(asked).text
    assert site.client.post("/roi", data={"old": "1", "title": "t"}).status_code == 403
    browser = Browser(site, "contributor")
    form = browser.get(asked).partition("<h2>Keep this analysis</h2>")[2].partition("</form>")[0]
    fields = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form))
    assert fields["old"] == "0.48"
    kept = browser.post("/roi", **(fields | {"title": "Kleiner; \u5927\u578b \U0001f40c"}))
    assert (kept.status_code, kept.url.path) == (200, "/roi/1")
    assert "Kleiner; \u5927\u578b" in kept.text
    assert "Remove this analysis" in kept.text
    for fields_sent, words in (
        (fields, "title: 1 to 256"),
        (fields | {"price": "x", "title": "t"}, "another look"),
    ):
        again = browser.post("/roi", **fields_sent)
        assert (again.status_code, words in again.text) == (422, True)
    assert site.client.get("/roi/2").status_code == 404
    assert site.client.get("/roi/0").status_code == 422
    other = Browser(site, "viewer")
    assert other.post("/roi/1").status_code == 403
    assert "Remove this analysis" not in other.get("/roi/1")
    manager = Browser(site, "manager")
    assert manager.post("/roi/1", csrf="x").status_code == 403
    assert manager.post("/roi/1").url.path == "/roi"
    assert site.client.get("/roi/1").status_code == 404


def test_the_command_keeps_and_lists(tmp_path: Path, site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    database = ["--data.database-url", f"sqlite:///{tmp_path / 'labeler.db'}"]
    asked = [
        "roi",
        "--baseline",
        "w1",
        "--after",
        "w2",
        "--calls-per-day",
        "1000",
        "--price",
        "0.25",
        *database,
    ]
    assert main(["roi", "--kept", *database]) == 0
    assert "no analysis is kept" in capsys.readouterr().out
    assert main([*asked, "--keep", "by command"]) == 0
    assert "kept as analysis 1" in capsys.readouterr().out
    assert main(["roi", "--kept", "--json", *database]) == 0
    assert json.loads(capsys.readouterr().out) == site.get("roi/analyses").json()["analyses"]
    assert main(["roi", "--kept", *database]) == 0
    assert "by command" in capsys.readouterr().out
    assert main([*asked, "--keep", " "]) == 2
    assert "--keep: 1 to 256 characters are needed" in capsys.readouterr().err


def test_kept_intensities_are_read_over_rest(site: Site) -> None:
    assert site.get("intensities").json() == {"intensities": []}
    keep(site.store, [Intensity("France", 2022, 85.0, "t"), Intensity("France", 2023, 56.0, "t")], NOW)
    keep(site.store, [Intensity("Poland", 2023, 662.0, "other")], NOW)
    assert len(site.get("intensities").json()["intensities"]) == 3
    assert site.get("intensities?zone=France").json()["intensities"] == [
        {"zone": "France", "year": 2022, "grams_per_kwh": 85.0, "source": "t"},
        {"zone": "France", "year": 2023, "grams_per_kwh": 56.0, "source": "t"},
    ]
    assert site.get("intensities?zone=%00").json() == {"intensities": []}
    assert error(site.get("intensities?year=2023")) == (422, "invalid", "year")


def test_an_analysis_does_not_hold_what_a_file_stated_of_a_recorded_window(site: Site) -> None:
    """A run's id may be that of a window that has not ended yet: what is recorded takes its place."""
    content = b"run_id,model,phase,energy_joules,samples\nw9,m,training,5,10\n"
    answer = site.client.post(
        "/api/v1/evaluations/import", files={"files": ("a.csv", content)}, headers=site.headers()
    )
    assert answer.json()["lines"][0]["id"] == "w9"
    kept = site.post(
        "roi/analyses", ASKED | {"title": "t", "baseline": "w9", "after": "w9", "old": 5, "new": 4}
    )
    assert kept.status_code == 201
    assert site.store.is_stated("w9")
    site.store.make_way("w9", NOW)
    assert site.get("evaluations/w9").status_code == 410
    left = site.get("roi/analyses/1").json()
    assert (left["baseline"], left["after"], left["result"]) == (None, None, kept.json()["result"])


def test_a_number_of_an_address_is_shown_in_the_unit_it_is_read_in(site: Site) -> None:
    page = site.client.get("/roi?old=120&saving=0.4&calls_per_day=20000&calls=1000&price=0.25&cost=500").text
    for name in ("saving", "calls"):  # as a form shows them at first: in % and millions
        options = page.split(f'<select name="{name}_unit"')[1].split("</select>")[0]
        assert '<option value="" selected>' in options
    assert "over 1,000 calls" in page
