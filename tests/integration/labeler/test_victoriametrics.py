"""VictoriaMetrics in the place of Prometheus: it shows the end of a series as a NaN, and the grades stay the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from gramwatt_labeler.prometheus import Prometheus
from labeler_job import Job

pytestmark = pytest.mark.usefixtures("scales_dir")


class Ending(httpx.BaseTransport):
    """A Prometheus whose series all end with the marker that VictoriaMetrics 1.79 shows for a target that is gone."""

    def __init__(self) -> None:
        self._real = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = self._real.handle_request(request)
        answer.read()
        tree: dict[str, Any] = json.loads(answer.content)
        for row in tree["data"]["result"]:
            if row.get("values"):
                row["values"].append([row["values"][-1][0] + 0.002, "NaN"])
        return httpx.Response(answer.status_code, json=tree)


def test_a_series_that_ended_is_measured_as_before(tmp_path: Path, prometheus_url: str, now: float) -> None:
    found = []
    for name, transport in (("p", httpx.HTTPTransport()), ("v", Ending())):
        (tmp_path / name).mkdir()
        job = Job(tmp_path / name, prometheus_url, now)
        job.watch._prometheus = Prometheus(prometheus_url, httpx.Client(transport=transport), 20)
        found.append({(one.window.id, one.grade.scale.name): one for one in job.watch.poll()})
        job.close()
    assert found[0] == found[1]
    steady = found[1]["steady", "gramwatt"]
    assert (steady.grade.letter, steady.window.seconds) == ("C", 600)
