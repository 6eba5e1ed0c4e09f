"""The answers of Electricity Maps (v3, v4), which CO2 Signal tokens get as well. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gramwatt_exporter.intensity import zones
from gramwatt_exporter.intensity.providers import parse
from gramwatt_exporter.intensity.providers.failures import Refused, Unavailable
from gramwatt_exporter.intensity.providers.mix import ways_of
from gramwatt_exporter.intensity.providers.refusals import Question
from gramwatt_exporter.model import Factor, Fetched, ForecastPoint, Intensity, Method, Mix, Ways

# Never let an unknown zone be answered for the country of the caller's IP address. v3 and v4 spell it differently.
NO_LOOKUP = {"disableCallerLookup": "true", "shouldUseFallbackCallerLookup": "false"}
_ZONE_FIX = (
    "set intensity.zone to a zone of app.electricitymaps.com, for parts of countries such as US-CAL-CISO"
)
_HOLDS = ("carbonIntensity", "data", "history", "forecast", "renewablePercentage", "fossilFreePercentage")
_UNITS = ("gco2eq/kwh", "gco2eq/kwhe", "gco2e/kwh", "gco2/kwh", "g/kwh")


def question(zone: str) -> Question:
    """What an answer without a value means, for an API that is asked about ``zone``."""
    areas = zones.areas_of(zone)
    fix = f"set intensity.zone to the grid your power is from: {', '.join(areas)}" if areas else _ZONE_FIX
    return Question(zone, fix, _HOLDS)


def latest(answer: Any, zone: str, provider: str, factor: Factor) -> Fetched:
    """``{"zone", "carbonIntensity", "datetime", "isEstimated", ...}``; v4 may wrap it in ``data``."""
    body = parse.mapping(answer, "intensity")
    own_zone(body, zone)
    data = body.get("data")
    row: Mapping[str, Any] = body
    if isinstance(data, list):
        values = history(answer, zone, provider, factor).values
        if not values:
            raise Unavailable("no_value", f"no intensity for {zone} at the moment")
        return Fetched(values=values)
    if isinstance(data, dict):
        row = data
        if "zone" in row:
            own_zone(row, zone)
    for said in (body, row):
        own_unit(said)
    if "carbonIntensity" in row and row["carbonIntensity"] is None:
        raise Unavailable("no_value", f"no intensity for {zone} at the moment")
    value = _intensity(row, zone, provider, _factor(body, factor))
    if value is None:
        raise Unavailable("bad_answer", "the answer has no carbonIntensity with a datetime")
    return Fetched(values=(value,))


def history(answer: Any, zone: str, provider: str, factor: Factor) -> Fetched:
    """``{"zone", "history": [...]}``, in v4 ``data``. Hours without a value are left out."""
    body = parse.mapping(answer, "history")
    own_zone(body, zone)
    rows = _own_rows(body, "history", zone)
    values = (_intensity(row, zone, provider, _factor(body, factor)) for row in rows)
    return Fetched(values=tuple(value for value in values if value is not None))


def forecast(answer: Any, zone: str, factor: Factor) -> Fetched:
    """``{"zone", "forecast": [{"carbonIntensity", "datetime"}]}``, in v4 ``data``."""
    body = parse.mapping(answer, "forecast")
    own_zone(body, zone)
    points = []
    for row in _own_rows(body, "forecast", zone):
        grams, at = parse.number(row.get("carbonIntensity")), parse.moment(row.get("datetime"))
        if grams is not None and at is not None:
            points.append(ForecastPoint(at, grams))
    return Fetched(forecast=tuple(points), forecast_factor=_factor(body, factor))


def mix(answer: Any, zone: str) -> Fetched:
    """``{"zone", "datetime", "renewablePercentage", "fossilFreePercentage"}`` of power-breakdown."""
    body = parse.mapping(answer, "power breakdown")
    own_zone(body, zone)
    at = parse.moment(body.get("datetime"))
    if at is None:
        raise Unavailable("bad_answer", "the power breakdown has no datetime")
    renewable, free = (parse.number(body.get(f"{name}Percentage")) for name in ("renewable", "fossilFree"))
    if any(share is not None and 0 < share < 1 for share in (renewable, free)):
        # Whole percents are sent; 0.94 is the ratio of another API, or a share that cannot be distinguished from one.
        raise Unavailable("implausible", "the shares are below 1 %: ratios where percentages are expected")
    return Fetched(
        mix=Mix(
            at=at,
            renewable_ratio=None if renewable is None else renewable / 100,
            fossil_ratio=None if free is None else 1.0 - free / 100,
            ways=_ways(body.get("powerConsumptionBreakdown")),
        )
    )


def _ways(breakdown: Any) -> Ways:
    """``{"nuclear": 41000, "solar": 0, "geothermal": null, ...}`` in megawatts, imports included."""
    if not isinstance(breakdown, dict):
        return ()
    return ways_of(
        {str(way): parse.number(megawatts) for way, megawatts in breakdown.items() if way != "unknown"}
    )


def _own_rows(body: Mapping[str, Any], name: str, zone: str) -> list[Mapping[str, Any]]:
    """The rows of a series, in v4 ``data``. Each may say its own zone and unit, as the answer around it does."""
    rows = parse.rows(body.get(name, body.get("data")), name)
    own_unit(body)
    for row in rows:
        if "zone" in row:
            own_zone(row, zone)
        own_unit(row)
    return rows


def own_zone(body: Mapping[str, Any], zone: str) -> None:
    """Raises Unavailable (wrong_zone) unless the answer says that it is for ``zone``."""
    found = body.get("zone", body.get("countryCode"))
    if not isinstance(found, str):
        raise Unavailable("bad_answer", "the answer does not say for which zone it is")
    if found.upper() != zone:
        raise Unavailable("wrong_zone", f"asked for {zone}, got an answer for {parse.text(found)}")


def own_unit(body: Mapping[str, Any]) -> None:
    """Raises Refused (bad_answer) for an answer in pounds, kilograms or per MWh."""
    unit = body.get("unit")
    units = body.get("units")
    if unit is None and isinstance(units, dict):
        unit = units.get("carbonIntensity")
    if isinstance(unit, str) and unit.replace(" ", "").lower().replace("\u2082", "2") not in _UNITS:
        raise Refused(
            "bad_answer", f"the intensity is in {parse.text(unit)}", "report this; g/kWh is expected"
        )


def _factor(row: Mapping[str, Any], factor: Factor) -> Factor:
    """What the answer says its factor is; ``factor``, the one that was asked for, where it says nothing.

    Raises Refused (bad_answer) for a factor of another name, such as a marginal one: it never prices as an average.
    """
    said = row.get("emissionFactorType")
    if said is None or said == "":
        return factor
    name = said.strip().lower() if isinstance(said, str) else ""
    if name == "direct":
        return "direct"
    if name == "lifecycle":
        return "lifecycle"
    raise Refused(
        "bad_answer",
        f"the emission factor is {parse.text(said) or 'no text'}",
        "report this; lifecycle or direct is expected",
    )


def _method(row: Mapping[str, Any]) -> Method:
    """A named way of estimating is an estimate, even where ``isEstimated`` is missing."""
    how = parse.text(row.get("estimationMethod")).upper()
    return "estimated" if row.get("isEstimated") is True or how not in ("", "MEASURED") else "measured"


def _intensity(row: Mapping[str, Any], zone: str, provider: str, factor: Factor) -> Intensity | None:
    grams, at = parse.number(row.get("carbonIntensity")), parse.moment(row.get("datetime"))
    if grams is None or at is None:
        return None
    return Intensity(
        grams_per_kilowatt_hour=grams,
        zone=zone,
        provider=provider,
        basis="average",
        method=_method(row),
        factor=_factor(row, factor),
        at=at,
        estimation=parse.text(row.get("estimationMethod")),
    )
