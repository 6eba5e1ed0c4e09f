"""When the forecast is cleanest, and how the electricity is generated."""

from __future__ import annotations

import pytest
from gramwatt_exporter.intensity.best_start import best_starts
from gramwatt_exporter.intensity.providers.mix import ways_of
from gramwatt_exporter.model import ForecastPoint
from hypothesis import given
from hypothesis import strategies as st

NOW = 1_800_000_000.0


def forecast(*hourly: float) -> tuple[ForecastPoint, ...]:
    return tuple(ForecastPoint(NOW + 3600 * hour, grams) for hour, grams in enumerate(hourly))


def test_the_valley_is_found_for_every_length() -> None:
    found = best_starts(forecast(500, 400, 100, 150, 400, 500, 500), NOW)
    starts = [(hours, (start - NOW) / 3600) for hours, start, _ in found]
    assert starts == [(1, 2.0), (2, 2.0), (3, 1.0), (4, 1.0)]
    assert [round(mean, 3) for _, _, mean in found] == [100.0, 125.0, 216.667, 262.5]


def test_of_equal_starts_the_first_is_advised() -> None:
    assert [start for _, start, _ in best_starts(forecast(200, 200, 200, 200, 200), NOW)] == [NOW] * 4


def test_what_the_forecast_does_not_cover_is_not_advised() -> None:
    assert [hours for hours, _, _ in best_starts(forecast(300, 100), NOW)] == [1, 2]
    assert list(best_starts(forecast(300), NOW)) == []
    assert list(best_starts((), NOW)) == []


@pytest.mark.slow
@given(st.lists(st.floats(1, 900), min_size=3, max_size=30), st.floats(0, 7200))
def test_no_start_on_the_grid_of_minutes_is_cleaner(hourly: list[float], later: float) -> None:
    points = forecast(*hourly)
    now = (NOW + later) // 300 * 300
    end = points[-1].at + 3600

    def mean(start: float, seconds: float) -> float:
        total = 0.0
        for place, point in enumerate(points):
            until = points[place + 1].at if place + 1 < len(points) else end
            total += point.grams_per_kilowatt_hour * max(
                0.0, min(until, start + seconds) - max(point.at, start)
            )
        return total / seconds

    for hours, start, least in best_starts(points, now):
        assert now <= start <= end - 3600 * hours
        tried = [now + 600 * step for step in range(int((end - now) / 600) + 1)]
        assert all(mean(one, 3600 * hours) >= least - 1e-3 for one in tried if one + 3600 * hours <= end)


def test_shares_of_the_ways_of_generating() -> None:
    assert ways_of({"wind": 30.0, "coal": 10.0, "hydro storage": -5.0, "biomass": None}) == (
        ("coal", 0.25),
        ("wind", 0.75),
    )
    assert ways_of({"wind": 0.0}) == ()
