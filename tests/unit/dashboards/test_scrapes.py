"""The scrape interval is learned from samples: the slowest exporter's, whatever fails, is young, or changed once."""

from __future__ import annotations

import asyncio
import json

import pytest
from gramwatt_labeler.web.scrapes import Learned, Scrapes

NOW = 1_800_000_000.0


class Samples:
    """A Prometheus with the sample times of some exporters."""

    def __init__(self, *times: list[float]) -> None:
        self.times = times
        self.asked: list[tuple[str, float]] = []

    async def __call__(self, expr: str, at: float) -> bytes | None:
        self.asked.append((expr, at))
        seconds = float(expr.partition("[")[2].rstrip("s]"))
        seen = [[one for one in own if at - seconds < one <= at] for own in self.times]
        result = [{"metric": {}, "values": [[one, "1"] for one in own]} for own in seen if own]
        return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}}).encode()


def every(seconds: float, since: float = 7200.0, late: float = 1.0) -> list[float]:
    """Sample times until shortly before now."""
    count = int(since // seconds)
    return [NOW - late - seconds * n for n in reversed(range(count))]


def learned(samples: Samples, start: float = NOW - 600) -> Scrapes:
    return asyncio.run(Learned(samples).between(start, NOW))


@pytest.mark.parametrize("seconds", [0.5, 5, 15, 60, 300])
def test_the_interval_is_that_of_the_samples(seconds: float) -> None:
    found = learned(Samples(every(seconds)))
    assert found == Scrapes(seconds, NOW - 1, seconds)


def test_the_slowest_counts() -> None:
    assert learned(Samples(every(5), every(60), every(15))).interval == 60


def test_failed_scrapes_and_jitter_change_nothing() -> None:
    jitter = [at + 0.01 * (n % 3) for n, at in enumerate(every(15))]
    gaps = [at for n, at in enumerate(jitter) if n % 4]
    assert learned(Samples(gaps)).interval == 15


def test_a_young_exporter_does_not_hide_the_others() -> None:
    assert learned(Samples(every(30), every(30, since=60))).interval == 30


def test_an_interval_that_was_longer_once_is_the_slowest_of_the_range() -> None:
    early = [NOW - 86400 + 240 * n for n in range(240)]
    late = [early[-1] + 30 * n for n in range(1, int((NOW - early[-1]) // 30) + 1)]
    found = learned(Samples(early + late), start=NOW - 86400)
    assert (found.interval, found.slowest) == (30, 240)


def test_nothing_known_is_nothing_said() -> None:
    assert learned(Samples()) == Scrapes(None, None, None)

    async def down(expr: str, at: float) -> bytes | None:
        return None

    assert asyncio.run(Learned(down).between(NOW - 600, NOW)) == Scrapes(None, None, None)


def test_the_newest_sample_of_exporters_that_have_stopped() -> None:
    found = learned(Samples(every(15, late=700)))
    assert (found.interval, found.newest) == (15, NOW - 700)


def test_one_question_for_all_browsers_of_half_a_minute() -> None:
    samples = Samples(every(5))
    known = Learned(samples)
    for _ in range(5):
        asyncio.run(known.between(NOW - 600, NOW))
    assert len(samples.asked) == 1
