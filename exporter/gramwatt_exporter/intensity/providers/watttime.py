"""WattTime v3: marginal intensity, which answers "what would one kWh more emit", never "what did my kWh emit".

``/v3/signal-index`` is a percentile, no intensity; the first steps of ``/v3/forecast`` are the value in force, in
pounds per MWh. https://docs.watttime.org
"""

from __future__ import annotations

from collections.abc import Sequence

from gramwatt_exporter.intensity.providers import parse
from gramwatt_exporter.intensity.providers.failures import Refused, Unavailable
from gramwatt_exporter.intensity.providers.http import Http
from gramwatt_exporter.intensity.providers.refusals import Question
from gramwatt_exporter.intensity.providers.secret import Secret
from gramwatt_exporter.model import Aspect, Basis, Fetched, ForecastPoint, Intensity

GRAMS_PER_KILOWATT_HOUR = 0.45359237  # one pound per MWh; the international pound is exactly 0.45359237 kg
_SIGNAL = "co2_moer"
_REGION_FIX = (
    "set region of the watttime provider to a region your login may ask for (CAISO_NORTH in the free plan)"
)
_TOKEN_SECONDS = 25 * 60.0  # a login is good for 30 minutes


class WattTimeProvider:
    """``region`` is WattTime's own name of the grid (CAISO_NORTH); a login comes with every third call or so."""

    kind = "watttime"
    basis: Basis = "marginal"
    aspects: Sequence[Aspect] = ("latest",)

    def __init__(self, http: Http, user: str, password: Secret, region: str) -> None:
        self.origin = http.host
        self._http = http
        self._user = user
        self._password = password
        self._region = region
        self._token = ""
        self._token_at = 0.0

    @property
    def clock_ahead(self) -> float | None:
        """Seconds this machine's clock is ahead of the host's, by its last answer."""
        return self._http.clock_ahead

    def fetch(self, aspect: Aspect, zone: str, now: float) -> Fetched:  # noqa: ARG002 - there is only one
        """One call, and a login where the last has run out. Refused without user or region."""
        if not self._user or not self._region:
            raise Refused(
                "no_token",
                "watttime needs a user and a region",
                "set user and region (such as CAISO_NORTH) of the watttime provider",
            )
        token = self._login(now)
        try:
            answer = self._http.get(
                "/v3/forecast",
                {"region": self._region, "signal_type": _SIGNAL},
                now,
                headers={"Authorization": f"Bearer {token}"},
                secrets=(token,),
                question=Question(self._region, _REGION_FIX, ("data",)),
            )
        except Refused as error:
            earlier, self._token = self._token_at < now, ""  # log in again next time
            if earlier and error.reason == "unauthorized":  # a login that ran out early, not a wrong password
                raise Unavailable("unauthorized", f"{error}; logging in again") from None
            raise
        return self._parsed(answer, zone, now)

    def _login(self, now: float) -> str:
        if self._token and 0 <= now - self._token_at < _TOKEN_SECONDS:
            return self._token
        password = self._password.read()
        answer = self._http.get(
            "/login",
            {},
            now,
            auth=(self._user, password),
            secrets=(password,),
            question=Question(holds=("token",)),
        )
        token = parse.mapping(answer, "token").get("token")
        if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable():
            raise Unavailable("bad_answer", "the login brought no token")
        self._token, self._token_at = token, now
        return token

    def _parsed(self, answer: object, zone: str, now: float) -> Fetched:
        body = parse.mapping(answer, "data")
        meta = parse.mapping(body.get("meta"), "meta")
        if meta.get("region") != self._region:
            raise Unavailable(
                "wrong_zone", f"asked for {self._region}, got {parse.text(meta.get('region')) or 'no region'}"
            )
        if meta.get("units") != "lbs_co2_per_mwh":
            raise Unavailable("bad_answer", f"the unit is {parse.text(meta.get('units')) or 'missing'}")
        if meta.get("signal_type", _SIGNAL) != _SIGNAL:
            raise Unavailable("bad_answer", f"asked for {_SIGNAL}, got {parse.text(meta.get('signal_type'))}")
        points = []
        for row in parse.rows(body.get("data"), "data"):
            at, pounds = parse.moment(row.get("point_time")), parse.number(row.get("value"))
            if at is not None and pounds is not None:
                points.append(ForecastPoint(at, pounds * GRAMS_PER_KILOWATT_HOUR))
        begun = [point for point in points if point.at <= now]
        if not begun:
            raise Unavailable("no_value", "the forecast does not begin before now")
        value = max(begun, key=lambda point: point.at)
        # A forecast that was made hours ago says no more of the step in force than it did then.
        made = parse.moment(meta.get("generated_at"))
        at = value.at if made is None else min(value.at, made)
        return Fetched(
            values=(
                Intensity(
                    grams_per_kilowatt_hour=value.grams_per_kilowatt_hour,
                    zone=zone,
                    provider=self.kind,
                    basis="marginal",
                    method="forecast",
                    factor="direct",
                    at=at,
                ),
            ),
            forecast=tuple(points),
            forecast_factor="direct",
            forecast_basis="marginal",
        )
