"""Whole-machine power from the management controller by Redfish, on a thread of its own.

Schemas: EnvironmentMetrics (PowerWatts) and, before it, Power (PowerControl[].PowerConsumedWatts),
https://redfish.dmtf.org/schemas/. ``requests`` is loaded only when this sensor is enabled.
"""

from __future__ import annotations

import math
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import Denied, Fatal, NotHere, TryAgain
from ..model import Meter, PowerReading, Sample
from .background import Poller

# As for IPMI: the same controllers, the same power supplies' sensors.
UNCERTAINTY_RATIO = 0.1
TIMEOUT_SECONDS = 20.0


class Redfish:
    """The meter ``redfish`` around the whole machine, in watts.

    Raises NotHere (no power in the tree), Denied (user or password), Fatal (settings), TryAgain (network).
    """

    name = "redfish"
    slow_open = True

    def __init__(
        self,
        boottime_ns: Callable[[], int],
        interval_seconds: float,
        url: str,
        user: str = "",
        password_file: str = "",
        ca_file: str = "",
    ) -> None:
        self._now = boottime_ns
        self._interval = interval_seconds
        self._url = url.rstrip("/")
        self._user = user
        self._password_file = password_file
        self._ca_file = ca_file
        self._meter = Meter("redfish", self.name, None, ("cpu", "dram", "gpu"), UNCERTAINTY_RATIO, 20_000.0)
        self._session: Any = None
        self._paths: list[str] = []  # where power was found
        self._poller = Poller(self._fetch, interval_seconds, self.name)

    def open(self) -> None:
        """Log in, look for the machine's power, then go on asking in the background."""
        self.close()
        if not self._url:
            raise Fatal("sensors.redfish.url is not set", "set it to the controller, https://bmc.example")
        import requests

        session = requests.Session()
        if self._user:
            session.auth = (self._user, self._password())
        system = ssl.get_default_verify_paths()
        session.verify = self._ca_file or system.cafile or system.capath or True
        session.headers["Accept"] = "application/json"
        session.trust_env = False  # a proxy of the environment has no business between us and the controller
        self._session = session
        self._paths = self._find()
        first = self._fetch()
        self._poller = Poller(self._fetch, self._interval, self.name)
        self._poller.put(first)
        self._poller.start()

    def read(self) -> Sample:
        """The last answer; never waits."""
        return self._poller.latest()

    def close(self) -> None:
        """End the thread and the session."""
        self._poller.stop()
        if self._session is not None:
            self._session.close()
            self._session = None

    def _password(self) -> str:
        if not self._password_file:
            return ""
        try:
            return Path(self._password_file).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise Fatal(
                f"sensors.redfish.password_file: {error}",
                "name a file the exporter may read, the password alone in it",
            ) from None

    def _find(self) -> list[str]:
        """Paths of the resources that hold power, one per chassis; chassis inside others are left out."""
        chassis = self._get("/redfish/v1/Chassis")
        paths = []
        for member in chassis.get("Members", []):
            resource = self._get(str(member["@odata.id"]))
            if (resource.get("Links") or {}).get("ContainedBy"):
                continue
            for key in ("EnvironmentMetrics", "Power"):
                path = (resource.get(key) or {}).get("@odata.id")
                if path and _watts(self._get(path)) is not None:
                    paths.append(str(path))
                    break
        if not paths:
            raise NotHere(f"{self._url} tells the power of no chassis")
        return paths

    def _fetch(self) -> Sample:
        total = 0.0
        for path in self._paths:
            watts = _watts(self._get(path))
            if watts is None:  # the sum of the others is not the machine
                raise TryAgain(f"{path} tells no power at present")
            total += watts
        if total == 0:
            raise TryAgain("the controller says 0 W for a running machine")
        return Sample([PowerReading(self._meter, round(total * 1e6), self._now())])

    def _get(self, path: str) -> dict[str, Any]:
        import requests

        session = self._session
        if session is None:
            raise TryAgain("closed")
        try:
            answer = session.get(self._url + path, timeout=TIMEOUT_SECONDS)
        except requests.exceptions.SSLError as error:
            raise Fatal(
                f"{self._url}: {error}", "set sensors.redfish.ca_file to the certificate the controller shows"
            ) from None
        except requests.exceptions.RequestException as error:
            raise TryAgain(f"{self._url}{path}: {error}") from None
        if answer.status_code in (401, 403):
            raise Denied(
                f"{self._url}{path}: {answer.status_code}", "check sensors.redfish.user and password_file"
            )
        if answer.status_code == 404:
            raise NotHere(f"{self._url}{path}: 404")
        if answer.status_code != 200:
            raise TryAgain(f"{self._url}{path}: {answer.status_code}")
        try:
            body = answer.json()
        except ValueError:
            raise TryAgain(f"{self._url}{path}: no JSON") from None
        if not isinstance(body, dict):
            raise TryAgain(f"{self._url}{path}: no JSON object")
        return body


def _watts(resource: dict[str, Any]) -> float | None:
    """Power of an EnvironmentMetrics or a Power resource; None where there is none, or a value that is none.

    0 is one: a chassis without supplies of its own draws nothing. Negative values stand for "unknown".
    """
    reading = (resource.get("PowerWatts") or {}).get("Reading")
    if reading is None:
        controls = resource.get("PowerControl") or []
        reading = controls[0].get("PowerConsumedWatts") if controls else None
    if isinstance(reading, bool) or not isinstance(reading, int | float):
        return None
    return float(reading) if 0 <= reading < math.inf else None  # neither is NaN, which Python's JSON lets in
