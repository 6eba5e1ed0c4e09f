"""The job from end to end: a real Prometheus in, files, rows, metrics, pages and annotations out."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
import uvicorn
from fastapi import FastAPI
from gramwatt_labeler.__main__ import main
from gramwatt_labeler.annotate import Annotator
from gramwatt_labeler.metrics import METRICS, Health, Published
from gramwatt_labeler.output import Output
from gramwatt_labeler.prometheus import Prometheus
from gramwatt_labeler.scale_files import load_scales, pick
from gramwatt_labeler.store import Store
from gramwatt_labeler.watch import Watch
from gramwatt_labeler.web.app import create_app
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

pytestmark = pytest.mark.usefixtures("scales_dir")

GRADEABLE = {
    "short", "steady", "reset-long", "twice", "hostile", "no-uncertainty", "replicas", "lagging", "renamed",
    "renamed-reset", "succeeded", "over",
}  # fmt: skip
REFUSED = {
    "reset-short", "restarted", "gpu-lost", "two-samples", "zero", "no-task", "crashed", "killed", "raised", "vanished",
    "tiny", "absurd", "huge",
}  # fmt: skip
NEVER_MEASURED = {"beyond", "distant"}  # tried three times, then refused
SCALES = str(Path(__file__).parents[2] / "fixtures" / "scales")
DOCS = Path(__file__).parents[3] / "docs" / "labeler.md"


class Site:
    """The application behind a real server on a port of its own, started with the first call."""

    def __init__(self, app: FastAPI) -> None:
        self._server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", lifespan="off"))
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def get(self, path: str, params: Mapping[str, str | int] | None = None) -> requests.Response:
        if not self._thread.is_alive():
            self._thread.start()
            deadline = time.monotonic() + 20
            while not self._server.started and time.monotonic() < deadline:
                time.sleep(0.02)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        return requests.get(f"http://127.0.0.1:{port}{path}", params=params, timeout=20)

    def stop(self) -> None:
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(10)


class Job:
    """A watch with everything around it, one poll at a time."""

    def __init__(
        self,
        folder: Path,
        url: str,
        now: float,
        annotator: Annotator | None = None,
        formats: tuple[str, ...] = (),
    ) -> None:
        self.registry = CollectorRegistry()
        self.store = Store(f"sqlite:///{folder / 'grades.db'}")
        self.scales = load_scales(SCALES)
        self.labels = folder / "labels"
        self.published = Published(self.registry)
        output = Output(self.labels, formats, "http://127.0.0.1:10045")
        self.watch = Watch(
            Prometheus(url, httpx.Client(), 5), self.store, pick(self.scales, ["gramwatt", "comparia"]), output,
            Health(self.registry), self.published, annotator, lookback=86_400 * 2, now=lambda: now,
        )  # fmt: skip
        self.client = Site(
            create_app(
                self.registry, self.store, self.scales, "gramwatt", output.page, url, folder / "dashboards"
            )
        )

    def close(self) -> None:
        self.client.stop()
        self.store.close()

    def metrics(self) -> dict[str, dict[str, float]]:
        """name -> {window or the labels: value} of what a scrape sees."""
        found: dict[str, dict[str, float]] = {}
        for family in text_string_to_metric_families(generate_latest(self.registry).decode()):
            for sample in family.samples:
                key = sample.labels.get("window", "")
                if sample.labels.get("scale", "gramwatt") == "gramwatt":
                    found.setdefault(sample.name, {})[key or ",".join(sample.labels.values())] = sample.value
        return found


@pytest.fixture
def job(tmp_path: Path, prometheus_url: str, now: float) -> Iterator[Job]:
    made = Job(tmp_path, prometheus_url, now)
    yield made
    made.close()


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
    from gramwatt_labeler import watch

    def grade(scale: Any, window: Any, measurement: Any, hardware: Any) -> Any:
        if window.id == "steady":
            raise ZeroDivisionError("a bug\nnobody thought of")
        return original(scale, window, measurement, hardware)

    original: Any = vars(watch)["grade"]
    monkeypatch.setattr(watch, "grade", grade)
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
    from gramwatt_labeler import watch

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
    import sqlite3

    from sqlalchemy import event

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


def test_the_list_has_search_and_pages_and_stays_readable(job: Job) -> None:
    import dataclasses

    from gramwatt_labeler.model import Grade

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
    assert "120 windows, page 1 of 3" in first.text
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


def test_a_record_of_another_version_does_not_hide_the_others(
    job: Job, caplog: pytest.LogCaptureFixture
) -> None:
    from gramwatt_labeler.store.tables import EVALUATIONS
    from sqlalchemy import select, update

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


def test_windows_inside_another_get_no_label_files_unless_asked(
    tmp_path: Path, prometheus_url: str, now: float
) -> None:
    import dataclasses

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
    assert set(metrics["gramwatt_grade_info"]) == GRADEABLE | {"long"}
    assert set(metrics["gramwatt_grade_refused_info"]) == REFUSED
    # "fresh", and those that are tried again before they are refused.
    assert metrics["gramwatt_labeler_windows_waiting"][""] == 1 + len(NEVER_MEASURED)
    assert metrics["gramwatt_labeler_polls_total"][""] == 1
    assert metrics["gramwatt_labeler_last_poll_timestamp_seconds"][""] > 0
    text = generate_latest(job.registry).decode()
    assert 'grade="C"' in text
    assert 'span=""' in text  # no-uncertainty
    assert "gramwatt_labeler_poll_failures_total{" not in text


def test_every_metric_is_published_as_written_and_documented(job: Job, tmp_path: Path, now: float) -> None:
    job.watch.poll()
    job.watch._prometheus = Prometheus("http://127.0.0.1:1", httpx.Client(), 1)
    job.watch.poll()
    seen = [
        (family, sample)
        for family in text_string_to_metric_families(generate_latest(job.registry).decode())
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


# --- the web


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


# --- Grafana


class answering:  # noqa: N801 - used like a function
    """A local server; ``answer(path, body)`` gives status and body. Calls are kept."""

    def __init__(self, answer: Callable[[str, bytes], tuple[int, bytes]]) -> None:
        calls: list[tuple[str, str, bytes]] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                calls.append((self.path, self.headers.get("Authorization", ""), body))
                status, content = answer(self.path, body)
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.calls = calls

    def __enter__(self) -> tuple[str, list[tuple[str, str, bytes]]]:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self.url, self.calls

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


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


# --- the command line


def test_grade_prints_one_line(prometheus_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["grade", "--window", "steady", "--prometheus.url", prometheus_url]) == 0
    line = capsys.readouterr().out
    assert line.startswith("steady 'train' on gramwatt 1 (")
    assert ": C, 6 J per sample, EEI 0.692 against 8.67 J, 6000 J" in line


def test_grade_as_json_by_name(prometheus_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--name", "short-one", "--json", "--grading.scales", "gramwatt,comparia"]
    assert main(["grade", *words, "--prometheus.url", prometheus_url]) == 0
    results = json.loads(capsys.readouterr().out)
    assert [one["grade"]["scale"]["name"] for one in results] == ["gramwatt", "comparia"]
    assert results[0]["measurement"]["emissions_grams"] == 0.25


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["--window", "no-task"], 3, "not graded: a task"),
        (["--window", "nothing"], 1, "window 'nothing' is unknown to Prometheus"),
        (["--window", "open"], 1, "has not finished yet"),
        (["--name", "nothing"], 1, "a window named 'nothing' is unknown"),
        (
            ["--window", "steady", "--grading.scales", "best"],
            1,
            "no scale 'best' (known: comparia, gramwatt)",
        ),
        (["--window", "steady", "--watch.interval", "5"], 2, "$.watch.interval: expected a duration"),
    ],
)
def test_what_goes_wrong_is_one_line(
    words: Any, code: Any, text: Any, prometheus_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["grade", *words, "--prometheus.url", prometheus_url]) == code
    captured = capsys.readouterr()
    said = captured.out + captured.err
    assert text in said
    assert "Traceback" not in said
    assert len(said.splitlines()) == 1


def test_label_writes_files(prometheus_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["label", "--window", "steady", "--output", str(tmp_path / "out"), "--labels.formats", "svg,pdf"]
    assert main([*words, "--prometheus.url", prometheus_url]) == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["steady.pdf", "steady.svg"]
    assert str(tmp_path / "out" / "steady.svg") in capsys.readouterr().out


def test_watch_once_and_the_scale_list(
    prometheus_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [
        "watch",
        "--once",
        "--labels.formats",
        "svg",
        "--prometheus.url",
        prometheus_url,
        "--data.dir",
        str(tmp_path),
    ]
    assert main(words) == 0
    assert "'short-one' on gramwatt" in capsys.readouterr().out
    assert (tmp_path / "grades.db").exists()
    assert (tmp_path / "labels" / "steady.svg").exists()
    assert main(["scales"]) == 0
    assert "gaissa-fixed" in capsys.readouterr().out
    assert main(["watch", "--config.check"]) == 0
    assert 'watch.interval: "15s"' in capsys.readouterr().out


def test_a_grafana_without_token_is_a_wrong_setting(
    prometheus_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GRAMWATT_GRAFANA_TOKEN", raising=False)
    words = ["watch", "--once", "--data.dir", str(tmp_path), "--grafana.url", "http://127.0.0.1:1"]
    assert main([*words, "--prometheus.url", prometheus_url]) == 2
    assert "GRAMWATT_GRAFANA_TOKEN" in capsys.readouterr().err


def test_the_process_serves_and_ends_cleanly(prometheus_url: str, tmp_path: Path) -> None:
    import os
    import signal
    import socket
    import subprocess
    import sys

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    command = [
        sys.executable, "-m", "gramwatt_labeler", "watch", "--prometheus.url", prometheus_url, "--data.dir",
        str(tmp_path), "--web.listen-address", address, "--watch.interval", "1s", "--labels.formats", "svg",
        "--grading.scales-dir", SCALES,
    ]  # fmt: skip
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GRAMWATT_")}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, env=environ, text=True)
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                if "gramwatt_grade{" in requests.get(f"http://{address}/metrics", timeout=2).text:
                    break
            except requests.ConnectionError:
                pass
            assert time.monotonic() < deadline
            time.sleep(0.1)
        taken = subprocess.run(command, capture_output=True, env=environ, text=True, timeout=30, check=False)
        assert taken.returncode == 2
        assert "is the port taken?" in taken.stderr
    finally:
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 0, errors
    assert "Traceback" not in errors
