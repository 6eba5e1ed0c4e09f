"""What each way of generating produced, moment by moment, times life-cycle factors -> intensities. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from gramwatt_exporter.intensity.providers.failures import Unavailable
from gramwatt_exporter.intensity.providers.mix import Generated, GenerationFactor, generated
from gramwatt_exporter.model import Intensity

BACK_SECONDS = 86_400.0
"""How far back is asked for: the last day."""
_SHOWN = 5
_FIX = "add a row with its g/kWh and source to a copy of the table, and set intensity.factors_file to it"


def by_way(series: Iterable[tuple[str, Mapping[float, float]]]) -> dict[str, dict[float, float]]:
    """MW by way and Unix seconds, from (way, MW by Unix seconds) of each type.

    Several types of one way are added where all of them are known. A type without any value is not there.
    """
    found: dict[str, dict[float, float]] = {}
    for way, row in series:
        there = found.get(way)
        if there is None and row:
            found[way] = dict(row)
        elif there is not None and row:
            found[way] = {at: math.fsum((there[at], row[at])) for at in there.keys() & row.keys()}
    return found


def intensities(
    amounts: Mapping[str, Mapping[float, float]],
    factors: Mapping[str, GenerationFactor],
    zone: str,
    provider: str,
) -> tuple[Intensity, ...]:
    """``amounts`` are MW by way and Unix seconds; a way that is negative stores and is left out.

    A moment that not every reporting way has is left out: the rest would look cleaner or dirtier than it is. So is one
    in which a way without a factor runs. Raises Unavailable when none is left, naming those ways.
    """
    reporting = {way: row for way, row in amounts.items() if row}
    moments = set.intersection(*(set(row) for row in reporting.values())) if reporting else set()
    values = []
    unknown: set[str] = set()
    for at in sorted(moments):
        power = {way: row[at] for way, row in reporting.items()}
        found = generated(power, factors)
        if found is None:
            unknown |= {way for way, amount in power.items() if amount > 0 and way not in factors}
            continue
        values.append(_intensity(found, zone, provider, at))
    if not values:
        if unknown:
            names = ", ".join(sorted(unknown)[:_SHOWN])
            raise Unavailable("no_value", f"{zone} generates by ways without a factor: {names}", fix=_FIX)
        raise Unavailable("no_value", f"{provider} has no complete moment for {zone} just now")
    return tuple(values)


def _intensity(found: Generated, zone: str, provider: str, at: float) -> Intensity:
    return Intensity(
        grams_per_kilowatt_hour=found.grams_per_kilowatt_hour,
        zone=zone,
        provider=provider,
        basis="average",
        method="estimated",
        factor="lifecycle",
        at=at,
        renewable_ratio=found.renewable_ratio,
        fossil_ratio=found.fossil_ratio,
        estimation="generation x factors",
        ways=found.ways,
    )
