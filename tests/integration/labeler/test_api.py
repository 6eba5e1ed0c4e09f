"""The REST API: who may, what is refused and how it is said, the same twice, pages, ETags, and nothing that fails."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from api_site import NOW, RUN, Site, error


@pytest.fixture(scope="module")
def empty_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """For tests that change nothing."""
    made = Site(tmp_path_factory.mktemp("site"))
    yield made
    made.store.close()


def test_an_evaluation_is_added_graded_and_found(site: Site) -> None:
    (added,) = site.post("evaluations", RUN).json()["evaluations"]
    assert added["label"] == f"http://labels/{added['id']}"
    assert set(added["grades"]) >= {"gramwatt", "gaissa"}
    found = site.get(f"evaluations/{added['id']}").json()
    assert (found["energy_joules"], found["emissions_grams"]) == (pytest.approx(1.35 * 3.6e6), 420.0)
    assert (found["origin"], found["created_by"], found["values"]["accuracy"]) == (
        "form",
        "contributor",
        0.91,
    )
    page = site.get("evaluations?model=acme/net&scale=gaissa").json()
    assert [one["id"] for one in page["evaluations"]] == [added["id"]]
    assert (page["total"], page["next"]) == (1, None)
    (model,) = site.get("models?q=ACME").json()["models"]
    assert site.get(f"models/{model['id']}/evaluations").json()["total"] == 1


def test_the_label_shows_the_letter_that_the_answer_said(site: Site) -> None:
    """Also where the main scale gives none; of several the one that the form shows."""
    values = {"emissions": 420, "size": "438 MB", "dataset_size": "2 GB", "downloads": 12, "accuracy": 0.9}
    for body, first in ((RUN, "gramwatt"), (RUN | {"model": "acme/all", "values": values}, "gaissa-fixed")):
        (added,) = site.post("evaluations", body).json()["evaluations"]
        assert (added["grades"]["gramwatt"], added["grades"][first]) == (None, added["letter"])
        assert bool(added["letter"]) == (first == "gaissa-fixed")
        drawn = site.get(f"labels/{added['id']}.svg").text
        assert drawn == site.get(f"labels/{added['id']}.svg?scale={first}").text
        assert drawn == site.client.get(f"/evaluations/{added['id']}/label.svg").text
        assert site.get(f"evaluations/{added['id']}").json()["model_id"] >= 1


def test_a_label_that_is_not_there_says_what_is(site: Site) -> None:
    (added,) = site.post("evaluations", RUN).json()["evaluations"]
    for query, where, allowed in (
        (".svg?langue=de", "langue", "lang"), (".svg?layout=x", "layout", "badge"), (".gif", "form", "pdf"),
        (".svg?scale=comparia", "scale", "gaissa"), (".svg?lang=xx", "lang", "de"),
    ):  # fmt: skip
        answer = site.get(f"labels/{added['id']}{query}")
        assert (error(answer)[2], allowed in answer.json()["error"]["allowed"]) == (where, True)


def test_nobody_writes_without_a_token_or_the_role(site: Site) -> None:
    without = site.client.post("/api/v1/evaluations", json=RUN)
    assert error(without)[:2] == (401, "unauthorized")
    assert "user add NAME --role contributor" in without.json()["error"]["message"]
    wrong = site.client.post("/api/v1/evaluations", json=RUN, headers={"Authorization": "Bearer x"})
    assert error(wrong)[:2] == (401, "unauthorized")
    assert "WWW-Authenticate" in wrong.headers
    assert error(site.post("evaluations", RUN, "viewer"))[:2] == (403, "forbidden")
    assert site.post("evaluations", RUN, "manager").status_code == 201
    site.people.change("contributor", "test", NOW, disabled=True)
    assert error(site.post("models", {"name": "x"}))[0] == 401
    assert site.get("evaluations").json()["total"] == 1


def test_the_same_again_is_refused_with_the_one_that_is_there(site: Site) -> None:
    first = site.post("evaluations", RUN).json()["evaluations"][0]["id"]
    again = site.post("evaluations", [RUN | {"task": "other"}, RUN])
    assert error(again) == (409, "duplicate", "$[1]")
    assert again.json()["error"]["existing"] == first
    assert site.get("evaluations").json()["total"] == 1  # all or none


def test_a_key_makes_a_repeated_request_harmless(site: Site) -> None:
    first = site.post("evaluations", RUN, Idempotency_Key="k1")
    again = site.post("evaluations", RUN, Idempotency_Key="k1")
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["Idempotent-Replayed"] == "true"
    other = site.post("evaluations", RUN | {"task": "t"}, Idempotency_Key="k1")
    assert error(other) == (422, "invalid", "Idempotency-Key")
    for odd in ("k" * 129, "a\tb"):
        assert error(site.post("evaluations", RUN, Idempotency_Key=odd)) == (
            422,
            "invalid",
            "Idempotency-Key",
        )
    twice = [*site.headers().items(), ("Idempotency-Key", "k1"), ("Idempotency-Key", "k2")]
    assert error(site.client.post("/api/v1/evaluations", json=RUN, headers=twice))[2] == "Idempotency-Key"
    # Another user's key is another key.
    assert error(site.post("evaluations", RUN, "manager", Idempotency_Key="k1"))[1] == "duplicate"


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"phase": "testing"}, "$.phase"),
        ({"phase": None}, "$.phase"),
        ({"model": ""}, "$.model"),
        ({"model": 3}, "$.model"),
        ({"values": []}, "$.values"),
        ({"values": {"enrgy": 1}}, "$.values"),
        ({"values": {"energy": -1}}, "$.values.energy"),
        ({"values": {"energy": 0}}, "$.values.energy"),
        ({"values": {"energy": True}}, "$.values.energy"),
        ({"values": {"energy": "1,500"}}, "$.values.energy"),
        ({"values": {"energy": {"value": 1, "unit": "g"}}}, "$.values.energy"),
        ({"values": {"energy": {"value": 1, "units": "J"}}}, "$.values.energy"),
        ({"values": {"accuracy": 91}}, "$.values.accuracy"),
        ({"values": {}}, "$.values.emissions"),
        ({"boundary": "moon"}, "$.boundary"),
        ({"note": "x" * 3000}, "$.note"),
        ({"extra": {"a b": 1}}, "$.extra"),
        ({"unknown": 1}, "$"),
    ],
)
def test_a_mistake_is_named_with_its_path(empty_site: Site, change: dict[str, Any], path: str) -> None:
    assert error(empty_site.post("evaluations", RUN | change)) == (422, "invalid", path)
    assert empty_site.get("evaluations").json()["total"] == 0


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b'{"phase": 1e309}', "application/json", 400),
        (b"phase=training", "application/x-www-form-urlencoded", 415),
        (b"[]", "application/json", 422),
        (b"null", "application/json", 422),
        (b'"x"', "application/json", 422),
        (b'{"phase":"training","model":"a","values":{"energy":1e300}}', "application/json", 422),
        (b'{"phase":"training","model":"\\u0000","values":{"energy":1}}', "application/json", 422),
        (b" " * (1024 * 1024 + 1), "application/json", 413),
    ],
)
def test_hostile_bodies_are_refused_in_words(empty_site: Site, body: bytes, kind: str, status: int) -> None:
    for path in ("evaluations", "grade", "models"):
        headers = empty_site.headers() | {"Content-Type": kind}
        answer = empty_site.client.post(f"/api/v1/{path}", content=body, headers=headers)
        assert 400 <= answer.status_code < 500, path
        assert set(answer.json()["error"]) >= {"code", "message"}
        if path == "evaluations":
            assert answer.status_code == status


def test_a_body_without_a_length_is_cut_off_at_the_limit(empty_site: Site) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(64):
            yield b" " * 65536

    answer = empty_site.client.post("/api/v1/evaluations", content=endless(), headers=empty_site.headers())
    assert error(answer)[:2] == (413, "too_large")


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("colour=red", "colour"), ("phase=x", "phase"), ("origin=x", "origin"), ("scale=x", "scale"),
        ("sort=x", "sort"), ("cursor=x", "cursor"), ("limit=0", "limit"), ("limit=x", "limit"), ("limit=501", "limit"),
        ("from=x", "from"), ("to=1e309", "to"), ("from=nan", "from"), ("q=" + "x" * 300, "q"),
        ("task=a&task=b", "task"),
    ],
)  # fmt: skip
def test_a_wrong_filter_is_named_with_what_is_allowed(empty_site: Site, query: str, path: str) -> None:
    assert error(empty_site.get(f"evaluations?{query}")) == (422, "invalid", path)


def test_pages_follow_each_other(site: Site) -> None:
    site.post("evaluations", [RUN | {"task": f"t{n}"} for n in range(7)])
    seen: list[str] = []
    cursor = ""
    while True:
        page = site.get(f"evaluations?limit=3&sort=name&cursor={cursor}").json()
        seen += [one["task"] for one in page["evaluations"]]
        cursor = page["next"]
        if not cursor:
            break
    assert sorted(seen) == [f"t{n}" for n in range(7)]
    assert site.get("evaluations?from=2026-01-01&to=2026-01-02").json()["total"] == 0


def test_facts_are_graded_and_nothing_is_kept(empty_site: Site) -> None:
    body = {"scheme": "gaissa", "phase": "training", "metrics": {"co2_eq_emissions": 10.0}}
    answer = empty_site.client.post("/api/v1/grade", json=body)
    assert (answer.status_code, answer.json()["scheme"]) == (200, "gaissa")
    assert error(empty_site.client.post("/api/v1/grade", json=body | {"scheme": "gaisa"})) == (
        422,
        "invalid",
        "$.scheme",
    )
    wrong = empty_site.client.post("/api/v1/grade", json=body | {"metrics": {"co2_emissions": 1}})
    assert error(wrong)[0] == 422
    assert wrong.json()["error"]["allowed"]
    unknown = empty_site.client.post("/api/v1/grade", json=body | {"colour": "red"})
    assert "boundary" in unknown.json()["error"]["allowed"]
    assert empty_site.get("evaluations").json()["total"] == 0


def test_a_filter_that_can_match_nothing_is_refused_with_what_may_stand_there(empty_site: Site) -> None:
    answer = empty_site.get("evaluations?letter=Z")
    assert (error(answer), answer.json()["error"]["allowed"]) == (
        (422, "invalid", "letter"),
        ["A", "B", "C", "D", "E", "none"],
    )
    assert empty_site.get("evaluations?letter=F&scale=comparia").status_code == 200
    for query, said in (("letter=Z", "A, B, C, D, E, none"), ("lettre=A", "there are")):
        page = empty_site.client.get(f"/evaluations?{query}")
        assert (page.status_code, said in page.text) == (422, True)


def test_who_has_a_scale_already_is_not_sent_it_again(empty_site: Site) -> None:
    answer = empty_site.get("scales/gaissa")
    assert answer.json()["content"]["metrics"]
    tag = answer.headers["ETag"]
    assert empty_site.get("scales/gaissa", If_None_Match=f'"x", W/{tag}').status_code == 304
    assert empty_site.get("scales/gaissa", If_None_Match='"x"').status_code == 200
    assert error(empty_site.get("scales/nothing")) == (404, "not_found", "name")


def test_another_site_cannot_make_a_browser_write(site: Site) -> None:
    session = site.client.post(
        "/login", data={"name": "manager", "password": "a long password"}, follow_redirects=False
    )
    cookie = session.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie.replace("Strict", "strict")
    foreign = site.client.post("/api/v1/evaluations", json=RUN, headers={"Origin": "http://evil.example"})
    assert error(foreign)[:2] == (403, "forbidden")
    assert site.client.post("/login", data={}, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert error(site.client.post("/api/v1/evaluations", json=RUN))[:2] == (403, "csrf")


def test_a_login_lasts_until_it_is_ended_and_a_wrong_one_is_none(site: Site) -> None:
    def log_in(name: str, password: str, then: str = "") -> Any:
        return site.client.post(
            "/login", data={"name": name, "password": password, "then": then}, follow_redirects=False
        )

    for name, password in (
        ("manager", "wrong"),
        ("nobody", "a long password"),
        ("manager", "x" * 10_000),
        ("", ""),
    ):
        assert log_in(name, password).status_code == 401
    assert log_in("manager", "a long password", "//evil.example/").headers["location"] == "/manage"
    # Who manages nothing is not led to a page that refuses them.
    assert log_in("contributor", "a long password").headers["location"] == "/evaluations"
    answer = log_in("manager", "a long password", "/evaluate")
    assert (answer.status_code, answer.headers["location"]) == (303, "/evaluate")
    page = site.client.get("/login").text
    assert "logged in as manager" in page
    csrf = page.partition('name="csrf" value="')[2].partition('"')[0]
    site.client.post("/logout", data={"csrf": csrf})
    assert "logged in as" not in site.client.get("/login").text


def test_passwords_cannot_be_tried_without_end(tmp_path: Path) -> None:
    site = Site(tmp_path)
    tries: list[int] = []
    while 429 not in tries and len(tries) < 60:  # a busy machine is slow, and ten more come with every minute
        body = {"name": "manager", "password": f"p{len(tries)}"}
        tries.append(site.client.post("/login", data=body).status_code)
    assert tries[:10] == [401] * 10
    assert tries[-1] == 429
    site.close()


def test_the_document_describes_every_call_and_has_a_page(empty_site: Site) -> None:
    document = empty_site.client.get("/api/v1/openapi.json").json()
    page = empty_site.client.get("/api/docs")
    for path, calls in document["paths"].items():
        assert path in page.text
        for call in calls.values():
            assert call.get("description"), path
    assert "<script" not in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    json.dumps(document)


def test_a_program_that_writes_without_end_is_slowed_down(tmp_path: Path) -> None:
    site = Site(tmp_path, writes_per_minute=3)
    assert [site.post("models", {"name": f"m{n}"}).status_code for n in range(4)] == [201, 201, 201, 429]
    refused = site.post("models", {"name": "m"})
    assert (error(refused)[1], int(refused.headers["Retry-After"]) > 0) == ("too_many", True)
    assert site.post("models", {"name": "m"}, "manager").status_code == 201
    assert site.get("models").status_code == 200
    site.store.close()


def test_a_request_that_is_sent_many_times_at_once_is_answered_once(site: Site) -> None:
    answers: list[Any] = []
    gate = threading.Barrier(8)

    def send() -> None:
        gate.wait()
        answers.append(site.post("evaluations", RUN, Idempotency_Key="k2"))

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1
