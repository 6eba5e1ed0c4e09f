"""Electricity Maps v3 and v4 (a free token gives one zone: value, 24 hours of history, shares)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from gramwatt_exporter.intensity.providers import emaps_shape
from gramwatt_exporter.intensity.providers.http import Http
from gramwatt_exporter.intensity.providers.secret import Secret
from gramwatt_exporter.model import Aspect, Basis, Factor, Fetched

_PATHS = {
    "latest": "carbon-intensity/latest",
    "history": "carbon-intensity/history",
    "forecast": "carbon-intensity/forecast",
    "mix": "power-breakdown/latest",
}


class ElectricityMapsProvider:
    """https://portal.electricitymaps.com/docs. A forecast needs a paid plan; without one it is absent."""

    kind = "electricitymaps"
    basis: Basis = "average"

    def __init__(
        self,
        http: Http,
        token: Secret,
        *,
        version: Literal["v3", "v4"] = "v3",
        factor: Factor = "lifecycle",
        estimations: bool = True,
    ) -> None:
        """``estimations`` False: only measured hours are accepted, which come hours late."""
        self.origin = http.host
        self._http = http
        self._token = token
        self._version = version
        self._factor = factor
        self._estimations = estimations
        aspects: tuple[Aspect, ...] = ("latest", "history", "forecast")
        self.aspects: Sequence[Aspect] = (*aspects, "mix") if version == "v3" else aspects

    @property
    def clock_ahead(self) -> float | None:
        """Seconds this machine's clock is ahead of the host's, by its last answer."""
        return self._http.clock_ahead

    def fetch(self, aspect: Aspect, zone: str, now: float) -> Fetched:
        """One call. Errors as for every provider."""
        token = self._token.read()
        params = {"zone": zone, **emaps_shape.NO_LOOKUP}
        if aspect != "mix":
            params["emissionFactorType"] = self._factor
        if not self._estimations:
            params["disableEstimations"] = "true"
        path = f"/{self._version}/{_PATHS[aspect]}"
        answer = self._http.get(
            path,
            params,
            now,
            headers={"auth-token": token},
            secrets=(token,),
            question=emaps_shape.question(zone),
        )
        if aspect == "history":
            return emaps_shape.history(answer, zone, self.kind, self._factor)
        if aspect == "forecast":
            return emaps_shape.forecast(answer, zone, self._factor)
        if aspect == "mix":
            return emaps_shape.mix(answer, zone)
        return emaps_shape.latest(answer, zone, self.kind, self._factor)
