"""The job from end to end: a real Prometheus in, files, rows, metrics and annotations out."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from gramwatt_labeler.annotate import Annotator
from gramwatt_labeler.metrics import METRICS
from gramwatt_labeler.prometheus import Prometheus
from labeler_job import DOCS, GRADEABLE, NEVER_MEASURED, REFUSED, Job, answering
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

pytestmark = pytest.mark.usefixtures("scales_dir")


def test_one_poll_grades_every_finished_window_once(job: Job) -> None:
    new = job.watch.poll()
    on_main = {one.window.id: one.grade for one in new if one.grade.scale.name == "gramwatt"}
    assert {window for window, grade in on_main.items() if grade.letter} == GRADEABLE | {"long"}
    assert {window for window, grade in on_main.items() if not grade.letter} == REFUSED
    assert len(new) == 2 * len(on_main)  # on both scales
    # 15 J / 10 samples = 1.5 J per sample against 8.67 J.
    assert on_main["short"].text == "A"
    # 6000 J / 1000 samples = 6 J: index 0.692.
    assert on_main["steady"].text == "C"
    assert job.watch.poll() == []


def test_labels_are_written_for_every_window(tmp_path: Path, prometheus_url: str, now: float) -> None:
    job = Job(tmp_path, prometheus_url, now, formats=("svg", "png", "pdf"))
    job.watch.poll()
    names = {path.name for path in job.labels.iterdir()}
    assert names == {
        f"{window}.{form}" for window in GRADEABLE | REFUSED | {"long"} for form in ("svg", "png", "pdf")
    }
    assert "not graded" in (job.labels / "no-task.svg").read_text()
    job.close()


def test_a_second_job_on_the_same_store_does_nothing_again(
    job: Job, tmp_path: Path, prometheus_url: Any, now: Any
) -> None:
    job.watch.poll()
    again = Job(tmp_path, prometheus_url, now)
    assert again.watch.poll() == []
    assert set(again.metrics()["gramwatt_grade"]) == GRADEABLE | {"long"}
    again.close()


def test_windows_inside_another_get_no_label_files_unless_asked(
    tmp_path: Path, prometheus_url: str, now: float
) -> None:
    job = Job(tmp_path, prometheus_url, now, formats=("svg",))
    graded = next(one for one in job.watch.poll() if one.window.id == "steady")
    part = dataclasses.replace(graded, window=dataclasses.replace(graded.window, id="epoch", parent="steady"))
    job.watch._write(part)
    assert not (job.labels / "epoch.svg").exists()
    job.watch._output = dataclasses.replace(job.watch._output, parts=True)
    job.watch._write(part)
    assert (job.labels / "epoch.svg").exists()
    job.close()


def test_grades_and_health_are_metrics(job: Job) -> None:
    job.watch.poll()
    metrics = job.metrics()
    assert metrics["gramwatt_grade"]["steady"] == 3
    assert metrics["gramwatt_efficiency_index"]["steady"] == pytest.approx(6 / 8.67)
    assert metrics["gramwatt_grade_energy_per_unit_joules"]["steady"] == 6
    grams = metrics["gramwatt_grade_emissions_per_unit_grams"]
    assert (grams["short"], "steady" in grams) == (0.025, False)  # those of the other are not known
    assert set(metrics["gramwatt_grade_info"]) == GRADEABLE | {"long"}
    assert set(metrics["gramwatt_grade_refused_info"]) == REFUSED
    # "fresh", and those that are tried again before they are refused.
    assert metrics["gramwatt_labeler_windows_waiting"][""] == 1 + len(NEVER_MEASURED)
    assert metrics["gramwatt_labeler_polls_total"][""] == 1
    assert metrics["gramwatt_labeler_last_poll_timestamp_seconds"][""] > 0
    text = job.scrape()
    assert 'grade="C"' in text
    assert 'span=""' in text  # no-uncertainty
    assert "gramwatt_labeler_poll_failures_total{" not in text


def test_grades_are_written_once_until_they_change(job: Job) -> None:
    written = []

    def encode(registry: CollectorRegistry) -> bytes:
        written.append(registry)
        return generate_latest(registry)

    def page() -> str:
        return job.published.page(job.registry, encode, "text").decode()

    job.watch.poll()
    assert page().count("\ngramwatt_grade_info{") > 1
    assert len(written) == 2  # the grades and the health
    job.watch.poll()  # nothing new
    assert "gramwatt_labeler_polls_total 2.0" in page()
    assert len(written) == 3
    job.published.publish([one for one in job.store.recent() if one.grade.letter][:1])
    assert page().count("\ngramwatt_grade_info{") == 1
    assert len(written) == 5


def test_a_scrape_in_each_format_has_grades_health_and_one_end(job: Job) -> None:
    job.watch.poll()
    for accept, ends in (("*/*", 0), ("application/openmetrics-text; version=1.0.0", 1)):
        text = job.client.get("/metrics", accept=accept).text
        assert 'gramwatt_grade{scale="gramwatt",window="steady"} 3.0' in text
        assert "gramwatt_labeler_polls_total 1.0" in text
        assert text.count("# EOF") == text.endswith("# EOF\n") == ends


def test_every_metric_is_published_as_written_and_documented(job: Job, tmp_path: Path, now: float) -> None:
    job.watch.poll()
    job.watch._prometheus = Prometheus("http://127.0.0.1:1", httpx.Client(), 1)
    job.watch.poll()
    seen = [
        (family, sample)
        for family in text_string_to_metric_families(job.scrape())
        for sample in family.samples
        if not sample.name.endswith("_created")
    ]
    assert {sample.name for _, sample in seen} == {metric.name for metric in METRICS}
    rows = {metric.name: metric for metric in METRICS}
    for family, sample in seen:
        metric = rows[sample.name]
        assert (family.documentation, family.type) == (metric.help, metric.kind)
        assert set(sample.labels) == set(metric.labels)
    text = DOCS.read_text()
    assert [name for name in rows if f"| `{name}` |" not in text] == []


def test_every_grade_becomes_one_annotation(tmp_path: Path, prometheus_url: str, now: float) -> None:
    with answering(lambda path, body: (200, b'{"id": 1, "message": "Annotation added"}')) as (url, calls):
        job = Job(tmp_path, prometheus_url, now, Annotator(url, "glsa_test"))
        graded = job.watch.poll()
        job.watch.poll()
    assert len(calls) == len(graded)
    assert {(path, authorization) for path, authorization, _ in calls} == {
        ("/api/annotations", "Bearer glsa_test")
    }
    bodies = [json.loads(body) for _, _, body in calls]
    steady = next(body for body in bodies if "6 J per sample" in body["text"])
    assert (steady["time"], steady["timeEnd"]) == ((now - 3600) * 1000, (now - 3000) * 1000)
    assert steady["tags"] == ["gramwatt", "training", "C"]
    assert '<a href="http://127.0.0.1:10045/labels/' in steady["text"]
    assert not any("<script>" in body["text"] for body in bodies)
    job.close()
