"""Denmark: Energinet's Energi Data Service, five-minute values of DK1 and DK2. No token.

https://www.energidataservice.dk/tso-electricity/CO2Emis. At most 40 requests in 10 seconds are allowed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from gramwatt_exporter.intensity.providers import parse
from gramwatt_exporter.intensity.providers.failures import Refused, Unavailable
from gramwatt_exporter.intensity.providers.http import Http
from gramwatt_exporter.intensity.providers.refusals import Question
from gramwatt_exporter.model import Aspect, Basis, Fetched, ForecastPoint, Intensity

_AREAS = {"DK-DK1": "DK1", "DK-DK2": "DK2"}
_ROWS = 288  # a day of five minutes


class EnergiDataServiceProvider:
    """One call brings the last day; a second kind of call the prognosis until tomorrow night."""

    kind = "energidataservice"
    basis: Basis = "average"
    aspects: Sequence[Aspect] = ("latest", "forecast")

    def __init__(self, http: Http) -> None:
        self.origin = http.host
        self._http = http

    @property
    def clock_ahead(self) -> float | None:
        """Seconds this machine's clock is ahead of the host's, by its last answer."""
        return self._http.clock_ahead

    def fetch(self, aspect: Aspect, zone: str, now: float) -> Fetched:
        """One call. Refused for any zone but DK-DK1 and DK-DK2."""
        area = _AREAS.get(zone)
        if area is None:
            raise Refused(
                "unknown_zone",
                f"energidataservice knows DK-DK1 and DK-DK2, not {zone}",
                "set intensity.zone to DK-DK1 (west of the Great Belt) or DK-DK2 (east), or remove the provider",
            )
        params = {"filter": json.dumps({"PriceArea": [area]}), "timezone": "UTC", "limit": str(_ROWS)}
        if aspect == "forecast":
            params |= {"start": parse.utc(now, "%Y-%m-%dT%H:%M"), "sort": "Minutes5UTC ASC"}
            rows = self._rows("/dataset/CO2EmisProg", params, area, now)
            points = tuple(ForecastPoint(at, grams) for at, grams in rows)
            return Fetched(forecast=points, forecast_factor="direct")
        params["sort"] = "Minutes5UTC DESC"
        rows = self._rows("/dataset/CO2Emis", params, area, now)
        if not rows:
            raise Unavailable("no_value", f"no values for {area}")
        return Fetched(
            values=tuple(
                Intensity(
                    grams_per_kilowatt_hour=grams,
                    zone=zone,
                    provider=self.kind,
                    basis="average",
                    method="measured",
                    factor="direct",
                    at=at,
                )
                for at, grams in rows
            )
        )

    def _rows(self, path: str, params: Mapping[str, str], area: str, now: float) -> list[tuple[float, float]]:
        answer = parse.mapping(
            self._http.get(path, params, now, question=Question(holds=("records",))), "records"
        )
        return [row for record in parse.rows(answer.get("records"), "records") if (row := _row(record, area))]


def _row(record: Mapping[str, Any], area: str) -> tuple[float, float] | None:
    if record.get("PriceArea") != area:
        raise Unavailable(
            "wrong_zone", f"asked for {area}, got an answer for {parse.text(record.get('PriceArea'))}"
        )
    at, grams = parse.moment(record.get("Minutes5UTC")), parse.number(record.get("CO2Emission"))
    return None if at is None or grams is None else (at, grams)
