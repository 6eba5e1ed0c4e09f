"""When to run: exact against brute force, and honest about what is not known."""

from __future__ import annotations

from typing import Any

import pytest
from gramwatt.schedule import Curve, Point, best_start, parse_duration, same_as_yesterday
from hypothesis import given
from hypothesis import strategies as st

HOUR = 3600.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("4h", 14400),
        ("90m", 5400),
        ("1h30m", 5400),
        ("1d", 86400),
        ("500ms", 0.5),
        ("1.5h", 5400),
        ("1w", 604800),
    ],
)
def test_durations(text: Any, seconds: Any) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "4", "h", "4 h", "-4h", "4hours", "0s", "4h!"])
def test_what_is_no_duration(text: Any) -> None:
    with pytest.raises(ValueError):
        parse_duration(text)


def _curve(*values: float) -> Curve:
    return Curve([Point(i * HOUR, value) for i, value in enumerate(values)])


def test_mean_weighs_by_time() -> None:
    curve = _curve(100, 200, 300)
    assert curve.mean(0.5 * HOUR, HOUR) == pytest.approx(150)
    assert curve.mean(0, 3 * HOUR) == pytest.approx(200)
    assert curve.end == 3 * HOUR


def test_a_valley_is_found_from_both_sides() -> None:
    advice = best_start(_curve(300, 300, 100, 100, 300, 50), 0, 2 * HOUR, 5 * HOUR)
    assert (advice.start, advice.best, advice.now, advice.saved) == (2 * HOUR, 100, 300, 200)
    # A job that must end with the cheap hour begins in the middle of one: the end meets the step.
    advice = best_start(_curve(300, 200, 100, 400, 400), 0, 1.5 * HOUR, 5 * HOUR)
    assert advice.start == pytest.approx(1.5 * HOUR)


def test_now_when_nothing_is_better() -> None:
    advice = best_start(_curve(100, 100, 200, 200), 10.0, HOUR, 4 * HOUR)
    assert (advice.start, advice.saved) == (10.0, 0)


def test_the_deadline_is_kept_and_the_forecasts_end_is_told() -> None:
    advice = best_start(_curve(300, 200, 100, 50), 0, HOUR, 3 * HOUR)
    assert advice.start + HOUR <= 3 * HOUR
    advice = best_start(_curve(300, 200), 0, HOUR, 24 * HOUR)
    assert advice.covered_until == 2 * HOUR
    with pytest.raises(ValueError, match="deadline"):
        best_start(_curve(300, 200), 0, 4 * HOUR, HOUR)
    with pytest.raises(ValueError, match="shorter than the job"):
        best_start(_curve(300, 200), 0, 3 * HOUR, 24 * HOUR)


@pytest.mark.slow
@given(
    values=st.lists(st.integers(0, 1000), min_size=3, max_size=12),
    now=st.floats(0, HOUR),
    hours=st.floats(0.1, 2),
)
def test_no_start_on_a_fine_grid_is_better(values: Any, now: Any, hours: Any) -> None:
    curve = _curve(*values)
    advice = best_start(curve, now, hours * HOUR, curve.end)
    latest = curve.end - hours * HOUR
    assert now <= advice.start <= latest + 1e-6
    for i in range(101):
        assert advice.best <= curve.mean(now + (latest - now) * i / 100, hours * HOUR) + 1e-5
    assert advice.saved >= -1e-5


def test_yesterday_shifted_by_a_day() -> None:
    day = 24 * HOUR
    history = [Point(i * HOUR, 100 + i) for i in range(25)]
    guess = Curve(same_as_yesterday(history, now=day + 60))
    assert guess.mean(day + 60, 60) == 124  # in force now, the newest value
    assert guess.mean(day + 5 * HOUR, HOUR) == pytest.approx(105)
