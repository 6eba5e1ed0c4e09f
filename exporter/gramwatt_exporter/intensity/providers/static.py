"""A configured number: an own roof, a supply contract, or a schedule by local hour. Needs no network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo

from gramwatt_exporter.model import Aspect, Basis, Factor, Fetched, ForecastPoint, Intensity

from .failures import Refused

LOCAL_ZONE = "local"  # grid_zone of a configured number when no zone is configured


class StaticProvider:
    """``zones`` (g/kWh by zone) wins over ``hourly`` (24 values from midnight), which wins over ``value``."""

    kind = "static"
    basis: Basis = "average"
    origin = ""

    def __init__(
        self,
        value: float | None = None,
        hourly: Sequence[float] = (),
        zones: Mapping[str, float] | None = None,
        factor: Factor = "lifecycle",
        timezone: tzinfo | None = None,
    ) -> None:
        """``timezone`` None is the machine's own."""
        self._value = value
        self._hourly = tuple(hourly)
        self._zones = dict(zones or {})
        self._factor = factor
        self._timezone = timezone
        self.aspects: Sequence[Aspect] = ("latest", "forecast") if self._hourly else ("latest",)

    def fetch(self, aspect: Aspect, zone: str, now: float) -> Fetched:  # noqa: ARG002 - one answer fits all
        """The number at ``now``, of a schedule the next 48 hours too. Refused: no number for ``zone``."""
        if zone in self._zones:
            return Fetched(values=(self._intensity(self._zones[zone], zone, now),))
        if self._hourly:
            local = datetime.fromtimestamp(now, self._timezone)
            start = float(int(now) - local.minute * 60 - local.second)
            forecast = tuple(
                ForecastPoint(start + hours * 3600, self._at(start + hours * 3600)) for hours in range(49)
            )
            return Fetched(values=(self._intensity(self._at(now), zone, start),), forecast=forecast)
        if self._value is not None:
            return Fetched(values=(self._intensity(self._value, zone, now),))
        raise Refused(
            "unknown_zone",
            f"the static provider has no number for {zone}",
            f"set value, hourly, or zones: {{{zone}: 100}} of the static provider",
        )

    def _at(self, moment: float) -> float:
        return self._hourly[datetime.fromtimestamp(moment, self._timezone).hour]

    def _intensity(self, grams: float, zone: str, at: float) -> Intensity:
        return Intensity(
            grams_per_kilowatt_hour=grams,
            zone=zone or LOCAL_ZONE,
            provider=self.kind,
            basis=self.basis,
            method="configured",
            factor=self._factor,
            at=at,
        )
