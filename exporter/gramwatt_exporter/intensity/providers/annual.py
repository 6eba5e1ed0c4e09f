"""Yearly average of a country, a part of one, or a cloud region, from tables on this machine. Needs no network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from gramwatt_exporter.errors import GramwattError
from gramwatt_exporter.intensity import zones
from gramwatt_exporter.intensity.providers import annual_tables
from gramwatt_exporter.intensity.providers.annual_tables import Row
from gramwatt_exporter.intensity.providers.failures import Refused
from gramwatt_exporter.intensity.providers.mix import GenerationFactor
from gramwatt_exporter.model import Aspect, Basis, Fetched, Intensity, IntensityProvider
from gramwatt_exporter.tables import FOLDER


def usual(providers: Iterable[IntensityProvider], zone: str, now: float) -> float | None:
    """The yearly average of a whole country, g/kWh, if one of ``providers`` knows it. None for a part of a country:

    a balancing area of one dam or wind farm has nothing in common with its country.
    """
    if "-" in zone:
        return None
    for provider in providers:
        if isinstance(provider, AnnualProvider):
            try:
                values = provider.fetch("latest", zone, now).values
            except GramwattError:
                continue
            return values[0].grams_per_kilowatt_hour if values[0].zone == zone else None
    return None


class AnnualProvider:
    """The last fallback. A table is read at the first question for a zone.

    For a zone the first of these that knows it: an imported file, Nordic bidding zones, states of the US, provinces of
    Canada and China, states of Australia, countries. Then the same for places that may stand for the zone, its country
    last (`zones.yearly_places`). The value carries the name of its own place.
    """

    kind = "annual"
    basis: Basis = "average"
    origin = ""
    aspects: Sequence[Aspect] = ("latest",)

    def __init__(
        self,
        file: Path | None = None,
        cloud: str = "",
        factors: Mapping[str, GenerationFactor] | None = None,
        data: Path = FOLDER,
    ) -> None:
        """``file`` may be missing; ``cloud`` is the configured region; ``data`` the folder of tables."""
        self._file = file
        self._cloud = cloud
        self._factors = factors or {}
        self._data = data
        self._rows: dict[str, Row] = {}
        self._stamp: int | None = None

    def fetch(self, aspect: Aspect, zone: str, now: float) -> Fetched:  # noqa: ARG002 - one answer fits all
        """The newest year known; ``at`` is its first second. Refused: no table knows the zone."""
        stamp = self._file_stamp()
        if stamp != self._stamp:  # imported anew
            self._rows, self._stamp = {}, stamp
        row = self._rows.get(zone)
        if row is None:
            row = self._rows[zone] = self.row(zone)
        value = Intensity(
            grams_per_kilowatt_hour=row.grams_per_kilowatt_hour,
            zone=row.zone,
            provider=self.kind,
            basis=self.basis,
            method="annual",
            factor=row.factor,
            at=datetime(row.year, 1, 1, tzinfo=UTC).timestamp(),
            renewable_ratio=row.renewable_ratio,
            fossil_ratio=row.fossil_ratio,
            estimation=row.origin,
        )
        return Fetched(values=(value,))

    def row(self, zone: str) -> Row:
        """The best row for a normalised zone. Raises Refused."""
        for place in zones.yearly_places(zone, self._cloud):
            found = self._known(place)
            if found is not None:
                return found
        raise Refused(
            "unknown_zone",
            f"no annual average for {zone}",
            "use a static provider with a number you trust, or `gramwatt-exporter intensity import FILE`",
        )

    def _file_stamp(self) -> int | None:
        try:
            return None if self._file is None else self._file.stat().st_mtime_ns
        except OSError:
            return None

    def _known(self, place: str) -> Row | None:
        data = self._data
        return (
            annual_tables.imported(self._file, place)
            or annual_tables.australian_state(place)
            or annual_tables.nordic_zone(data, place)
            or annual_tables.us_state(data, place)
            or annual_tables.canadian_province(data, place, self._factors)
            or annual_tables.chinese_province(data, place)
            or annual_tables.country(data, place)
        )
