"""The job's pages, files, REST and health."""

from __future__ import annotations

import dataclasses

import pytest
from gramwatt_labeler.model import Grade
from labeler_job import Job

pytestmark = pytest.mark.usefixtures("scales_dir")


def test_the_list_has_search_and_pages_and_stays_readable(job: Job) -> None:
    job.watch.poll()
    one = job.store.get("no-task", "gramwatt")[0]
    long = dataclasses.replace(
        one,
        window=dataclasses.replace(one.window, id="long-reason", name="n" * 5000, task="100%_done"),
        grade=dataclasses.replace(one.grade, reason="reason " * 2000),
    )
    job.store.add(long)
    for n in range(120):
        window = dataclasses.replace(one.window, id=f"many-{n:03}", name=f"many {n:03}")
        job.store.add(dataclasses.replace(one, window=window))
    page = job.client.get("/labels/", {"q": "long-reason"})
    assert page.text.count("<tr>") == 2  # the header's and one
    assert len(page.text) < 25_000  # the whole reason stands once, where the mouse shows it
    assert page.text.count("n" * 100) == 0
    assert job.client.get("/labels/", {"q": "100%_"}).text.count("<tr>") == 2  # no wildcards
    assert (
        "No graded window has <q>&lt;script&gt;x</q>" in job.client.get("/labels/", {"q": "<script>x"}).text
    )
    first = job.client.get("/labels/", {"q": "MANY"})
    assert first.text.count("<tr>") == 51
    assert "120 windows on scale " in first.text
    assert "page 1 of 3" in first.text
    assert "?page=2&amp;q=MANY" in first.text
    last = job.client.get("/labels/", {"q": "many", "page": 3})
    assert last.text.count("<tr>") == 21
    assert 'rel="next"' not in last.text
    assert 'rel="prev"' in last.text
    assert "There is no page 9" in job.client.get("/labels/", {"page": 9}).text
    wrong: tuple[dict[str, str | int], ...] = ({"page": 0}, {"page": "x"}, {"page": 10**30}, {"q": "x" * 201})
    for bad in wrong:
        assert job.client.get("/labels/", bad).status_code == 422
    found = job.client.get(
        "/api/v1/grades", {"q": "many", "limit": 5, "offset": 118, "scale": "gramwatt"}
    ).json()
    assert len(found["grades"]) == 2
    assert isinstance(one.grade, Grade)


def test_pages_and_files(job: Job) -> None:
    job.watch.poll()
    listing = job.client.get("/labels/")
    assert listing.status_code == 200
    assert "&lt;script&gt;" in listing.text
    assert "<script" not in listing.text
    for form, media in (("svg", "image/svg+xml"), ("png", "image/png"), ("pdf", "application/pdf")):
        answer = job.client.get(f"/labels/steady.{form}")
        assert (answer.status_code, answer.headers["content-type"]) == (200, media)
        assert "default-src 'none'" in answer.headers["content-security-policy"]
    page = job.client.get("/labels/steady")
    assert 'alt="Energy label of m' in page.text
    assert "/labels/steady.pdf" in page.text
    assert "not known (no grid zone)" in page.text
    assert "EEI 0.692" in page.text
    assert job.client.get("/labels/nothing").status_code == 404
    assert job.client.get("/labels/steady.gif").status_code == 404
    assert job.client.get("/labels/steady.svg", params={"scale": "comparia"}).status_code == 200


def test_rest_and_health(job: Job) -> None:
    assert job.client.get("/api/v1/grades").json() == {"grades": []}
    assert "No finished window" in job.client.get("/labels/").text
    job.watch.poll()
    found = job.client.get("/api/v1/grades/short").json()["grades"]
    assert [one["grade"]["scale"]["name"] for one in found] == ["comparia", "gramwatt"]
    result = found[1]
    assert result["grade"]["text"] == result["grade"]["letter"] == "A"
    assert result["measurement"]["energy_joules"] == 15.0
    assert result["window"]["values"] == {"samples": 10.0}
    assert result["label"] == "http://127.0.0.1:10045/labels/short"
    assert len(job.client.get("/api/v1/grades", params={"limit": 3}).json()["grades"]) == 3
    assert job.client.get("/api/v1/grades", params={"limit": 0}).status_code == 422
    assert job.client.get("/api/v1/grades/nothing").status_code == 404
    scales = {one["name"]: one for one in job.client.get("/api/v1/scales").json()["scales"]}
    assert scales["gramwatt"]["sha256"] == result["grade"]["scale"]["sha256"]
    assert job.client.get("/api/v1/scales/gaissa").json()["content"]["metrics"]["downloads"]["weight"] == 0.25
    assert job.client.get("/api/v1/scales/none").status_code == 404
    for path in ("/-/healthy", "/-/ready", "/metrics", "/dashboards/", "/api/v1/openapi.json"):
        assert job.client.get(path).status_code == 200, path
