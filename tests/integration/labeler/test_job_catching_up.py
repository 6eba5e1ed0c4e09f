"""A labeler that was away: many windows wait for it, and one that ends meanwhile does not wait for them."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from gramwatt_labeler.prometheus import Prometheus
from labeler_job import GRADEABLE, REFUSED, Job

pytestmark = pytest.mark.usefixtures("scales_dir")


def report(window: str, end: float) -> dict[str, Any]:
    """A window as its exporter reports it at its end."""
    return {
        "window": window, "name": window, "phase": "training", "start": end - 60, "end": end,
        "components": {"cpu": 50.0}, "task": "image-classification", "values": {"samples": 1000.0}, "samples": 3,
        "how_ended": "exit_code", "how_ended_detail": "0",
    }  # fmt: skip


def test_a_run_that_ends_meanwhile_is_graded_next(
    job: Job, prometheus_url: str, now: float, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "gramwatt_labeler")
    asked = [0]
    transport = httpx.HTTPTransport()

    class Reporting(httpx.BaseTransport):
        """The real server; in the middle of the poll an exporter reports two windows that have ended."""

        def handle_request(self, request: httpx.Request) -> httpx.Response:
            asked[0] += 1
            if asked[0] == 15:
                job.watch.report("node-z:10044", report("earlier", now - 20))
                job.watch.report("node-z:10044", report("just-now", now - 1))
            return transport.handle_request(request)

    job.watch._prometheus = Prometheus(prometheus_url, httpx.Client(transport=Reporting()), 20)
    polled = [one.window.id for one in job.watch.poll() if one.grade.scale.name == "gramwatt"]
    at = polled.index("just-now")
    assert 0 < at < 5, polled
    assert polled[at + 1] == "earlier"
    assert set(polled) == GRADEABLE | REFUSED | {"long", "just-now", "earlier"}
    assert job.metrics()["gramwatt_grade"]["just-now"]


def test_what_is_left_of_a_long_poll_is_the_next_one_s(job: Job) -> None:
    """Each publishes what it found: neither the metrics nor the alert of a blind labeler wait for the last window."""
    polls = []
    for _ in range(100):
        polls.append({one.window.id for one in job.watch.poll(0)})
        if not job.watch._has_more:
            break
        shown = job.metrics()
        assert shown["gramwatt_labeler_last_poll_timestamp_seconds"][""] > 0
        published = {*shown.get("gramwatt_grade", {}), *shown.get("gramwatt_grade_refused_info", {})}
        assert published == set().union(*polls)
    assert set().union(*polls) == GRADEABLE | REFUSED | {"long"}
    assert max(len(one) for one in polls) == 1
    assert sum(len(one) for one in polls) == len(GRADEABLE | REFUSED) + 1  # each once


def test_a_label_that_a_killed_labeler_did_not_write_is_written_at_the_next_start(
    tmp_path: Path, prometheus_url: str, now: float
) -> None:
    job = Job(tmp_path, prometheus_url, now, formats=("svg", "pdf"))
    job.watch.poll()
    job.close()
    whole = (job.labels / "steady.svg").read_bytes()
    (job.labels / "steady.svg").unlink()  # its grade was stored the moment before
    (job.labels / "short.pdf").unlink()
    before = time.time()
    again = Job(tmp_path, prometheus_url, now, formats=("svg", "pdf"))
    assert again.watch.poll() == []
    assert (again.labels / "steady.svg").read_bytes() == whole
    assert (again.labels / "short.pdf").exists()
    assert (again.labels / "twice.svg").stat().st_mtime < before
    again.close()


def test_so_is_that_of_a_window_that_its_exporter_reports_again(
    tmp_path: Path, prometheus_url: str, now: float
) -> None:
    job = Job(tmp_path, prometheus_url, now, formats=("svg",))
    job.watch.report("node-z:10044", report("reported", now - 5))
    assert len(job.watch.grade_reported()) == 2  # on both scales
    job.close()
    label = job.labels / "reported.svg"
    label.unlink()
    again = Job(tmp_path, prometheus_url, now, formats=("svg",))
    again.watch.report("node-z:10044", report("reported", now - 5))
    assert again.watch.grade_reported() == []
    assert label.exists()
    again.close()
