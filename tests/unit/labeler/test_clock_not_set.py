"""Windows of a machine whose clock began in 1970."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from gramwatt_labeler.prometheus import Prometheus
from gramwatt_labeler.windows import Finished, measure

NOW = 1_795_000_000.0
SECONDS_IN_1970 = 90.0


@pytest.mark.slow
@pytest.mark.parametrize("end", [NOW - 60, SECONDS_IN_1970 + 30])
def test_a_window_that_began_in_1970_is_measured_with_a_bounded_number_of_questions(end: Any) -> None:
    """A machine without a clock battery begins there, and a unit's window may open before its clock is set."""
    asked = list[str]()
    kinds = {"end": end, "start": SECONDS_IN_1970}
    rows: list[tuple[str, list[tuple[float, float]]]] = [
        (f"gramwatt_window_{kind}_timestamp_seconds", [(NOW - 50 + 5 * n, value) for n in range(6)])
        for kind, value in kinds.items()
    ]
    rows.append(
        ("gramwatt_window_energy_joules_total", [(NOW - 200 + 5 * n, min(60.0, 2.0 * n)) for n in range(36)])
    )

    def answer(request: httpx.Request) -> httpx.Response:
        form = dict(httpx.QueryParams(request.content.decode()))
        asked.append(form["query"])
        if not form["query"].endswith("ms]"):
            return httpx.Response(200, json={"data": {"resultType": "vector", "result": []}})
        until = float(form["time"])
        since = until - int(form["query"].rpartition("[")[2].removesuffix("ms]")) / 1000
        found = []
        for name, samples in rows:
            pairs = [[t, str(v)] for t, v in samples if since <= t <= until]
            is_asked = name in form["query"] or "=~" in form["query"]
            if pairs and is_asked and "samples_total" not in form["query"]:
                labels = {"__name__": name, "window": "w", "job": "g", "instance": "a:1", "component": "cpu"}
                found.append({"metric": labels, "values": pairs})
        return httpx.Response(200, json={"data": {"resultType": "matrix", "result": found}})

    prometheus = Prometheus("http://p", httpx.Client(transport=httpx.MockTransport(answer)))
    window, measurement = measure(prometheus, Finished("w", end), NOW)
    assert (window.start, window.end) == (SECONDS_IN_1970, end)
    assert measurement.energy_joules == 60.0
    assert len(asked) < 2000
