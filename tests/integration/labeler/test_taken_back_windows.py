"""A recorded window that was taken back stays away: no poll, report, restart or sync brings it in again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from api_site import NOW, Site
from gramwatt_labeler.scale_book.regrading import regrade
from gramwatt_labeler.scale_files import load_scales
from gramwatt_labeler.store.hub import HubRows
from gramwatt_labeler.store.withdrawals import Which, Withdrawals
from labeler_job import Job
from labeler_pages import fill

REPORT = {
    "window": "reported", "name": "r", "phase": "training", "start": NOW - 90, "end": NOW - 60,
    "components": {"cpu": 5.0}, "task": "image-classification", "values": {"samples": 10.0},
}  # fmt: skip


@pytest.fixture
def written(tmp_path: Path, prometheus_url: str, now: float, scales_dir: str) -> Iterator[Job]:
    made = Job(tmp_path, prometheus_url, now, formats=("svg",))
    made.watch.poll()
    yield made
    made.close()


def test_no_poll_and_no_restart_brings_a_window_back(
    written: Job, tmp_path: Path, prometheus_url: str, now: float
) -> None:
    withdrawals = Withdrawals(written.store.database)
    before = written.metrics()
    assert {"steady", "no-task"} <= set(before["gramwatt_grade"]) | set(before["gramwatt_grade_refused_info"])
    act = withdrawals.take_back(Which(["steady", "no-task"]), "max", "the wrong machine", now, None)
    assert written.watch.poll() == []
    assert {"steady", "no-task"}.isdisjoint(written.scrape().split('"'))
    assert not (written.labels / "steady.svg").exists()
    assert (written.labels / "short.svg").exists()
    again = Job(tmp_path, prometheus_url, now, formats=("svg",))
    assert again.watch.poll() == []
    assert "steady" not in again.metrics()["gramwatt_grade"]
    assert not (again.labels / "steady.svg").exists()
    assert again.client.get("/labels/steady").status_code == 410
    withdrawals.restore(act.id, "max", now)
    assert again.watch.poll() == []
    now_shown = again.metrics()
    for name in ("gramwatt_grade", "gramwatt_grade_refused_info", "gramwatt_efficiency_index"):
        assert now_shown[name] == before[name]
    again.close()
    third = Job(tmp_path, prometheus_url, now, formats=("svg",))
    third.watch.poll()
    assert (third.labels / "steady.svg").exists()
    third.close()


def test_a_report_of_an_exporter_does_not_bring_it_back(written: Job, now: float) -> None:
    written.watch.report("node-a:10044", REPORT)
    assert {one.window.id for one in written.watch.grade_reported()} == {"reported"}
    Withdrawals(written.store.database).take_back(Which(["reported"]), "max", "", now, None)
    written.watch._done.clear()  # as after a restart
    written.watch.report("node-a:10044", REPORT)
    written.watch.report("node-a:10044", REPORT | {"window": "inside", "parent": "reported"})
    assert written.watch.grade_reported() == []
    assert written.store.get("inside") == []


def test_no_sync_brings_back_what_a_card_states(site: Site, tmp_path: Path) -> None:
    table = tmp_path / "HFCO2.csv"
    table.write_text(
        "modelId,co2_eq_emissions,datasets_size,size,downloads,created_at,auto\n"
        "org/net,12.5,1000,2000,10,2022-05-01,False\norg/other,3,1000,2000,10,2022-05-01,False\n"
    )
    from gramwatt_labeler.__main__ import main

    words = ["study", "import", str(table), "--data.database-url", f"sqlite:///{site.file}"]
    assert main(words) == 0
    first, second = (one.evaluation for one in site.store.page().rows)
    refused = site.client.put(
        f"/api/v1/evaluations/{first.id}", headers=site.headers("manager"),
        json={"phase": "training", "model": "org/net", "values": {"emissions": 1}},
    )  # fmt: skip
    assert "are corrected on the page of the study" in refused.json()["error"]["message"]
    Withdrawals(site.store.database).take_back(Which([first.id]), "max", "", NOW, None)
    assert main(words) == 0
    assert main(["study", "grade", *words[3:]]) == 0
    assert [one.evaluation.id for one in site.store.page().rows] == [second.id]
    assert first.id not in HubRows(site.store.database).letters("gaissa")


def test_grading_again_leaves_out_what_is_taken_back_meanwhile(site: Site) -> None:
    fill(site.store)
    loaded = load_scales()["comparia"]
    done: list[Any] = []
    for one in regrade(site.store, loaded, NOW, grades_new=True, of_measured=["comparia"]):
        if not done:
            left = [other for other in ("w1", "w2", "w3", "w4") if other != one.window.id]
            Withdrawals(site.store.database).take_back(Which(left), "max", "", NOW, None)
        done.append(one.window.id)
    assert len(done) == 1


def words_of(page: str) -> str:
    return " ".join(re.sub("<[^>]+>", " ", page).split())


def test_reports_charts_and_the_list_do_without_it(site: Site) -> None:
    fill(site.store)
    report = "/report?user=alice&month=2026-11"
    assert "3 Runs 25.6 Wh" in words_of(site.client.get(report).text)
    Withdrawals(site.store.database).take_back(Which(["w4"]), "max", "", NOW, None)
    assert "2 Runs 3.39 Wh ±5 % Energy 190 mg CO2 equivalent" in words_of(site.client.get(report).text)
    assert "2 evaluations 3.39 Wh energy" in words_of(site.client.get("/explore?user=alice").text)
    for path in ("/evaluations", "/labels/", "/evaluations?letter=D", "/evaluations?q=BreakInIt"):
        page = site.client.get(path).text
        assert f'{path.split("?")[0].rstrip("/")}/w4"' not in page, path
    Withdrawals(site.store.database).take_back(Which(["w1", "w3"]), "max", "", NOW, None)
    assert "3.39 Wh" not in site.client.get(report).text
    assert site.get("evaluations?model=google-bert/bert-base-uncased").json()["total"] == 0
    assert 'value="alice"' not in site.client.get("/report").text
