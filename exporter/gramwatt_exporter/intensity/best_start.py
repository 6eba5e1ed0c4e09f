"""When the forecast is cleanest: for one to four hours of work, the start with the least mean intensity. Pure.

Intensity is a step function. The mean over a job is piecewise linear in its start, so that its least value lies where
the start or the end of the job meets a step: trying those is exact.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate, pairwise

from ..model import ForecastPoint

HOURS = (1, 2, 3, 4)
# A start is advice for a person: it need not follow the clock closer than this.
_PATIENCE_SECONDS = 300.0


def best_starts(forecast: Sequence[ForecastPoint], now: float) -> Sequence[tuple[int, float, float]]:
    """For each of ``HOURS`` that the forecast covers: hours, Unix seconds of the start, mean g/kWh from then on."""
    if len(forecast) < 2:
        return ()
    return _best(tuple(forecast), now // _PATIENCE_SECONDS * _PATIENCE_SECONDS)


@lru_cache(maxsize=4)  # a scrape asks, the forecast changes every few minutes
def _best(forecast: tuple[ForecastPoint, ...], now: float) -> Sequence[tuple[int, float, float]]:
    times = [point.at for point in forecast]
    values = [point.grams_per_kilowatt_hour for point in forecast]
    # The last step is as long as the one before it.
    end = times[-1] + (times[-1] - times[-2])
    sums = [
        0.0,
        *accumulate(
            value * (later - earlier)
            for value, (earlier, later) in zip(values, pairwise(times), strict=False)
        ),
    ]

    def integral(until: float) -> float:
        step = max(0, bisect_right(times, until) - 1)
        return sums[step] + values[step] * (until - times[step])

    found = []
    first = max(now, times[0])
    for hours in HOURS:
        seconds = 3600.0 * hours
        latest = end - seconds
        tried = {first, latest, *times, *(step - seconds for step in times)}
        means = [
            ((integral(start + seconds) - integral(start)) / seconds, start)
            for start in tried
            if first <= start <= latest
        ]
        if means:
            mean, start = min((round(mean, 6), start) for mean, start in means)  # the earliest of equals
            found.append((hours, start, mean))
    return tuple(found)
