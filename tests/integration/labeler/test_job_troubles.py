"""What goes wrong around the job: failed runs, a bug, a database, Prometheus or Grafana away, a full disk."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import httpx
import pytest
from gramwatt_labeler import watch
from gramwatt_labeler.annotate import Annotator
from gramwatt_labeler.prometheus import Prometheus
from gramwatt_labeler.store.tables import EVALUATIONS
from labeler_job import GRADEABLE, NEVER_MEASURED, Job, answering
from sqlalchemy import event, select, update

pytestmark = pytest.mark.usefixtures("scales_dir")


def test_a_window_that_always_fails_is_refused_after_three_tries_and_stops_nobody(
    job: Job, caplog: pytest.LogCaptureFixture
) -> None:
    first = {one.window.id for one in job.watch.poll()}
    assert first >= GRADEABLE
    assert not first & NEVER_MEASURED
    assert job.watch.poll() == []
    refused = {one.window.id: one.grade for one in job.watch.poll() if one.grade.scale.name == "gramwatt"}
    assert set(refused) == NEVER_MEASURED
    assert "add up to inf J" in refused["beyond"].text
    assert "clocks of exporter and labeler differ" in refused["distant"].text
    assert job.watch.poll() == []
    assert job.metrics()["gramwatt_labeler_window_failures_total"]["rejected"] == 3 * len(NEVER_MEASURED)
    assert job.metrics()["gramwatt_labeler_windows_waiting"][""] == 1
    said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(said) == len(NEVER_MEASURED)  # once each
    assert "Traceback" not in caplog.text


def test_a_bug_in_grading_one_window_stops_nobody(
    job: Job, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def grade(scale: Any, window: Any, measurement: Any, hardware: Any) -> Any:
        if window.id == "steady":
            raise ZeroDivisionError("a bug\nnobody thought of")
        return original(scale, window, measurement, hardware)

    original: Any = vars(watch)["grade_measured"]
    monkeypatch.setattr(watch, "grade_measured", grade)
    assert {one.window.id for one in job.watch.poll()} >= GRADEABLE - {"steady"}
    job.watch.poll()
    refused = {one.window.id: one.grade for one in job.watch.poll() if one.grade.scale.name == "gramwatt"}
    assert refused["steady"].text == "not graded: internal: ZeroDivisionError: a bug nobody thought of"
    assert job.client.get("/labels/steady").status_code == 200
    assert job.client.get("/labels/steady.svg").status_code == 200
    assert job.metrics()["gramwatt_labeler_window_failures_total"]["internal"] == 3


def test_a_label_that_cannot_be_drawn_costs_no_grade(
    tmp_path: Path, prometheus_url: str, now: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise ValueError("cannot draw this")

    monkeypatch.setattr(watch, "write_labels", broken)
    job = Job(tmp_path, prometheus_url, now, formats=("svg",))
    assert {one.window.id for one in job.watch.poll()} >= GRADEABLE
    job.close()


def test_failed_and_absurd_runs_say_why_they_have_no_grade(job: Job) -> None:
    reasons = {
        one.window.id: one.grade.reason for one in job.watch.poll() if one.grade.scale.name == "gramwatt"
    }
    assert reasons["crashed"].startswith("a run that succeeded (exit code 1)")
    assert reasons["killed"].startswith("a run that succeeded (signal SIGKILL)")
    assert reasons["tiny"].startswith("energy that the sensors can resolve")
    assert reasons["absurd"].startswith("a usable value 'samples' (it is 9.99989e-321")
    assert reasons["huge"].startswith("a usable value 'samples' (it is 1e+300")


def test_the_database_may_be_away_and_come_back(job: Job, caplog: pytest.LogCaptureFixture) -> None:
    job.watch.poll()
    caplog.clear()
    caplog.set_level("INFO", "gramwatt_labeler")

    def away(*_: Any) -> None:
        raise sqlite3.OperationalError("connection refused\nby the server")

    job.store.engine.dispose()
    event.listen(job.store.engine, "do_connect", away)
    for _ in range(3):
        assert job.watch.poll() == []
    for path in (
        "/labels/",
        "/labels/steady",
        "/labels/steady.svg",
        "/api/v1/grades",
        "/api/v1/grades/steady",
    ):
        answer = job.client.get(path)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5"), path
        assert "the database does not answer; try again" in answer.text
    assert job.client.get("/-/ready").status_code == 503
    assert job.client.get("/-/healthy").status_code == 200
    assert job.client.get("/metrics").status_code == 200
    said = [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")]
    assert len(said) == 1
    assert "Traceback" not in caplog.text
    event.remove(job.store.engine, "do_connect", away)
    job.watch.poll()
    assert "the database answers again" in caplog.text
    assert job.client.get("/labels/steady").status_code == 200
    assert job.client.get("/-/ready").status_code == 200


def test_a_record_of_another_version_does_not_hide_the_others(
    job: Job, caplog: pytest.LogCaptureFixture
) -> None:
    job.watch.poll()
    with job.store.engine.begin() as connection:
        column = EVALUATIONS.c
        connection.execute(update(EVALUATIONS).where(column.id == "short").values(record={"window": 3}))
        record = connection.execute(select(column.record).where(column.id == "twice")).scalar_one()
        record["window"]["end"] = 1e30  # what no calendar has
        connection.execute(update(EVALUATIONS).where(column.id == "twice").values(record=record))
    assert job.client.get("/labels/").status_code == 200
    assert job.client.get("/labels/twice").status_code == 200
    assert job.client.get("/labels/twice.svg").status_code == 200
    assert job.client.get("/labels/short").status_code == 404
    job.watch.publish()
    assert set(job.metrics()["gramwatt_grade"]) == (GRADEABLE | {"long"}) - {"short"}
    assert caplog.text.count("cannot be read and is left out") == 1


def test_prometheus_may_come_and_go(
    tmp_path: Path, prometheus_url: str, now: float, caplog: pytest.LogCaptureFixture
) -> None:
    job = Job(tmp_path, "http://127.0.0.1:1", now)
    assert job.watch.poll() == job.watch.poll() == []
    assert job.metrics()["gramwatt_labeler_poll_failures_total"] == {"unavailable": 2}
    assert len([record for record in caplog.records if "trying again" in record.message]) == 1
    assert "gramwatt_labeler_last_poll_timestamp_seconds" not in job.metrics()
    job.watch._prometheus = Prometheus(prometheus_url, httpx.Client(), 5)
    with caplog.at_level("INFO"):
        assert job.watch.poll()
    assert "answers again" in caplog.text
    job.close()


def test_what_is_not_prometheus_is_said(tmp_path: Path, now: float, caplog: pytest.LogCaptureFixture) -> None:
    with answering(lambda path, body: (200, b"<html>hello</html>")) as (url, _):
        job = Job(tmp_path, url, now)
        job.watch.poll()
    assert job.metrics()["gramwatt_labeler_poll_failures_total"] == {"rejected": 1}
    assert "did not answer like Prometheus; check prometheus.url" in caplog.text
    job.close()


def test_a_full_disk_loses_no_grade(job: Job, caplog: pytest.LogCaptureFixture) -> None:
    job.labels.write_text("a file where the folder should be")
    assert job.watch.poll()
    assert "cannot write the label" in caplog.text
    assert job.store.get("steady", "gramwatt")[0].grade.letter == "C"


@pytest.mark.parametrize("status", [401, 503])
def test_grafana_may_be_away_or_refuse(
    status: int, tmp_path: Path, prometheus_url: str, now: float, caplog: pytest.LogCaptureFixture
) -> None:
    answers = [status]

    def answer(path: str, body: bytes) -> tuple[int, bytes]:
        return (answers[0], b'{"message": "no"}')

    with answering(answer) as (url, calls):
        job = Job(tmp_path, prometheus_url, now, Annotator(url, "glsa_test"))
        graded = job.watch.poll()
        assert graded  # the grades do not wait for Grafana
        assert job.metrics()["gramwatt_labeler_annotation_failures_total"][""] == 1
        assert (
            len([record for record in caplog.records if "trying again with every poll" in record.message])
            == 1
        )
        answers[0] = 200
        calls.clear()
        job.watch.poll()
        assert len(calls) == len(graded)
    job.close()
