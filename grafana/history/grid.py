"""The grid of the history: solar at noon, wind by the day, coal in between."""

from __future__ import annotations

import math
from collections.abc import Callable

from .series import History

ZONE = "DE"
DAY = 86400.0
# g/kWh over the life cycle, and the share at noon and by night; wind varies with the weather.
_FACTORS = {"solar": 45.0, "wind": 11.0, "hydro": 24.0, "gas": 490.0, "coal": 820.0}


def mix(at: float) -> dict[str, float]:
    """Shares of the ways of generating at Unix time ``at``. They add up to 1."""
    hour = at % DAY / 3600
    sun = max(0.0, math.sin(math.pi * (hour - 5) / 14)) if 5 < hour < 19 else 0.0
    weather = 0.5 + 0.3 * math.sin(math.tau * at / (3.3 * DAY)) + 0.2 * math.sin(math.tau * at / (1.7 * DAY))
    solar, wind, hydro = 0.42 * sun, 0.12 + 0.3 * weather, 0.05
    rest = max(1.0 - solar - wind - hydro, 0.05)
    gas = rest * (0.45 + 0.1 * math.sin(math.tau * hour / 24))
    shares = {"solar": solar, "wind": wind, "hydro": hydro, "gas": gas, "coal": rest - gas}
    total = sum(shares.values())
    return {way: share / total for way, share in shares.items()}


def intensity(at: float) -> float:
    """g/kWh at Unix time ``at``, which the provider reports anew every quarter of an hour."""
    return sum(_FACTORS[way] * share for way, share in mix(at // 900 * 900).items())


def _mean(at: float, hours: int) -> float:
    return sum(intensity(at + 900 * quarter) for quarter in range(4 * hours)) / (4 * hours)


def best(at: float, hours: int) -> tuple[float, float]:
    """Start and mean of the cleanest ``hours`` that begin within the next day."""
    starts = [at // 900 * 900 + 900 * quarter for quarter in range(4 * (25 - hours))]
    return min(((start, _mean(start, hours)) for start in starts), key=lambda found: found[1])


def record(history: History, machine: dict[str, str], since: int, first: int = 0) -> None:
    """What the exporter of ``machine`` publishes about the grid from the moment ``first`` on; all but the intensity
    from ``since`` on."""
    since = max(first, since)
    end = len(history.times)
    zone = machine | {"grid_zone": ZONE}
    average = zone | {"provider": "electricitymaps", "basis": "average"}
    marginal = zone | {"provider": "watttime", "basis": "marginal"}
    name = "grid_intensity_grams_per_kilowatt_hour"
    history.computed(name, average, intensity, first, end)
    history.computed(name, marginal, lambda at: 250 + 0.9 * intensity(at - 1800), since, end)
    for labels, method, factor in (
        (average, "measured", "lifecycle"),
        (marginal, "estimated", "direct"),
    ):
        history.computed("grid_intensity_timestamp_seconds", labels, lambda at: at // 900 * 900, since, end)
        info = labels | {"method": method, "factor": factor, "source": ""}
        history.constant("grid_intensity_info", info, 1, since, end)
    for way in _FACTORS:
        history.computed("grid_generation_ratio", zone | {"way": way}, _share(way), since, end)
    history.computed(
        "grid_renewable_ratio",
        zone,
        lambda at: sum(mix(at)[way] for way in ("solar", "wind", "hydro")),
        since,
        end,
    )
    history.computed(
        "grid_fossil_ratio", zone, lambda at: sum(mix(at)[way] for way in ("gas", "coal")), since, end
    )
    history.constant("emissions_revision_grams", zone, -41.5, since, end)
    _forecast(history, zone, since)


def _share(way: str) -> Callable[[float], float]:
    return lambda at: mix(at)[way]


def _forecast(history: History, zone: dict[str, str], since: int) -> None:
    end = len(history.times)
    for hour in range(1, 25):
        labels = zone | {"horizon_hours": str(hour)}
        history.computed("grid_intensity_forecast_grams_per_kilowatt_hour", labels, _ahead(hour), since, end)
    known: dict[tuple[float, int], tuple[float, float]] = {}
    for hours in (1, 2, 3, 4):
        labels = zone | {"hours": str(hours)}
        starts = history.of("grid_best_start_timestamp_seconds", labels)
        means = history.of("grid_best_intensity_grams_per_kilowatt_hour", labels)
        for moment in range(since, end):
            key = (history.times[moment] // 900, hours)
            if key not in known:
                known[key] = best(history.times[moment], hours)
            start, mean = known[key]
            starts.add(moment, start)
            means.add(moment, mean)


def _ahead(hours: int) -> Callable[[float], float]:
    return lambda at: intensity(at + 3600 * hours)
