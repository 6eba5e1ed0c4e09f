"""Great Britain: the National Energy System Operator's Carbon Intensity API. No token.

Direct (operational) emissions of generation, by half hours: https://carbon-intensity.github.io/api-definitions/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gramwatt_exporter.intensity import checks
from gramwatt_exporter.intensity.providers import parse
from gramwatt_exporter.intensity.providers.failures import Refused, Unavailable
from gramwatt_exporter.intensity.providers.http import Http
from gramwatt_exporter.intensity.providers.mix import ways_of
from gramwatt_exporter.intensity.providers.refusals import Question
from gramwatt_exporter.model import Aspect, Basis, Fetched, ForecastPoint, Intensity, Mix

_RENEWABLE = ("biomass", "hydro", "solar", "wind")
_FOSSIL = ("coal", "gas", "oil")


class CarbonIntensityUkProvider:
    """Values are the operator's forecast until, half an hour later, the actual value is out."""

    kind = "carbonintensity-uk"
    basis: Basis = "average"
    aspects: Sequence[Aspect] = ("latest", "history", "forecast", "mix")

    def __init__(self, http: Http) -> None:
        self.origin = http.host
        self._http = http

    @property
    def clock_ahead(self) -> float | None:
        """Seconds this machine's clock is ahead of the host's, by its last answer."""
        return self._http.clock_ahead

    def fetch(self, aspect: Aspect, zone: str, now: float) -> Fetched:
        """One call. Refused for any zone but GB."""
        if zone != "GB":
            raise Refused(
                "unknown_zone",
                f"carbonintensity-uk knows Great Britain only, not {zone}",
                "set intensity.zone: GB, or remove the provider",
            )
        paths: dict[Aspect, str] = {
            "latest": "/intensity",
            "history": f"/intensity/{parse.utc(now)}/pt24h",
            "forecast": f"/intensity/{parse.utc(now)}/fw48h",
            "mix": "/generation",
        }
        answer = parse.mapping(
            self._http.get(paths[aspect], {}, now, question=Question(holds=("data",))), "data"
        )
        if aspect == "mix":
            return Fetched(mix=_mix(answer.get("data")))
        rows = parse.rows(answer.get("data"), "data")
        if aspect == "forecast":
            return Fetched(forecast=tuple(_points(rows)), forecast_factor="direct")
        # The last row of pt24h may be the half hour that begins now; anything later is no history.
        values = [value for row in rows if (value := _intensity(row, zone)) is not None and value.at <= now]
        if aspect == "latest" and not values:
            raise Unavailable("no_value", "the answer has neither an actual value nor a forecast for now")
        return Fetched(values=tuple(values))


def _intensity(row: Mapping[str, Any], zone: str) -> Intensity | None:
    at, intensity = parse.moment(row.get("from")), row.get("intensity")
    if at is None or not isinstance(intensity, dict):
        return None
    actual, forecast = parse.number(intensity.get("actual")), parse.number(intensity.get("forecast"))
    if actual is not None and forecast is not None and not _believable(actual, forecast):
        actual = None
    grams = forecast if actual is None else actual
    if grams is None:
        return None
    return Intensity(
        grams_per_kilowatt_hour=grams,
        zone=zone,
        provider=CarbonIntensityUkProvider.kind,
        basis="average",
        method="estimated" if actual is None else "measured",
        factor="direct",
        at=at,
        estimation="forecast" if actual is None else "",
    )


def _believable(actual: float, forecast: float) -> bool:
    """Whether a measured value counts: a 0 where far more was forecast, or no possible number, is not one."""
    return checks.plausible(actual, "direct") and not checks.placeholders([(0.0, forecast), (1.0, actual)])


def _points(rows: Sequence[Mapping[str, Any]]) -> list[ForecastPoint]:
    points = []
    for row in rows:
        at, intensity = parse.moment(row.get("from")), row.get("intensity")
        grams = parse.number(intensity.get("forecast")) if isinstance(intensity, dict) else None
        if at is not None and grams is not None:
            points.append(ForecastPoint(at, grams))
    return points


def _mix(data: Any) -> Mix:
    body = parse.mapping(data, "generation")
    at = parse.moment(body.get("from"))
    rows = parse.rows(body.get("generationmix"), "generation mix")
    share = {str(row.get("fuel")): parse.number(row.get("perc")) for row in rows}
    if at is None or not share or None in share.values():
        raise Unavailable("bad_answer", "the generation mix is incomplete")
    percent = [part for part in share.values() if part is not None]
    if min(percent) < 0 or not 95 <= sum(percent) <= 105:
        raise Unavailable("implausible", f"the generation mix sums to {sum(percent):g} %")
    return Mix(
        at=at,
        renewable_ratio=sum(share.get(fuel) or 0.0 for fuel in _RENEWABLE) / sum(percent),
        fossil_ratio=sum(share.get(fuel) or 0.0 for fuel in _FOSSIL) / sum(percent),
        ways=ways_of(share),
    )
