"""A window's end is reported by its exporter and graded at once; what was missed meanwhile is caught up with."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from gramwatt_exporter.config.schema import Windows
from gramwatt_exporter.metrics.exposition import Exposition
from gramwatt_exporter.web.server import WebServer
from gramwatt_exporter.webconfig import WebConfig
from gramwatt_exporter.windows import WindowBook
from gramwatt_exporter.windows.ended import EndedWindows
from gramwatt_exporter.windows.model import ROOT, OpenRequest
from gramwatt_labeler.ended_window import read_report
from gramwatt_labeler.errors import Rejected
from gramwatt_labeler.listening import Listener, exporters, pause_after
from gramwatt_labeler.metrics import Health
from gramwatt_labeler.output import Output
from gramwatt_labeler.prometheus import Prometheus
from gramwatt_labeler.published import Published
from gramwatt_labeler.scale_files import load_scales, pick
from gramwatt_labeler.store import Store
from gramwatt_labeler.watch import Watch
from prometheus_client import CollectorRegistry


class Machine:
    """An exporter's windows and web listener."""

    def __init__(self, port: int = 0) -> None:
        self.now = time.time()
        self.book = WindowBook(Windows(), lambda: self.now, lambda: round(self.now * 1e9))
        self.ended = EndedWindows()
        self.server = WebServer(("127.0.0.1", port), Exposition(), WebConfig(""), (), self.ended)
        self.server.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server.address[1]}"

    def run(self, name: str = "train", joules: float = 50.0, **stop: Any) -> str:
        """A window of 60 s that used so much."""
        request = OpenRequest(
            name=name, phase="training", pid=1, task="image-classification", model="acme/net"
        )
        window = self.book.open(request, ROOT)
        for _ in range(4):
            self.now += 15
            self.book.charge(window.id, "cpu", round(joules * 1e6 / 4), None)
            self.book.sampled(self.now)
        self.book.stop(window.id, self.now, "stop", {"samples": 1000.0}, **stop)
        for view in self.book.take_ended():
            self.ended.report(view)
        return window.id


@pytest.fixture
def machine() -> Iterator[Machine]:
    made = Machine()
    yield made
    made.server.stop()


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_what_the_exporter_reports_is_what_the_labeler_reads(machine: Machine) -> None:
    machine.run(outcome={"exit_code": 0})
    (report,) = machine.ended.after("", 0)["windows"]
    window, measurement = read_report(report, "node-a:10044")
    assert (window.name, window.phase, window.task, window.model) == (
        "train", "training", "image-classification", "acme/net",
    )  # fmt: skip
    assert (window.instance, window.failure, dict(window.values)) == ("node-a:10044", "", {"samples": 1000.0})
    assert window.seconds == pytest.approx(60)
    assert measurement.energy_joules == measurement.components["cpu"] == 50.0
    assert measurement.coverage_ratio == 1.0
    assert (measurement.samples or 0) >= 3


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        ({"exit_code": 3}, "exit code 3"),
        ({"signal": "SIGKILL"}, "signal SIGKILL"),
        ({"exception": "E"}, "exception E"),
    ],
)
def test_a_run_that_failed_is_reported_as_failed(machine: Machine, outcome: Any, words: str) -> None:
    machine.run(outcome=outcome)
    (report,) = machine.ended.after("", 0)["windows"]
    assert read_report(report, "x")[0].failure == words


@pytest.mark.parametrize(
    "report", [None, 3, [], {}, {"window": 3}, {"window": "w", "name": "n", "phase": "p"}]
)
def test_a_report_that_is_none_is_refused(report: Any) -> None:
    with pytest.raises(Rejected, match=r"^node reports a window that cannot be read"):
        read_report(report, "node")


def test_windows_are_told_when_they_end_also_after_the_exporter_was_away(machine: Machine) -> None:
    told: list[str] = []
    address = machine.address
    listener = Listener(lambda: {address: f"http://{address}"}, lambda _, report: told.append(report["name"]))
    machine.run("before")
    listener.start()
    until(lambda: told == ["before"])
    machine.run("while")
    until(lambda: told == ["before", "while"])
    machine.server.stop()
    again = Machine(int(address.rpartition(":")[2]))  # numbers begin anew
    again.run("after")
    until(lambda: told == ["before", "while", "after"])
    listener.stop()
    again.server.stop()


def test_an_exporter_that_is_away_is_tried_often_and_one_that_fails_seldom() -> None:
    refused, odd = httpx.ConnectError("refused"), ValueError("no JSON")
    assert [pause_after(refused, failures) for failures in (1, 2, 3, 100)] == [1, 2, 4, 4]
    assert [pause_after(odd, failures) for failures in (1, 2, 7, 10_000)] == [1, 2, 60, 60]


def test_an_exporter_that_answers_nonsense_is_left_to_prometheus(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    listener = Listener(lambda: {"x": "http://127.0.0.1:1"}, lambda *_: None, ["http://127.0.0.1:1"])
    listener.start()
    until(lambda: "does not report windows that end" in caplog.text)
    listener.stop()
    assert caplog.text.count("graded a few scrapes later") == 1


def test_who_exports_is_known_from_prometheus() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/api/v1/targets":
            return httpx.Response(200, json={"data": {"activeTargets": [
                {"labels": {"instance": "gpu-1"}, "scrapeUrl": "https://10.0.0.7:10044/metrics?x=1"},
                {"labels": {"instance": "other"}, "scrapeUrl": "http://10.0.0.8:9090/metrics"},
                {"labels": {"instance": "odd"}, "scrapeUrl": "http://[::1"},
            ]}})  # fmt: skip
        rows = [{"metric": {"instance": one}, "value": [0, "1"]} for one in ("gpu-1", "node-b:10044", "odd")]
        return httpx.Response(200, json={"data": {"resultType": "vector", "result": rows}})

    server = Prometheus("http://prometheus", httpx.Client(transport=httpx.MockTransport(answer)))
    assert exporters(server, 0.0) == {
        "gpu-1": "https://10.0.0.7:10044", "node-b:10044": "http://node-b:10044", "odd": "http://odd",
    }  # fmt: skip


def test_a_reported_window_is_graded_at_once_and_not_again_by_a_poll(
    machine: Machine, tmp_path: Path
) -> None:
    registry = CollectorRegistry()
    store = Store(f"sqlite:///{tmp_path / 'labeler.db'}")
    silent = Prometheus(
        "http://prometheus", httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(503)))
    )
    watch = Watch(
        silent, store, pick(load_scales(), ["gramwatt", "comparia"]),
        Output(tmp_path / "labels", ("svg",), "http://labels"), Health(registry), Published(),
        now=lambda: machine.now,
    )  # fmt: skip
    window = machine.run()
    for report in (None, *machine.ended.after("", 0)["windows"]):
        watch.report(machine.address, report)
    new = watch.grade_reported()
    assert [one.window.id for one in new] == [window, window]  # on both scales
    assert (tmp_path / "labels" / f"{window}.svg").exists()
    assert store.evaluation(window).evaluation.window.instance == machine.address
    watch.report(machine.address, machine.ended.after("", 0)["windows"][0])
    assert watch.grade_reported() == []
    store.close()


def test_an_exporter_that_prometheus_does_not_know_yet_is_asked_for_soon(machine: Machine) -> None:
    """Both are started at once: the first scrape comes after the labeler's first look."""
    told, looks = list[str](), list[float]()

    def find() -> dict[str, str]:
        looks.append(time.monotonic())
        return {} if len(looks) == 1 else {machine.address: f"http://{machine.address}"}

    machine.run("early")
    listener = Listener(find, lambda _, report: told.append(report["name"]), look_seconds=600)
    listener.start()
    until(lambda: told == ["early"])
    listener.stop()
    assert len(looks) == 2
