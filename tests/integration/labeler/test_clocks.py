"""A labeler whose clock is wrong: samples have the times of Prometheus, so windows are looked for by its clock."""

from __future__ import annotations

import time
from email.utils import formatdate
from pathlib import Path

import httpx
import pytest
from gramwatt_labeler.prometheus import Prometheus
from labeler_job import GRADEABLE, REFUSED, Job

pytestmark = pytest.mark.usefixtures("scales_dir")


class Dated(httpx.BaseTransport):
    """A server whose clock is ``ahead`` of this machine's by so many seconds."""

    def __init__(self, ahead: float) -> None:
        self._ahead = ahead
        self._real = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = self._real.handle_request(request)
        answer.headers["Date"] = formatdate(time.time() + self._ahead, usegmt=True)
        return answer


@pytest.mark.parametrize(("ahead", "way"), [(3600.0, "behind that"), (-7200.0, "ahead of that")])
def test_windows_are_looked_for_by_the_clock_of_prometheus(
    ahead: float, way: str, tmp_path: Path, prometheus_url: str, now: float, caplog: pytest.LogCaptureFixture
) -> None:
    job = Job(tmp_path, prometheus_url, now - ahead)
    job.watch._prometheus = Prometheus(prometheus_url, httpx.Client(transport=Dated(ahead)), 20)
    found = {one.window.id: one for one in job.watch.poll() if one.grade.scale.name == "gramwatt"}
    assert set(found) == GRADEABLE | REFUSED | {"long"}
    steady = found["steady"].measurement
    assert steady is not None
    assert steady.energy_joules == 6000
    job.watch.poll()
    said = [record.message for record in caplog.records if "clock of this machine" in record.message]
    assert len(said) == 1
    assert f"{way} of Prometheus at {prometheus_url}: set it" in said[0]
    job.close()


def test_clocks_that_differ_by_seconds_are_the_same(
    prometheus_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    server = Prometheus(prometheus_url, httpx.Client(transport=Dated(20)), 20)
    assert server.now(1000.0) == 1000.0
    assert "clock" not in caplog.text
