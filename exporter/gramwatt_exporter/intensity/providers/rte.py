"""France: eco2mix in real time by RTE, on the open data portal ODRE. No token.

Quarter hours; rows of the future are null. ``taux_co2`` is direct emissions of generation. The same rows hold the
generation, from which the shares and, if asked for, a life-cycle intensity are made. Imports are in neither.
https://odre.opendatasoft.com/explore/dataset/eco2mix-national-tr/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gramwatt_exporter.intensity.providers import parse
from gramwatt_exporter.intensity.providers.failures import Refused, Unavailable
from gramwatt_exporter.intensity.providers.http import Http
from gramwatt_exporter.intensity.providers.mix import Generated, GenerationFactor, generated
from gramwatt_exporter.intensity.providers.refusals import Question
from gramwatt_exporter.model import Aspect, Basis, Factor, Fetched, Intensity

_COLUMNS = {
    "fioul": "oil",
    "charbon": "coal",
    "gaz": "gas",
    "nucleaire": "nuclear",
    "eolien": "wind",
    "solaire": "solar",
    "hydraulique": "hydro",
    "bioenergies": "biomass",
}
_ROWS = 100  # the portal's limit for one answer; a day has 96 quarter hours


class RteProvider:
    """One call brings the last day: the value, its history and the shares."""

    kind = "rte"
    basis: Basis = "average"
    aspects: Sequence[Aspect] = ("latest",)

    def __init__(
        self, http: Http, factors: Mapping[str, GenerationFactor], factor: Factor = "direct"
    ) -> None:
        self.origin = http.host
        self._http = http
        self._factors = factors
        self._factor = factor

    @property
    def clock_ahead(self) -> float | None:
        """Seconds this machine's clock is ahead of the host's, by its last answer."""
        return self._http.clock_ahead

    def fetch(self, aspect: Aspect, zone: str, now: float) -> Fetched:  # noqa: ARG002 - there is only one
        """One call. Refused for any zone but FR."""
        if zone != "FR":
            raise Refused(
                "unknown_zone",
                f"rte knows France only, not {zone}",
                "set intensity.zone: FR, or remove the provider",
            )
        answer = self._http.get(
            "/api/explore/v2.1/catalog/datasets/eco2mix-national-tr/records",
            {
                "where": "taux_co2 is not null",
                "order_by": "date_heure desc",
                "limit": str(_ROWS),
                "timezone": "UTC",
            },
            now,
            question=Question(holds=("results",)),
        )
        rows = parse.rows(parse.mapping(answer, "results").get("results"), "results")
        values = tuple(value for row in rows if (value := self._intensity(row, zone)) is not None)
        if not values:
            raise Unavailable("no_value", "no quarter hour has a value")
        return Fetched(values=values)

    def _intensity(self, row: Mapping[str, Any], zone: str) -> Intensity | None:
        at = parse.moment(row.get("date_heure"))
        if at is None or row.get("perimetre", "France") != "France":
            return None
        mix = self._generated(row)
        if self._factor == "lifecycle":
            grams = mix.grams_per_kilowatt_hour if mix is not None else None
        else:
            grams = parse.number(row.get("taux_co2"))
        if grams is None:
            return None
        return Intensity(
            grams_per_kilowatt_hour=grams,
            zone=zone,
            provider=self.kind,
            basis="average",
            method="measured" if self._factor == "direct" else "estimated",
            factor=self._factor,
            at=at,
            renewable_ratio=mix.renewable_ratio if mix else None,
            fossil_ratio=mix.fossil_ratio if mix else None,
            estimation="" if self._factor == "direct" else "generation x factors",
            ways=mix.ways if mix else (),
        )

    def _generated(self, row: Mapping[str, Any]) -> Generated | None:
        power = {kind: parse.number(row.get(column)) for column, kind in _COLUMNS.items()}
        if None in power.values():
            return None
        return generated(
            {kind: amount for kind, amount in power.items() if amount is not None}, self._factors
        )
