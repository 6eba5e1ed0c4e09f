"""Germany and other countries of Europe: Energy-Charts of Fraunhofer ISE. No token; data CC BY 4.0.

Net generation for the public supply by type, in quarter hours for Germany, from which shares and a life-cycle intensity
are made. Imports are not in it. https://api.energy-charts.info
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gramwatt_exporter.intensity.providers import parse
from gramwatt_exporter.intensity.providers.failures import Refused, Unavailable
from gramwatt_exporter.intensity.providers.http import Http
from gramwatt_exporter.intensity.providers.mix import GenerationFactor
from gramwatt_exporter.intensity.providers.produced import BACK_SECONDS, by_way, intensities
from gramwatt_exporter.intensity.providers.refusals import Question
from gramwatt_exporter.model import Aspect, Basis, Fetched

# Lignite, oil shale and peat are burnt like coal and waste like biomass, as Electricity Maps counts them.
_WAYS = {
    "biomass": "biomass",
    "fossil brown coal / lignite": "coal",
    "fossil hard coal": "coal",
    "fossil oil shale": "coal",
    "fossil peat": "coal",
    "fossil coal-derived gas": "gas",
    "fossil gas": "gas",
    "fossil oil": "oil",
    "geothermal": "geothermal",
    "hydro run-of-river": "hydro",
    "hydro water reservoir": "hydro",
    "nuclear": "nuclear",
    "solar": "solar",
    "waste": "biomass",
    "wind offshore": "wind_offshore",
    "wind onshore": "wind",
    "others": "other",
    "other renewables": "other",
    "marine": "marine",
}
# Storage gives back what was generated before; the others are no generation.
_LEFT_OUT = (
    "hydro pumped storage", "battery", "cross border", "import", "export", "load", "residual load", "renewable share",
)  # fmt: skip
"""How their names begin: some countries have ``Load (incl. self-consumption)`` or ``Battery consumption``."""


class EnergyChartsProvider:
    """One call brings the last day: the value, its history and the shares."""

    kind = "energy-charts"
    basis: Basis = "average"
    aspects: Sequence[Aspect] = ("latest",)

    def __init__(self, http: Http, factors: Mapping[str, GenerationFactor]) -> None:
        self.origin = http.host
        self._http = http
        self._factors = factors

    @property
    def clock_ahead(self) -> float | None:
        """Seconds this machine's clock is ahead of the host's, by its last answer."""
        return self._http.clock_ahead

    def fetch(self, aspect: Aspect, zone: str, now: float) -> Fetched:  # noqa: ARG002 - there is only one
        """One call. Refused for a part of a country."""
        if len(zone) != 2:
            raise Refused(
                "unknown_zone",
                f"energy-charts knows whole countries of Europe, not {zone}",
                "set intensity.zone to a country such as DE, or remove the provider",
            )
        answer = self._http.get(
            "/public_power",
            {
                "country": "uk" if zone == "GB" else zone.lower(),
                "start": parse.utc(now - BACK_SECONDS),
                "end": parse.utc(now),
            },
            now,
            question=Question(
                place=zone,
                place_fix="remove the provider: it has no data of this country",
                holds=("unix_seconds",),
            ),
        )
        return Fetched(values=intensities(by_way(_series(answer)), self._factors, zone, self.kind))


def _series(answer: Any) -> Iterator[tuple[str, dict[float, float]]]:
    """Way and MW by Unix seconds of each type; an unknown type keeps its own name, so that it has no factor."""
    tree = parse.mapping(answer, "unix_seconds")
    times = tree.get("unix_seconds")
    if not isinstance(times, list):
        raise Unavailable("bad_answer", "the answer has no unix_seconds")
    moments = [parse.number(at) for at in times]
    for row in parse.rows(tree.get("production_types"), "production_types"):
        name = parse.text(row.get("name")).lower()
        data = row.get("data")
        if name.startswith(_LEFT_OUT):
            continue
        if not isinstance(data, list) or len(data) != len(moments):
            raise Unavailable("bad_answer", f"{name or 'a type'} has not a value for each time")
        yield (
            _WAYS.get(name, name),
            {
                at: amount
                for at, value in zip(moments, data, strict=True)
                if at is not None and (amount := parse.number(value)) is not None
            },
        )
