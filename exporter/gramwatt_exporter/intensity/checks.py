"""What an answer must be before it may price energy: plausible, of this zone, not of the future."""

from __future__ import annotations

import math
from collections.abc import Sequence

from msgspec.structs import replace

from gramwatt_exporter.model import Fetched, ForecastPoint, Intensity

from .failures import Unavailable

LOWEST, HIGHEST = 0.0, 2000.0  # g/kWh; the dirtiest grids are near 1300, a single lignite plant near 1200
SKEW = 300.0  # seconds a clock may differ before a timestamp counts as being in the future
_FIX_CLOCK = "check the clock of this machine (timedatectl)"


def plausible(grams_per_kilowatt_hour: float) -> bool:
    """A number a grid can have."""
    return math.isfinite(grams_per_kilowatt_hour) and LOWEST <= grams_per_kilowatt_hour <= HIGHEST


def checked(fetched: Fetched, zone: str, now: float) -> Fetched:
    """``fetched`` without rows nobody can use, ordered by time.

    A timestamp up to five minutes ahead is the skew of two clocks and becomes ``now``. Raises Unavailable:
    reason wrong_zone for any row of another zone, implausible or future when no row is left.
    """
    values: dict[float, Intensity] = {}
    problem: Unavailable | None = None
    for value in fetched.values:
        if value.zone != zone:
            raise Unavailable("wrong_zone", f"asked for {zone}, got an answer for {value.zone[:40]}")
        if not plausible(value.grams_per_kilowatt_hour):
            problem = Unavailable(
                "implausible",
                f"{value.grams_per_kilowatt_hour:g} g/kWh is not between {LOWEST:g} and {HIGHEST:g}",
            )
        elif not math.isfinite(value.at) or value.at > now + SKEW:
            problem = Unavailable("future", "the value's timestamp is in the future", fix=_FIX_CLOCK)
        else:
            at = min(value.at, now)
            values[at] = replace(value, at=at)
    if problem is not None and not values:
        raise problem
    return replace(
        fetched,
        values=tuple(values[at] for at in sorted(values)),
        forecast=forecast_checked(fetched.forecast),
    )


def forecast_checked(points: Sequence[ForecastPoint]) -> tuple[ForecastPoint, ...]:
    """Plausible points by time, one per moment. A forecast with a bad point is shorter, never wrong."""
    good = {
        point.at: point
        for point in points
        if math.isfinite(point.at) and plausible(point.grams_per_kilowatt_hour)
    }
    return tuple(good[at] for at in sorted(good))
