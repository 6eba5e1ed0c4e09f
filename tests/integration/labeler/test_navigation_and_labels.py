"""One bar above every page; a label in every layout and language; the letters that a newer scale replaced."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from api_site import NOW, RUN, Browser, Site, error
from gramwatt_labeler.scale_files import grade, load_scales
from gramwatt_labeler.store.nouns import Given
from gramwatt_labeler.web.navigation import NAVIGATION
from labeler_pages import fill


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """With five graded runs."""
    folder: Path = tmp_path_factory.mktemp("site")
    (folder / "dashboards").mkdir()
    made = Site(folder)
    fill(made.store)
    yield made
    made.store.close()


@pytest.mark.parametrize(
    "path", ["/dashboards/", "/evaluations", "/labels/", "/labels/w1", "/api/docs", "/login"]
)
def test_every_page_leads_to_every_other_and_to_the_login(site: Site, path: str) -> None:
    page = site.client.get(path)
    assert page.status_code == 200
    bar = page.text.partition("<header")[2].partition("</header>")[0]
    links = re.findall(r'<a href="([^"]+)"[^>]*>([^<]+)</a>', bar)
    assert links == [*NAVIGATION]
    then = "" if path in ("/login", "/dashboards/") else f"?then={path}"  # back to where it was asked for
    assert f'href="/login{then}">Log in</a>' in bar
    assert bar.count("aria-current") == (0 if path == "/login" else 1)
    assert 'id="main"' in page.text


def test_a_label_has_layouts_and_languages_by_page_and_by_rest(site: Site) -> None:
    page = site.client.get("/labels/w1?layout=badge&lang=de").text
    assert "/labels/w1.svg?layout=badge&amp;lang=de" in page
    drawn = {
        (layout, lang): site.client.get(f"/api/v1/labels/w1.svg?layout={layout}&lang={lang}")
        for layout in ("full", "neutral", "compact", "badge", "a4")
        for lang in ("en", "de", "fr")
    }
    assert {one.status_code for one in drawn.values()} == {200}
    assert len({one.text for one in drawn.values()}) >= 13  # a badge may be the same in two languages
    assert drawn["full", "en"].text == site.client.get("/labels/w1.svg").text
    assert len({one.headers["etag"] for one in drawn.values()}) == len({one.text for one in drawn.values()})
    assert error(site.get("labels/w1.svg?lang=xx"))[::2] == (422, "lang")
    assert site.client.get("/labels/w1.svg?layout=round").status_code == 422
    assert site.client.get("/labels/w1?lang=xx").status_code == 422


def test_the_page_of_a_regraded_result_lists_the_earlier_one(site: Site) -> None:
    (graded,) = site.store.get("w2", "gramwatt")
    assert graded.measurement
    loaded = load_scales()["gramwatt"]
    newer = replace(loaded, id=replace(loaded.id, version="99", sha256="9" * 64))
    site.store.regrade("w2", [Given(grade(newer, graded.window, graded.measurement))], NOW + 60)
    (earlier,) = site.store.earlier("w2")
    assert earlier == graded
    assert [one.grade.scale.version for one in site.store.get("w2")] == ["99"]
    page = site.client.get("/evaluations/w2").text
    before = page.partition("Earlier letters")[2]
    assert f"<small>{loaded.id.version}</small>" in before.partition("</table>")[0]
    assert "Earlier letters" not in site.client.get("/evaluations/w1").text
    assert "<dt>Earlier</dt>" in site.client.get("/labels/w2").text
    (said,) = site.get("evaluations/w2").json()["earlier"]
    assert said["scale"]["version"] == loaded.id.version
    assert site.client.get("/evaluations/w2.json").json()["earlier_grades"][0]["grade"]["scale"]["version"]


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/labels/w1?lang=xx", 422, "allowed: ca, de, en, es, fr"),
        ("/labels/nothing", 404, "see /labels/ for those there are"),
        ("/models/999", 404, "see /models"),
        ("/no-such-page", 404, "Nothing is at this address."),
        ("/labels/%3Cscript%3E", 404, "&lt;script&gt;"),
    ],
)
def test_an_error_is_a_page_to_a_browser_and_a_line_to_a_program(
    site: Site, path: str, status: int, words: str
) -> None:
    page = site.client.get(path, headers={"Accept": "text/html,*/*;q=0.8"})
    assert (page.status_code, page.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert words in page.text
    assert 'aria-label="Pages"' in page.text
    assert "<script>" not in page.text
    line = site.client.get(path)
    assert (line.status_code, line.headers["content-type"]) == (status, "text/plain; charset=utf-8")
    assert line.text.count("\n") == 1


def test_the_page_of_an_error_is_there_without_a_database(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.client.cookies.set("gramwatt_session", "x" * 40)
    site.store.close()
    (tmp_path / "labeler.db").unlink()
    (tmp_path / "labeler.db").mkdir()
    page = site.client.get("/models", headers={"Accept": "text/html"})
    assert page.status_code == 503
    assert "the database does not answer; try again" in page.text
    assert "Retry-After" in page.headers


def test_who_is_logged_in_stands_above_the_labels(tmp_path: Path) -> None:
    site = Site(tmp_path)
    browser = Browser(site, "contributor")
    assert '<a class="who" href="/manage">contributor</a>' in browser.get("/labels/")
    site.store.close()


@pytest.mark.parametrize(
    "path",
    ["/evaluations", "/labels/w1.svg", "/api/v1/evaluations", "/metrics", "/nothing", "/api/v1/nothing"],
)
def test_the_head_of_an_answer_is_that_of_get_without_a_body(site: Site, path: str) -> None:
    whole, head = site.client.get(path), site.client.head(path)
    assert (head.status_code, head.content) == (whole.status_code, b"")
    assert head.headers == whole.headers
    tag = whole.headers.get("etag")
    if tag:
        assert site.client.head(path, headers={"If-None-Match": tag}).status_code == 304


def test_runs_with_the_worst_names_are_compared_and_drawn(tmp_path: Path) -> None:
    site = Site(tmp_path)
    names = (
        "\u7d44\u7e54/" + "\u8a00\u8a9e\u30e2\u30c7\u30eb" * 15,
        "\u0639\u0631\u0628\u064a/" + "\u0646\u0645\u0648\u0630\u062c-" * 12,
        "\U0001f40c\U0001f525/" + "\U0001f469\u200d\U0001f52c\U0001f9ea" * 18,
        "W" * 80,
        "i" * 80,
        "\u202eevil/<b>&amp;{{7*7}}",
    )
    ids = [
        site.post(
            "evaluations",
            RUN | {"model": name, "values": {"energy": 1e6 * at, "samples": 1000, "duration": 60}},
        )
        for at, name in enumerate(names, 1)
    ]
    ids = [one.json()["evaluations"][0]["id"] for one in ids]
    page = site.client.get("/compare?ids=" + ",".join(ids))
    assert page.status_code == 200
    assert page.text.count("<svg ") >= 3
    assert "16,700 W" in page.text
    assert "e+0" not in page.text
    assert "\u202e" not in page.text
    for one in ids:
        assert site.client.get(f"/evaluations/{one}").status_code == 200
        assert site.client.get(f"/labels/{one}.png").status_code == 200
    assert site.client.get("/explore?x=energy&y=samples").status_code == 200
    assert site.client.get("/report?made=1&format=pdf").status_code == 200
    site.store.close()
