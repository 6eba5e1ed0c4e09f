"""CO2 Signal, in the shape it had and in the one it has since its tokens work on Electricity Maps.

The old host went offline in 2025; the tokens live on. Which shape ``base_url`` speaks is shown by its end (``/v1``
or the old host: legacy; ``/v3``, ``/v4``: current) and otherwise found out: a 404 makes the next call try the other.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from gramwatt_exporter.errors import NotHere
from gramwatt_exporter.intensity.providers import emaps_shape, parse
from gramwatt_exporter.intensity.providers.failures import Refused, Unavailable
from gramwatt_exporter.intensity.providers.http import Http
from gramwatt_exporter.intensity.providers.secret import Secret
from gramwatt_exporter.model import Aspect, Basis, Fetched, Intensity

_VERSION = re.compile(r"/v[134]$")


class Co2SignalProvider:
    """One token, one zone, one call per refresh."""

    kind = "co2signal"
    basis: Basis = "average"
    aspects: Sequence[Aspect] = ("latest", "history")

    def __init__(self, http: Http, token: Secret) -> None:
        self.origin = http.host
        self._http = http
        self._token = token
        version = _VERSION.search(http.base_url)
        self._legacy = version[0] == "/v1" if version else "co2signal" in http.host
        self._fixed = bool(version)

    @property
    def clock_ahead(self) -> float | None:
        """Seconds this machine's clock is ahead of the host's, by its last answer."""
        return self._http.clock_ahead

    def fetch(self, aspect: Aspect, zone: str, now: float) -> Fetched:
        """One call. Errors as for every provider."""
        token = self._token.read()
        legacy = self._legacy
        if legacy and aspect != "latest":
            raise NotHere("the legacy API has no history")
        if legacy:
            path, params = "/latest", {"countryCode": zone}
        else:
            path, params = f"/carbon-intensity/{aspect}", {"zone": zone, **emaps_shape.NO_LOOKUP}
        prefix = "" if self._fixed else "/v1" if legacy else "/v3"
        try:
            answer = self._http.get(
                prefix + path,
                params,
                now,
                headers={"auth-token": token},
                secrets=(token,),
                question=emaps_shape.question(zone),
            )
        except Refused as error:
            if error.reason != "no_such_route" or self._fixed or aspect != "latest":
                raise
            self._legacy = not legacy
            raise Unavailable(
                "bad_answer",
                f"{self._http.host} does not have this API; trying the {'current' if legacy else 'old'} one next",
                fix="check base_url of the co2signal provider",
            ) from None
        if aspect == "history":
            return emaps_shape.history(answer, zone, self.kind, "lifecycle")
        if isinstance(answer, dict) and "carbonIntensity" in answer:
            return emaps_shape.latest(answer, zone, self.kind, "lifecycle")
        return _legacy_latest(answer, zone)


def _legacy_latest(answer: Any, zone: str) -> Fetched:
    """``{"status": "ok", "countryCode", "data": {"datetime", "carbonIntensity", "fossilFuelPercentage"}}``."""
    body = parse.mapping(answer, "intensity")
    if body.get("status") not in (None, "ok"):
        raise Unavailable(
            "no_value", f"the provider has nothing for {zone}: {parse.text(body.get('message'))}"
        )
    emaps_shape.own_zone(body, zone)
    emaps_shape.own_unit(body)
    data = parse.mapping(body.get("data"), "data")
    emaps_shape.own_unit(data)
    if data.get("carbonIntensity") is None:
        raise Unavailable("no_value", f"no intensity for {zone} at the moment")
    grams, at = parse.number(data["carbonIntensity"]), parse.moment(data.get("datetime"))
    if grams is None or at is None:
        raise Unavailable("bad_answer", "the answer has no carbonIntensity with a datetime")
    value = Intensity(
        grams_per_kilowatt_hour=grams,
        zone=zone,
        provider=Co2SignalProvider.kind,
        basis="average",
        method="estimated",  # the legacy API does not say; its latest hour was an estimate most of the time
        factor="lifecycle",
        at=at,
        fossil_ratio=parse.ratio(data.get("fossilFuelPercentage")),
    )
    return Fetched(values=(value,))
