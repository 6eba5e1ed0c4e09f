"""The hours of the forecast, whenever in an hour the sample is taken."""

from __future__ import annotations

from typing import Any

import pytest
from gramwatt_exporter.metrics.exposition import Exposition
from gramwatt_exporter.model import ForecastPoint, Intensity, IntensityState
from running import parse, select
from simulation import rig

HOUR = 3600.0
NOON = 1_790_000_000.0 // HOUR * HOUR


@pytest.mark.parametrize("into_the_hour", [0.0, 1.0, 1799.999, 1800.0, 1800.001, 3599.0])
def test_no_hour_is_left_out(into_the_hour: Any) -> None:
    simulated = rig()
    simulated.machine.wall = NOON + into_the_hour
    simulated.intensity[0] = IntensityState(
        average=Intensity(50.0, "FR", "static", "average", "measured", "direct", NOON),
        forecast=tuple(ForecastPoint(NOON + number * HOUR, 100.0 + number) for number in range(12)),
    )
    simulated.sampler.sample()
    exposition = Exposition()
    exposition.publish(simulated.sampler.freeze())
    series = parse((exposition.scrape() or b"").decode())
    for hours in range(1, 11):
        (grams,) = select(
            series, "gramwatt_grid_intensity_forecast_grams_per_kilowatt_hour", horizon_hours=str(hours)
        ).values()
        assert abs(float(grams) - (100 + hours + into_the_hour / HOUR)) <= 0.5
