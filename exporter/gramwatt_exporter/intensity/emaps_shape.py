"""The answers of Electricity Maps (v3, v4), which CO2 Signal tokens get as well. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gramwatt_exporter.intensity import parse
from gramwatt_exporter.intensity.failures import Refused, Unavailable
from gramwatt_exporter.intensity.http import Rejected
from gramwatt_exporter.model import Factor, Fetched, ForecastPoint, Intensity, Mix

# Never let an unknown zone be answered for the country of the caller's IP address. v3 and v4 spell it differently.
NO_LOOKUP = {"disableCallerLookup": "true", "shouldUseFallbackCallerLookup": "false"}


def latest(answer: Any, zone: str, provider: str, factor: Factor) -> Fetched:
    """``{"zone", "carbonIntensity", "datetime", "isEstimated", ...}``; v4 may wrap it in ``data``."""
    body = parse.mapping(answer, "intensity")
    own_zone(body, zone)
    data = body.get("data")
    row: Mapping[str, Any] = body
    if isinstance(data, list) and data:
        row = parse.mapping(data[-1], "intensity")
    elif isinstance(data, dict):
        row = data
    if "carbonIntensity" in row and row["carbonIntensity"] is None:
        raise Unavailable("no_value", f"no intensity for {zone} at the moment")
    value = _intensity(row, zone, provider, factor)
    if value is None:
        raise Unavailable("bad_answer", "the answer has no carbonIntensity with a datetime")
    return Fetched(values=(value,))


def history(answer: Any, zone: str, provider: str, factor: Factor) -> Fetched:
    """``{"zone", "history": [...]}``, in v4 ``data``. Hours without a value are left out."""
    body = parse.mapping(answer, "history")
    own_zone(body, zone)
    rows = parse.rows(body.get("history", body.get("data")), "history")
    for row in rows:
        if "zone" in row:
            own_zone(row, zone)
    values = (_intensity(row, zone, provider, factor) for row in rows)
    return Fetched(values=tuple(value for value in values if value is not None))


def forecast(answer: Any, zone: str) -> Fetched:
    """``{"zone", "forecast": [{"carbonIntensity", "datetime"}]}``, in v4 ``data``."""
    body = parse.mapping(answer, "forecast")
    own_zone(body, zone)
    points = []
    for row in parse.rows(body.get("forecast", body.get("data")), "forecast"):
        grams, at = parse.number(row.get("carbonIntensity")), parse.moment(row.get("datetime"))
        if grams is not None and at is not None:
            points.append(ForecastPoint(at, grams))
    return Fetched(forecast=tuple(points))


def mix(answer: Any, zone: str) -> Fetched:
    """``{"zone", "datetime", "renewablePercentage", "fossilFreePercentage"}`` of power-breakdown."""
    body = parse.mapping(answer, "power breakdown")
    own_zone(body, zone)
    at = parse.moment(body.get("datetime"))
    if at is None:
        raise Unavailable("bad_answer", "the power breakdown has no datetime")
    free = parse.ratio(body.get("fossilFreePercentage"))
    return Fetched(
        mix=Mix(
            at=at,
            renewable_ratio=parse.ratio(body.get("renewablePercentage")),
            fossil_ratio=None if free is None else 1.0 - free,
        )
    )


def own_zone(body: Mapping[str, Any], zone: str) -> None:
    """Raises Unavailable (wrong_zone) unless the answer says that it is for ``zone``."""
    found = body.get("zone", body.get("countryCode"))
    if not isinstance(found, str):
        raise Unavailable("bad_answer", "the answer does not say for which zone it is")
    if found.upper() != zone:
        raise Unavailable("wrong_zone", f"asked for {zone}, got an answer for {parse.text(found)}")


def unknown_zone(error: Rejected, zone: str) -> Refused:
    """What a 404 means here."""
    words = f": {error.detail}" if error.detail else ""
    return Refused(
        "unknown_zone",
        f"the provider does not know the zone {zone}{words}",
        "set intensity.zone to a zone of app.electricitymaps.com, for parts of countries such as US-CAL-CISO",
    )


def _intensity(row: Mapping[str, Any], zone: str, provider: str, factor: Factor) -> Intensity | None:
    grams, at = parse.number(row.get("carbonIntensity")), parse.moment(row.get("datetime"))
    if grams is None or at is None:
        return None
    told = row.get("emissionFactorType")
    return Intensity(
        grams_per_kilowatt_hour=grams,
        zone=zone,
        provider=provider,
        basis="average",
        method="estimated" if row.get("isEstimated") is True else "measured",
        factor="direct" if told == "direct" else "lifecycle" if told == "lifecycle" else factor,
        at=at,
        estimation=parse.text(row.get("estimationMethod")),
    )
