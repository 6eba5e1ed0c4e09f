"""One window, seen by its exporter's report and by a poll of its series: the same facts, the same grade."""

from __future__ import annotations

import re
import time
from types import SimpleNamespace
from typing import Any

import pytest
from gramwatt_exporter.config.schema import Windows
from gramwatt_exporter.hardware import Part
from gramwatt_exporter.metrics.catalogue import CATALOGUE
from gramwatt_exporter.metrics.collector import _windows
from gramwatt_exporter.model import Intensity
from gramwatt_exporter.windows import WindowBook
from gramwatt_exporter.windows.ended import EndedWindows
from gramwatt_exporter.windows.model import ROOT, OpenRequest, WindowView
from gramwatt_labeler.ended_window import read_report
from gramwatt_labeler.errors import Rejected
from gramwatt_labeler.model import Grade, Hardware, Measurement, Window
from gramwatt_labeler.prometheus import Series
from gramwatt_labeler.scale_files import grade, load_scales
from gramwatt_labeler.windows import Finished, measure

PARTS = (
    Part("cpu", "AMD Ryzen 9 7950X", 1),
    Part("gpu", "NVIDIA GeForce RTX 4090", 1),
)
INSTANCE = "node-a:10044"
GRID = Intensity(56.0, "FR", "annual", "average", "annual", "lifecycle", 0.0)


class Scraped:
    """A Prometheus with the exporter's window series, scraped a few times after the window's end.

    The exporter's clock is ``ahead`` of Prometheus' by so many seconds.
    """

    url = "http://prometheus"

    def __init__(self, view: WindowView, ahead: int = 0) -> None:
        metrics = {one.name.removeprefix("gramwatt_").removesuffix("_total"): one for one in CATALOGUE}
        times = [(view.end or 0.0) + seconds for seconds in range(1 - ahead, 17 - ahead, 5)]
        snapshot: Any = SimpleNamespace(windows=[view], hardware=PARTS)
        self._series = [
            Series(
                dict(zip(metrics[name].labels, labels, strict=True))
                | {"__name__": metrics[name].name, "job": "gramwatt", "instance": INSTANCE},
                [(at, value) for at in times],
            )
            for name, rows in _windows(snapshot)
            if name in metrics
            for labels, value in rows
        ]

    def raw(self, select: str, start: float, end: float) -> list[Series]:
        wanted = re.search(r'__name__(=~?)"([^"]*)"', select)
        assert wanted is not None
        found = [one for one in self._series if re.fullmatch(wanted[2], one.name)]
        return [
            Series(one.labels, [(at, value) for at, value in one.samples if start <= at <= end])
            for one in found
        ]

    def instant(self, query: str, at: float) -> list[Series]:
        return []


def ended(joules: dict[str, float], whole_machine: bool) -> WindowView:
    now = [time.time() - 300]
    book = WindowBook(Windows(), lambda: now[0], lambda: round(now[0] * 1e9))
    request = OpenRequest(
        name="serve", phase="inference", pid=1, task="image-classification", model="acme/net", dataset="imagenet-1k",
        whole_machine=whole_machine, tags={"software": "vLLM 0.9", "team": "secret"},
    )  # fmt: skip
    window = book.open(request, ROOT)
    for _ in range(4):
        now[0] += 15
        for component, used in joules.items():
            book.charge(window.id, component, round(used * 1e6 / 4), None)
            book.charge_machine(component, round(used * 1e6 / 4), None)
        book.sampled(now[0])
    book.stop(window.id, now[0], "stop", {"samples": 1000.0}, outcome={"exit_code": 0})
    (view,) = book.take_ended()
    return view


def graded(window: Window, measurement: Measurement) -> Grade:
    return grade(load_scales()["gramwatt"], window, measurement)


@pytest.mark.parametrize(
    ("joules", "whole_machine", "hardware"),
    [
        ({"gpu": 900.0, "cpu": 60.0}, False, Hardware((("NVIDIA GeForce RTX 4090", 1),), (("AMD Ryzen 9 7950X", 1),))),
        ({"gpu": 400.0, "cpu": 60.0}, True, Hardware((("NVIDIA GeForce RTX 4090", 1),), (("AMD Ryzen 9 7950X", 1),))),
        ({"cpu": 90.0, "dram": 5.0}, False, Hardware((), (("AMD Ryzen 9 7950X", 1),))),
        ({"gpu": 0.0, "cpu": 90.0}, True, Hardware((), (("AMD Ryzen 9 7950X", 1),))),
    ],
)  # fmt: skip
def test_a_report_and_a_poll_give_one_grade(
    joules: dict[str, float], whole_machine: bool, hardware: Hardware
) -> None:
    view = ended(joules, whole_machine)
    ended_windows = EndedWindows(PARTS)
    ended_windows.report(view, GRID)
    (report,) = ended_windows.after("", 0)["windows"]
    assert "secret" not in str(report)
    reported = read_report(report, INSTANCE)
    scraped: Any = Scraped(view)
    polled = measure(scraped, Finished(view.id, view.end or 0.0), time.time())
    assert reported[0] == polled[0]
    assert reported[0].hardware == hardware
    assert reported[0].software == "vLLM 0.9"
    assert (reported[1].zone, reported[1].intensity_method) == ("FR", "annual")
    assert reported[0].boundary == ("machine" if whole_machine else "process")
    assert reported[1].components == pytest.approx(polled[1].components)
    one, other = graded(*reported), graded(*polled)
    assert (one.letter, one.reason, one.reference, one.notes) == (
        other.letter,
        other.reason,
        other.reference,
        other.notes,
    )
    if joules.get("gpu"):
        assert one.letter is not None


def test_a_report_of_an_older_exporter_says_nothing_of_hardware() -> None:
    ended_windows = EndedWindows()
    ended_windows.report(ended({"cpu": 1.0}, False))
    (report,) = ended_windows.after("", 0)["windows"]
    for name in ("hardware", "boundary", "software", "grid_zone", "grid_method"):
        del report[name]
    window, measured = read_report(report, INSTANCE)
    assert (window.hardware, window.boundary, window.software, measured.zone) == (
        Hardware(),
        "process",
        "",
        "",
    )


@pytest.mark.parametrize("ahead", [0, 45, 120, 300, 3500])
def test_an_exporter_whose_clock_is_ahead_changes_no_joule(ahead: int) -> None:
    """The window is shorter than that: by the exporter's clock it begins after Prometheus has seen its end."""
    view = ended({"cpu": 90.0, "dram": 5.0}, False)
    end = view.end or 0.0
    scraped: Any = Scraped(view, ahead)
    window, measured = measure(scraped, Finished(view.id, end), end - ahead + 20)
    assert (window.start, window.end) == (view.start, end)
    assert measured.components == {"cpu": 90.0, "dram": 5.0}
    assert measured.coverage_ratio == 1.0


def test_an_end_that_no_clock_explains_is_refused() -> None:
    view = ended({"cpu": 90.0}, False)
    scraped: Any = Scraped(view, 300)
    with pytest.raises(Rejected, match="from now: the clocks of exporter and labeler differ"):
        measure(scraped, Finished(view.id, view.end or 0.0), (view.end or 0.0) - 86_400)
