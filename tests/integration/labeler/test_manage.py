"""Managers: a scale's numbers with a preview of what would change, a new version that counts at once, users, audit."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from api_site import NOW, RUN, Browser, Site, error
from gramwatt_labeler.intensities.kept import keep
from gramwatt_labeler.intensities.table import Intensity
from gramwatt_labeler.job_runner import JobRunner
from gramwatt_labeler.scale_book.regrading import regrade
from gramwatt_labeler.store.audit import entries
from gramwatt_labeler.store.jobs import MOST_TRIES, ORPHAN_SECONDS, Jobs
from gramwatt_labeler.store.tables import JOBS
from sqlalchemy import select


def again(site: Site, scale: str) -> int:
    """How many evaluations the job grades again."""
    return len(list(regrade(site.store, site.scales[scale], NOW, grades_new=True)))


def test_who_is_no_manager_manages_nothing(site: Site) -> None:
    assert site.client.get("/manage", follow_redirects=False).headers["location"] == "/login?then=/manage"
    contributor = Browser(site, "contributor")
    assert "need the role manager" in contributor.get("/manage")
    assert contributor.post("/manage/users", action="add", name="eve", role="manager").status_code == 403
    assert contributor.post("/manage/scales/gaissa", action="save").status_code == 403
    assert error(site.post("scales", {"content": "x"}))[:2] == (403, "forbidden")
    assert {user.name for user in site.people.users()} == {"viewer", "contributor", "manager"}


def test_a_form_without_the_sessions_token_changes_nothing(site: Site) -> None:
    Browser(site)
    answer = site.client.post("/manage/users", data={"action": "disable", "name": "viewer", "csrf": "x"})
    assert answer.status_code == 403
    assert not site.people.user("viewer").disabled


def test_a_form_that_comes_after_the_session_leads_through_the_login_to_a_page(site: Site) -> None:
    manager = Browser(site)
    site.client.cookies.clear()
    for path in ("/manage/users", "/manage/scales/gaissa", "/manage/colours", "/manage/metrics"):
        answer = site.client.post(path, data={"action": "save"}, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/login?then={path}")
        led = manager.post("/login", name="manager", password="a long password", then=path)
        assert (led.status_code, led.url.path) == (200, path)
        site.client.cookies.clear()


def test_a_preview_says_how_many_letters_would_change_and_keeps_nothing(site: Site) -> None:
    site.post("evaluations", [RUN | {"task": f"t{n}"} for n in range(3)])
    manager = Browser(site)
    before = site.get("evaluations?scale=gaissa").json()["evaluations"][0]["grade"]["letter"]
    # Every CO2 bound above all that there is: the worst rating for everybody.
    worst = {f"metrics.co2_eq_emissions.bounds[{n}]": str(1e12 - n) for n in range(4)}
    page = manager.post("/manage/scales/gaissa", action="preview", version="9", **worst).text
    assert "3 of 3 letters would change" in page
    assert site.get("scales/gaissa").json()["version"] == "2023"
    assert site.get("evaluations?scale=gaissa").json()["evaluations"][0]["grade"]["letter"] == before
    saved = manager.post("/manage/scales/gaissa", action="save", version="9", **worst)
    assert saved.status_code == 200
    assert site.get("scales/gaissa").json()["version"] == "9"
    # What is graded from now on is on the new version; the others when they are graded again.
    new = site.post("evaluations", RUN | {"task": "new"}).json()["evaluations"][0]
    assert new["grades"]["gaissa"] != before
    assert again(site, "gaissa") == 3
    letters = {one["grade"]["letter"] for one in site.get("evaluations?scale=gaissa").json()["evaluations"]}
    assert letters == {new["grades"]["gaissa"]}
    assert "scale.add gaissa" in manager.get("/manage")


def test_a_band_of_the_shipped_main_scale_is_changed_by_its_field(site: Site) -> None:
    """Its file has YAML aliases, which a text that is sent must not have."""
    manager = Browser(site)
    page = manager.get("/manage/scales/gramwatt")
    content = html.unescape(re.search(r"<textarea[^>]*>(.*?)</textarea>", page, re.DOTALL)[1])  # type: ignore[index]
    assert "bands D, up to</label>" in page
    fields = {"content": content, "version": "3", "bands[3](D).up_to": "2.5"}
    assert (
        "0 of 0 letters would change"
        in manager.post("/manage/scales/gramwatt", action="preview", **fields).text
    )
    assert manager.post("/manage/scales/gramwatt", action="save", **fields).status_code == 200
    assert site.get("scales/gramwatt").json()["version"] == "3"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"metrics.downloads.weight": "x"}, "metrics.downloads.weight: “x” is not a number"),
        ({"metrics.size_efficency.bounds[0]": "703,521"}, "“703,521” can mean 703521 or 703.521"),
        ({"metrics.size_efficency.bounds[0]": "703521 B"}, "expected a number alone"),
        ({"metrics.downloads.weight": "-1"}, "weight"),
        ({"metrics.downloads.bounds[0]": "1e309"}, "beyond every measurement"),
        ({"metrics.downloads.bounds[3]": "5"}, "bounds"),
        ({"content": "kind: rated"}, "missing required field"),
        ({"content": "a: &a [1]\nb: *a"}, "aliases"),
        ({"content": "[" * 2000}, "the scale"),
        ({"content": "[" * 200_000}, "nested more than 20 deep"),
        ({"content": "\x00"}, "YAML"),
    ],
)
def test_a_wrong_scale_says_where(site: Site, fields: dict[str, str], words: str) -> None:
    answer = Browser(site).post("/manage/scales/gaissa", action="save", version="9", **fields)
    assert answer.status_code == 422
    assert words in re.search(r'role="alert"[^>]*>(.*?)</p>', answer.text, re.DOTALL)[1]  # type: ignore[index]
    assert site.get("scales/gaissa").json()["version"] == "2023"


def test_a_version_that_is_there_is_never_changed(site: Site) -> None:
    manager = Browser(site)
    weight = {"metrics.downloads.weight": "0.5"}
    assert manager.post("/manage/scales/gaissa", action="save", version="9", **weight).status_code == 200
    again = manager.post(
        "/manage/scales/gaissa", action="save", version="9", **{"metrics.downloads.weight": "0.6"}
    )
    assert again.status_code == 422
    content = (Path(str(site.scales.files["gaissa"].file))).read_text()
    check = site.post("scales/check", {"content": content}, "manager")
    assert (check.status_code, check.json()["changed"]) == (200, 0)
    for call in ("scales", "scales/check"):
        assert error(site.post(call, {"content": "{"}, "manager")) == (422, "invalid", "$.content")
    changed = content.replace('version: "2023"', 'version: "10"').replace("weight: 0.35", "weight: 0.3")
    added = site.post("scales", {"content": changed}, "manager")
    assert (added.status_code, added.json()["version"]) == (201, "10")
    assert error(site.post("scales", {"content": changed}, "manager"))[1] == "duplicate"


def test_a_new_scale_grades_what_is_stored_where_it_gives_a_letter(site: Site) -> None:
    with_size = {
        "phase": "training",
        "model": "acme/net",
        "values": {"emissions": 420, "size": "438 MB", "accuracy": 0.9},
    }
    without = {"phase": "training", "model": "acme/bare", "values": {"duration": 9}}
    assert site.post("evaluations", [with_size, without]).status_code == 201
    content = Path(str(site.scales.files["gaissalabel"].file)).read_text()
    own = re.sub(r"^name: .*$", "name: ours", content, flags=re.MULTILINE)
    found = site.post("scales/check", {"content": own}, "manager").json()
    assert (found["examined"], found["changed"]) == (1, 1)
    assert site.post("scales", {"content": own}, "manager").status_code == 201
    assert again(site, "ours") == 1
    assert again(site, "ours") == 0
    rows = site.get("evaluations?scale=ours&letter=" + found["transitions"][0]["to"]).json()["evaluations"]
    assert [row["model"] for row in rows] == ["acme/net"]


@pytest.mark.parametrize("name", ["gaissa", "gaissa-fixed", "gaissalabel"])
def test_another_version_of_the_same_numbers_changes_no_letter(site: Site, name: str) -> None:
    """What is stored of an evaluation is all that its letter was made of."""
    values = {"emissions": 420, "size": "438 MB", "dataset_size": "2 GB"}
    body = {"phase": "training", "model": "acme/net", "values": values}
    own_score = body | {"model": "acme/own-score", "extra": {"performance_score": 0.99}}
    assert site.post("evaluations", [body, own_score]).status_code == 201
    content = Path(str(site.scales.files[name].file)).read_text()
    again = re.sub(r"^version: .*$", 'version: "again"', content, flags=re.MULTILINE)
    found = site.post("scales/check", {"content": again}, "manager").json()
    assert (found["examined"], found["changed"]) == (2, 0)
    assert all(one["from"] != "none" for one in found["transitions"]) or name == "gaissa-fixed"


def test_jobs_and_tables_are_in_the_audit(site: Site) -> None:
    assert site.post("scales/gaissa/regrade", {}, "manager").status_code == 202
    keep(site.store, [Intensity("France", 2023, 56.0, "a table")], NOW, "the command line")
    found = {(one.user, one.action, one.object) for _, one in entries(site.store.database)}
    assert {("manager", "job.regrade", "gaissa"), ("the command line", "intensities", "a table")} <= found


def test_users_and_tokens_by_form(site: Site) -> None:
    manager = Browser(site)
    assert "was added" in manager.post("/manage/users", action="add", name="<b>eve", role="contributor").text
    page = manager.post("/manage/users", action="token", name="<b>eve", scope="write", label="l").text
    assert "&lt;b&gt;eve" in page
    secret = re.search(r"gwl_[\w-]+", page)
    assert secret is not None
    headers = {"Authorization": f"Bearer {secret[0]}"}
    assert site.client.post("/api/v1/evaluations", json=RUN, headers=headers).status_code == 201
    assert secret[0] not in manager.get("/manage")
    assert "were revoked" in manager.post("/manage/users", action="revoke", name="<b>eve").text
    assert site.client.post("/api/v1/evaluations", json=RUN, headers=headers).status_code == 401
    for fields in (
        {"action": "role", "name": "manager", "role": "viewer"},  # the last one
        {"action": "role", "name": "viewer", "role": "king"},
        {"action": "add", "name": "", "role": "viewer"},
        {"action": "add", "name": "x", "role": "viewer", "password": "short"},
        {"action": "disable", "name": "nobody"},
        {"action": "dance"},
    ):
        assert manager.post("/manage/users", **fields).status_code == 422, fields


def test_a_job_is_done_once_reported_and_can_be_cancelled(site: Site) -> None:
    answer = site.client.post("/api/v1/scales/gaissa/regrade", headers=site.headers("manager"))
    assert answer.status_code == 202
    job = answer.json()["id"]
    assert site.get(f"jobs/{job}").json()["state"] == "queued"
    jobs = Jobs(site.store.database)
    other = jobs.add("regrade", {"scale": "x"}, "test", NOW)
    site.client.delete(f"/api/v1/jobs/{other}", headers=site.headers("manager"))
    runner = JobRunner(jobs, {"regrade": lambda params, progress: {"scale": params["scale"]}})
    assert runner.do_all() == 1
    assert (site.get(f"jobs/{job}").json()["state"], jobs.get(job).result) == ("done", {"scale": "gaissa"})
    assert jobs.get(other).state == "cancelled"
    done = [(entry.user, entry.action, entry.object) for _, entry in entries(site.store.database)]
    assert ("manager", "job.regrade", "gaissa") in done
    assert ("manager", "job.cancel", f"regrade {other}") in done
    failing = jobs.add("regrade", {}, "test", NOW)
    runner.do_all()
    assert jobs.get(failing).state == "failed"
    assert "KeyError" in jobs.get(failing).error
    assert error(site.get("jobs/999"))[:2] == (404, "not_found")


def test_a_job_whose_labeler_died_is_taken_again_but_not_for_ever(site: Site) -> None:
    jobs = Jobs(site.store.database)
    job = jobs.add("k", {}, "test", NOW)
    now = NOW
    for _ in range(MOST_TRIES):
        assert jobs.take(["k"], now) is not None
        assert jobs.take(["k"], now + ORPHAN_SECONDS / 2) is None  # it may still be at work
        now += 2 * ORPHAN_SECONDS
    assert jobs.take(["k"], now) is None
    assert jobs.get(job).state == "failed"
    assert not jobs.beat(job, {}, now)


def test_a_job_whose_labeler_died_before_the_clock_was_set_back_is_taken_again(site: Site) -> None:
    steady = [0.0]
    jobs, other = Jobs(site.store.database), Jobs(site.store.database, lambda: steady[0])
    dead, alive = (jobs.add("k", {}, "test", NOW) for _ in range(2))
    ahead = NOW + 7200
    for _ in range(2):
        jobs.take(["k"], ahead)
    taken = []
    for _ in range(4):
        steady[0] += ORPHAN_SECONDS / 2
        ahead += ORPHAN_SECONDS / 2
        jobs.beat(alive, {}, ahead)  # a labeler whose clock is two hours ahead
        taken.append(other.take(["k"], ahead - 7200))
    assert [job and job.id for job in taken] == [None, None, dead, None]


def test_a_cancelled_job_ends_also_when_the_clock_is_set_back(site: Site) -> None:
    jobs, now, went_on = Jobs(site.store.database), [NOW], list[float]()

    def work(_params: Mapping[str, Any], progress: Callable[[Mapping[str, Any]], None]) -> None:
        progress({"seen": 1})
        now[0] -= 3600
        jobs.cancel(job, "test", now[0])
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            progress({"seen": 2})
            time.sleep(0.005)
        went_on.append(deadline)

    job = jobs.add("k", {}, "test", NOW)
    JobRunner(jobs, {"k": work}, lambda: now[0]).do_all()
    assert jobs.get(job).state == "cancelled"
    assert not went_on


def test_a_job_that_waits_for_long_is_not_begun_by_another_labeler(site: Site) -> None:
    """As a sync does whose hub asks for fewer requests."""
    jobs, other = Jobs(site.store.database), Jobs(site.store.database)
    now, taken = [NOW], []

    def wait(_params: Mapping[str, Any], progress: Callable[[Mapping[str, Any]], None]) -> None:
        progress({"seen": 3})
        for _ in range(4):
            now[0] += ORPHAN_SECONDS / 2
            beaten = select(JOBS.c.heartbeat_at)
            deadline = time.monotonic() + 10
            while time.monotonic() < deadline:
                with site.store.database.reading() as connection:
                    if connection.execute(beaten).scalar_one() >= now[0]:
                        break
                time.sleep(0.005)
            taken.append(other.take(["k"], now[0]))

    job = jobs.add("k", {}, "test", NOW)
    JobRunner(jobs, {"k": wait}, lambda: now[0], quiet_beat_seconds=0.005).do_all()
    assert taken == [None] * 4
    assert (jobs.get(job).state, jobs.get(job).tries, jobs.get(job).progress) == ("done", 1, {"seen": 3})


def test_the_password_of_a_proxy_is_no_token_and_hides_no_session(site: Site) -> None:
    Browser(site)
    basic = {"Authorization": "Basic YWxpY2U6c2VjcmV0"}
    page = site.client.get("/manage", headers=basic)
    assert (page.status_code, "Users" in page.text) == (200, True)
    assert site.get("evaluations", **basic).status_code == 200
    # A browser sends it with a form of another site, too.
    answer = site.client.post("/logout", headers=basic | {"Sec-Fetch-Site": "cross-site"})
    assert (answer.status_code, "another site" in answer.text) == (403, True)


def test_a_page_with_a_new_token_is_kept_nowhere(site: Site) -> None:
    manager = Browser(site)
    answer = manager.post("/manage/users", action="token", name="viewer", label="t", scope="read")
    assert "shown this once" in answer.text
    assert answer.headers["cache-control"] == "no-store"


def test_a_login_that_is_refused_is_in_the_log(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    site.client.post("/login", data={"name": "manager\nroot", "password": "a wrong password"})
    assert caplog.messages == ["a login as manager root from testclient was refused"]


def test_a_login_leads_back_to_the_page_it_was_asked_for_on(site: Site) -> None:
    for path, back in (
        ("/upload", "/upload"), ("/evaluations?q=a%26b&sort=name", "/evaluations%3Fq%3Da%2526b%26sort%3Dname"),
        ("/roi?old=120", "/roi%3Fold%3D120"),
    ):  # fmt: skip
        assert f'class="who" href="/login?then={back}"' in site.client.get(path).text
    assert 'class="who" href="/login"' in site.client.get("/login").text
    typed = site.client.post("/evaluate", data={"phase": "training", "model": "a/b", "accuracy": "0.9"}).text
    assert 'href="/login?then=/evaluate" target="_blank"' in typed  # what was typed stays in its own tab
    answer = site.client.post(
        "/login", follow_redirects=False,
        data={"name": "manager", "password": "a long password", "then": "/evaluations?q=a%26b&sort=name"},
    )  # fmt: skip
    assert answer.headers["location"] == "/evaluations?q=a%26b&sort=name"


@pytest.mark.parametrize(
    ("scale", "words"),
    [
        (
            "gaissalabel",
            [
                "Model size per gram of CO2, weight",
                "Model size per gram of CO2, A above",
                "Performance score, D above",
            ],
        ),
        ("gaissa-fixed", ["CO2 of the run, A up to", "Downloads, D above"]),
        ("gramwatt", ["bands A, up to"]),
    ],
)
def test_a_limit_names_the_letter_it_is_of(site: Site, scale: str, words: list[str]) -> None:
    page = Browser(site).get(f"/manage/scales/{scale}")
    for one in words:
        assert re.search(rf"<label [^>]*>{one}</label>", page), one
