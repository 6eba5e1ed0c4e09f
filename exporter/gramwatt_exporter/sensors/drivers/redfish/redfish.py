"""Whole-machine power from the management controller by Redfish, on a thread of its own.

Schemas: https://redfish.dmtf.org/schemas/; :mod:`redfish_power` says which fields count.
``requests`` is loaded only when this sensor is enabled.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ....errors import Denied, Fatal, NotHere, TryAgain
from ....model import Meter, PowerReading, Sample
from ...threads import Poller
from .chassis import Chassis, machine
from .power import reading_of

# As for IPMI: the same controllers, the same power supplies' sensors.
UNCERTAINTY_RATIO = 0.1
TIMEOUT_SECONDS = 20.0
# A sensor of the whole machine: SystemBoardPwrConsumption (Dell), total_power (OpenBMC).
_WHOLE_SENSOR = re.compile(
    r"pwr_?consumption|total_?power|power_?total|system_?(?:input_?)?power$", re.IGNORECASE
)


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
        """Paths of the resources whose power adds up to the machine's."""
        found: list[Chassis] = []
        within: dict[str, str] = {}
        for path in self._members("/redfish/v1/Chassis", required=True):
            resource = self._maybe(path)
            contained_by = _path(_object(resource.get("Links")).get("ContainedBy"))
            if contained_by:
                within[path] = contained_by
            power = self._power_of(resource)
            if power:
                found.append(Chassis(path, str(resource.get("ChassisType", "")), contained_by, power))
        chosen = machine(found, within, self._of_system())
        if not chosen:
            raise NotHere(f"{self._url} reports the power of no chassis")
        return [path for chassis in chosen for path in chassis.power]

    def _power_of(self, chassis: dict[str, Any]) -> list[str]:
        """Paths of the resources whose sum is the power of a chassis; [] where it states none."""
        zero: list[str] = []
        for key in ("EnvironmentMetrics", "Power"):
            path = _path(chassis.get(key))
            watts = reading_of(self._maybe(path)) if path else None
            if watts:
                return [path]
            if watts is not None and not zero:
                zero = [path]
        sensors = _path(chassis.get("Sensors"))
        for path in self._members(sensors) if sensors else ():
            if _WHOLE_SENSOR.search(path.rsplit("/", 1)[-1]) and reading_of(self._maybe(path)) is not None:
                return [path]
        subsystem = _path(chassis.get("PowerSubsystem"))
        supplies = _path(self._maybe(subsystem).get("PowerSupplies")) if subsystem else ""
        metrics = [
            _path(self._maybe(path).get("Metrics")) for path in (self._members(supplies) if supplies else ())
        ]
        stated = [path for path in metrics if path and reading_of(self._maybe(path)) is not None]
        return stated or zero

    def _of_system(self) -> set[str]:
        """Paths of the chassis that the computer systems say they stand in."""
        found: set[str] = set()
        for system in self._members("/redfish/v1/Systems"):
            chassis = _object(self._maybe(system).get("Links")).get("Chassis")
            if isinstance(chassis, list):
                found.update(_path(link) for link in chassis)
        return found

    def _members(self, path: str, required: bool = False) -> list[str]:
        """Paths of a collection's members."""
        members = (self._get(path) if required else self._maybe(path)).get("Members")
        return [_path(member) for member in members if _path(member)] if isinstance(members, list) else []

    def _maybe(self, path: str) -> dict[str, Any]:
        """A resource, {} where it does not exist."""
        try:
            return self._get(path)
        except NotHere:
            return {}

    def _fetch(self) -> Sample:
        total = 0.0
        for path in self._paths:
            watts = reading_of(self._get(path))
            if watts is None:  # the sum of the others is not the machine
                raise TryAgain(f"{path} reports no power at present")
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


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _path(link: Any) -> str:
    """Where a link leads; "" for none."""
    return str(_object(link).get("@odata.id") or "")
