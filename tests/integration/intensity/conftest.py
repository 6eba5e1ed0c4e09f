"""A grid operator on this machine: a real HTTP server that speaks every provider's shape, and every fault.

It lives in virtual time: ``grid.now`` is Unix seconds. Its truth is ``grid.truth(at)``; the first two hours it tells
estimates that are a third too high, as real providers do.
"""

from __future__ import annotations

import base64
import contextlib
import email.utils
import json
import math
import re
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import trustme

TOKEN = "tok-3c9f5e0b7d-secret"
PASSWORD = "pass-77aa-secret"
NOON = datetime(2026, 3, 2, 12, 10, tzinfo=UTC).timestamp()
HOUR = 3600.0


def iso(at: float, form: str = "%Y-%m-%dT%H:%M:%S.000Z") -> str:
    return datetime.fromtimestamp(at, UTC).strftime(form)


@dataclass
class Call:
    at: float
    path: str
    query: dict[str, str]
    headers: dict[str, str]


@dataclass
class Grid:
    url: str = ""
    now: float = NOON
    zone: str = "FR"
    calls: list[Call] = field(default_factory=list)
    fault: str | Callable[[float], str | None] | None = None
    retry_after: str = "1800"
    forecasts: bool = True  # False: a free token, 401 for a forecast
    legacy_only: bool = False
    current_only: bool = False
    body: Any = None  # with fault "json": sent instead of the answer
    replaced: dict[str, tuple[int, Any]] = field(default_factory=dict)  # end of a path -> status and answer
    headers: dict[str, str] = field(default_factory=dict)  # sent besides
    location: str = "http://collector.invalid/steal"  # with fault "redirect"
    date: float | None = None  # what the server's clock says, Unix seconds; None: no Date at all
    closing: threading.Event = field(default_factory=threading.Event)
    problems: list[str] = field(default_factory=list)

    def truth(self, at: float) -> float:
        """g/kWh of the hour that ``at`` lies in."""
        return round(120 + 60 * math.sin((at // HOUR) / 24 * 2 * math.pi))

    def estimated(self, at: float) -> bool:
        return self.now - at < 2 * HOUR

    def told(self, at: float) -> float:
        return round(self.truth(at) * 1.34) if self.estimated(at) else self.truth(at)

    def fault_now(self) -> str | None:
        return self.fault(self.now) if callable(self.fault) else self.fault

    def answer(self, path: str, query: dict[str, str], headers: dict[str, str]) -> tuple[int, Any]:
        if path.startswith(("/v3/carbon", "/v4/carbon", "/v3/power", "/carbon-intensity")):
            if self.legacy_only:
                return 404, {"message": "Not Found"}
            return self._electricitymaps(path, query, headers)
        if path in ("/v1/latest", "/latest"):
            return (404, {"message": "Not Found"}) if self.current_only else self._legacy(query, headers)
        if path.startswith("/intensity") or path == "/generation":
            return 200, self._uk(path)
        if path.startswith("/api/explore"):
            return 200, self._rte(query)
        if path == "/public_power":
            return 200, self._energy_charts(query)
        if path == "/api":
            return self._entsoe(query)
        if path.startswith("/dataset/"):
            return 200, self._denmark(path, query)
        if path in ("/login", "/v3/forecast"):
            return self._watttime(path, query, headers)
        return 404, {"message": "Not Found"}

    def _hour(self) -> float:
        return self.now // HOUR * HOUR

    def _row(self, at: float) -> dict[str, Any]:
        estimated = self.estimated(at)
        return {
            "zone": self.zone,
            "carbonIntensity": self.told(at),
            "datetime": iso(at),
            "updatedAt": iso(self.now),
            "emissionFactorType": "lifecycle",
            "isEstimated": estimated,
            "estimationMethod": "TIME_SLICER_AVERAGE" if estimated else None,
        }

    def _electricitymaps(self, path: str, query: dict[str, str], headers: dict[str, str]) -> tuple[int, Any]:
        if headers.get("auth-token") != TOKEN:
            return 401, {"error": f"Invalid auth-token {headers.get('auth-token')}"}
        if query.get("zone") != self.zone:
            return 404, {"error": f"Zone '{query.get('zone')}' does not exist."}
        series = "data" if path.startswith("/v4") else path.rpartition("/")[2]
        if path.endswith("carbon-intensity/latest"):
            return 200, self._row(self._hour())
        if path.endswith("history"):
            rows = [self._row(self._hour() - back * HOUR) for back in range(24, 0, -1)]
            return 200, {"zone": self.zone, series: rows}
        if path.endswith("forecast"):
            if not self.forecasts:
                return 401, {"error": "Your token does not include forecasts"}
            points = [
                {"carbonIntensity": self.truth(at), "datetime": iso(at)}
                for at in (self._hour() + ahead * HOUR for ahead in range(25))
            ]
            return 200, {"zone": self.zone, series: points, "updatedAt": iso(self.now)}
        return 200, {
            "zone": self.zone,
            "datetime": iso(self._hour()),
            "renewablePercentage": 31,
            "fossilFreePercentage": 94,
        }

    def _legacy(self, query: dict[str, str], headers: dict[str, str]) -> tuple[int, Any]:
        if headers.get("auth-token") != TOKEN:
            return 401, {"message": "Invalid authentication credentials"}
        if query.get("countryCode") != self.zone:
            return 404, {"message": f"Unknown countryCode {query.get('countryCode')}"}
        return 200, {
            "_disclaimer": "This data is the exclusive property of Electricity Maps",
            "status": "ok",
            "countryCode": self.zone,
            "data": {
                "datetime": iso(self._hour()),
                "carbonIntensity": self.told(self._hour()),
                "fossilFuelPercentage": 6.5,
            },
            "units": {"carbonIntensity": "gCO2eq/kWh"},
        }

    def _uk(self, path: str) -> Any:
        half = self.now // 1800 * 1800
        if path == "/generation":
            shares = {
                "biomass": 5.0,
                "coal": 0.0,
                "gas": 30.0,
                "imports": 10.0,
                "nuclear": 15.0,
                "other": 0.0,
            }
            shares |= {"hydro": 2.0, "solar": 8.0, "wind": 30.0}
            mix = [{"fuel": fuel, "perc": share} for fuel, share in shares.items()]
            return {"data": {"from": iso(half, "%Y-%m-%dT%H:%MZ"), "to": "", "generationmix": mix}}
        if path.endswith("pt24h"):
            starts = [half - back * 1800 for back in range(48, -1, -1)]
        elif path.endswith("fw48h"):
            starts = [half + ahead * 1800 for ahead in range(96)]
        else:
            starts = [half]
        rows = []
        for at in starts:
            actual = self.truth(at) if at + 3600 <= self.now else None
            told = {"forecast": self.truth(at) + 7, "actual": actual, "index": "low"}
            rows.append(
                {
                    "from": iso(at, "%Y-%m-%dT%H:%MZ"),
                    "to": iso(at + 1800, "%Y-%m-%dT%H:%MZ"),
                    "intensity": told,
                }
            )
        return {"data": rows}

    def _rte(self, query: dict[str, str]) -> Any:
        quarter = self.now // 900 * 900 - 1800
        rows = [
            {
                "perimetre": "France",
                "date_heure": iso(at, "%Y-%m-%dT%H:%M:%S+00:00"),
                "taux_co2": self.truth(at),
                "fioul": 100, "charbon": 0, "gaz": 4900, "nucleaire": 40000, "eolien": 8000, "solaire": 2000,
                "hydraulique": 7000, "pompage": -500, "bioenergies": 1000, "ech_physiques": -9000,
            }
            for at in (quarter - back * 900 for back in range(int(query["limit"])))
        ]  # fmt: skip
        if "taux_co2 is not null" not in query.get("where", ""):
            rows.insert(0, {"date_heure": iso(quarter + 900, "%Y-%m-%dT%H:%M:%S+00:00"), "taux_co2": None})
        return {"total_count": len(rows), "results": rows}

    def _energy_charts(self, query: dict[str, str]) -> Any:
        assert query["country"] == self.zone.lower()
        quarter = self.now // 900 * 900 - 1800
        moments = [quarter - back * 900 for back in range(95, -1, -1)]
        types = {
            "Hydro pumped storage consumption": -2000, "Cross border electricity trading": 3000, "Nuclear": None,
            "Biomass": 4000, "Waste": 1000, "Fossil brown coal / lignite": 8000, "Fossil hard coal": 2000,
            "Fossil gas": 5000, "Hydro Run-of-River": 2000, "Hydro pumped storage": 900, "Others": 100,
            "Wind onshore": 20000, "Wind offshore": 4000, "Solar": 10000, "Load": 60000, "Residual load": 30000,
            "Renewable share of load": 60.5,
        }  # fmt: skip
        rows = [{"name": name, "data": [amount] * len(moments)} for name, amount in types.items()]
        for row in rows:
            if row["name"] == "Solar":
                row["data"] = [*[10000] * 95, None]  # the newest quarter is not complete yet
        return {"unix_seconds": moments, "production_types": rows, "deprecated": False}

    def _entsoe(self, query: dict[str, str]) -> tuple[int, Any]:
        if query.get("securityToken") != TOKEN:
            return 401, b"<html><body>Unauthorized. Missing or invalid security token!</body></html>"
        assert (query["documentType"], query["processType"]) == ("A75", "A16")
        hour = self._hour()
        start, end = iso(hour - 24 * HOUR, "%Y-%m-%dT%H:%MZ"), iso(hour, "%Y-%m-%dT%H:%MZ")

        def series(code: str, points: dict[int, float], domain: str = "in") -> str:
            inside = "".join(
                f"<Point><position>{at}</position><quantity>{amount}</quantity></Point>"
                for at, amount in points.items()
            )
            return (
                f"<TimeSeries><{domain}BiddingZone_Domain.mRID codingScheme='A01'>{query['in_Domain']}"
                f"</{domain}BiddingZone_Domain.mRID><curveType>A03</curveType><MktPSRType><psrType>{code}</psrType>"
                f"</MktPSRType><Period><timeInterval><start>{start}</start><end>{end}</end></timeInterval>"
                f"<resolution>PT15M</resolution>{inside}</Period></TimeSeries>"
            )

        parts = [
            series("B04", {1: 5000.0, 90: 6000.0}), series("B02", {1: 3000.0}), series("B05", {1: 1000.0}),
            series("B14", {1: 40000.0}), series("B19", {1: 8000.0}), series("B20", {1: 100.0}),
            series("B10", {1: 500.0}), series("B10", {1: 700.0}, "out"),
        ]  # fmt: skip
        name = "urn:iec62325.351:tc57wg16:451-6:generationloaddocument:3:0"
        whole = f'<?xml version="1.0"?><GL_MarketDocument xmlns="{name}">{"".join(parts)}</GL_MarketDocument>'
        return 200, whole.encode()

    def _denmark(self, path: str, query: dict[str, str]) -> Any:
        assert query["timezone"] == "UTC"
        (area,) = json.loads(query["filter"])["PriceArea"]
        step = self.now // 300 * 300
        if path.endswith("Prog"):
            times = [step + ahead * 300 for ahead in range(int(query["limit"]))]
        else:
            times = [step - back * 300 for back in range(1, int(query["limit"]) + 1)]
        records = [
            {"Minutes5UTC": iso(at, "%Y-%m-%dT%H:%M:%S"), "PriceArea": area, "CO2Emission": self.truth(at)}
            for at in times
        ]
        return {"total": len(records), "dataset": path.rpartition("/")[2], "records": records}

    def _watttime(self, path: str, query: dict[str, str], headers: dict[str, str]) -> tuple[int, Any]:
        if path == "/login":
            told = base64.b64encode(f"alice:{PASSWORD}".encode()).decode()
            if headers.get("authorization") != f"Basic {told}":
                return 403, {"error": "wrong login"}
            return 200, {"token": "bearer-1-secret"}
        if headers.get("authorization") != "Bearer bearer-1-secret":
            return 401, {"error": "no bearer"}
        start = self.now // 300 * 300
        data = [
            {"point_time": iso(start + i * 300, "%Y-%m-%dT%H:%M:%S+00:00"), "value": 1000.0}
            for i in range(288)
        ]
        meta = {"region": query["region"], "signal_type": "co2_moer", "units": "lbs_co2_per_mwh"}
        return 200, {"data": data, "meta": meta}


def _spoil(value: Any, fault: str, grid: Grid) -> Any:
    """The same answer with one thing wrong, wherever that thing is in this provider's shape."""
    amounts = {"carbonIntensity", "taux_co2", "CO2Emission", "forecast", "actual", "value"}
    times = {"datetime", "from", "date_heure", "Minutes5UTC", "point_time"}
    places = {"zone", "countryCode", "PriceArea", "region"}
    if isinstance(value, bytes):
        wrong = {"null": b"", "huge": b"9" * 400}.get(fault)
        return value if wrong is None else re.sub(rb"(?<=<quantity>)[^<]*", wrong, value)
    if isinstance(value, list):
        return [_spoil(item, fault, grid) for item in value]
    if not isinstance(value, dict):
        return value
    spoiled: dict[str, Any] = {}
    for key, item in value.items():
        if key == "data" and fault in ("null", "huge") and any(isinstance(one, float | int) for one in item):
            spoiled[key] = [None if fault == "null" else 10**400] * len(item)
        elif isinstance(item, dict | list):
            spoiled[key] = _spoil(item, fault, grid)
        elif fault == "null" and key in amounts:
            spoiled[key] = None
        elif fault == "huge" and key in amounts:
            spoiled[key] = 10**9
        elif fault == "text" and key in amounts:
            spoiled[key] = "12"
        elif fault == "future" and key in times:
            spoiled[key] = iso(grid.now + 86400, "%Y-%m-%dT%H:%M:%S+00:00")
        elif fault == "wrong_zone" and key in places:
            spoiled[key] = "CA-QC"
        else:
            spoiled[key] = item
    return spoiled


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # head and body in one packet, or each answer waits 40 ms for an acknowledgement
    grid: Grid

    def log_message(self, *args: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        grid, parts = self.grid, urlsplit(self.path)
        query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
        headers = {key.lower(): value for key, value in self.headers.items()}
        grid.calls.append(Call(grid.now, parts.path, query, headers))
        fault = grid.fault_now()
        if fault == "silence":
            grid.closing.wait(10)
            self.close_connection = True
            return
        if fault == "hang_up":
            self.close_connection = True
            return
        status, answer = grid.answer(parts.path, query, headers)
        for end, (other_status, other) in grid.replaced.items():
            if parts.path.endswith(end):
                status, answer = other_status, other(answer) if callable(other) else other
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        extra = dict(grid.headers)
        if fault in ("null", "huge", "text", "future", "wrong_zone"):
            spoiled = _spoil(answer, fault, grid)
            body = spoiled if isinstance(spoiled, bytes) else json.dumps(spoiled).encode()
        elif fault == "json":
            body = json.dumps(grid.body).encode()
        elif fault == "html":
            body = b"<!doctype html><title>Log in to the hotel WLAN</title>"
        elif fault == "nan":
            body = body.replace(str(grid.told(grid.now // HOUR * HOUR)).encode(), b"NaN")
        elif fault == "empty":
            body = b""
        elif fault == "list":
            body = b"[1, 2]"
        elif fault == "endless":
            body = b" " * (5 * 1024 * 1024)
        elif fault == "redirect":
            status, extra = 302, {"Location": grid.location}
        elif fault in ("401", "403", "429", "500", "503"):
            status, body = (
                int(fault),
                json.dumps({"error": f"no, token {headers.get('auth-token')}"}).encode(),
            )
            if fault in ("429", "503"):
                extra = {"Retry-After": grid.retry_after}
        self.send_response_only(status)
        if grid.date is not None:
            self.send_header("Date", email.utils.formatdate(grid.date, usegmt=True))
        for name, value in extra.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(OSError):
            if fault == "truncated":
                self.wfile.write(body[: len(body) // 2])
                self.close_connection = True
            elif fault == "drip":
                for index in range(len(body)):
                    self.wfile.write(body[index : index + 1])
                    self.wfile.flush()
                    if grid.closing.wait(0.05):
                        break
                self.close_connection = True
            else:
                self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    def handle_error(self, *args: object) -> None:
        """A client that gives up on a slow or endless answer is what some tests are about."""


@contextlib.contextmanager
def _serving(context: ssl.SSLContext | None = None) -> Iterator[Grid]:
    state = Grid()
    handler = type("Handler", (_Handler,), {"grid": state})
    server = _Server(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.block_on_close = False
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    scheme, host = ("http", "127.0.0.1") if context is None else ("https", "localhost")
    state.url = f"{scheme}://{host}:{server.server_address[1]}"
    yield state
    state.closing.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def grid() -> Iterator[Grid]:
    """A running server; ``grid.url`` is its address."""
    with _serving() as state:
        yield state


@pytest.fixture
def authority() -> trustme.CA:
    """A certificate authority nobody trusts by default."""
    return trustme.CA()


@pytest.fixture
def grid_tls(authority: trustme.CA) -> Iterator[Grid]:
    """The same behind TLS, with a certificate of ``authority``."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    with _serving(context) as state:
        yield state


@pytest.fixture(autouse=True)
def _no_proxy_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """requests would send calls to 127.0.0.1 through the proxy of whoever runs the tests."""
    for name in (
        "http_proxy",
        "https_proxy",
        "all_proxy",
        "no_proxy",
        "requests_ca_bundle",
        "curl_ca_bundle",
    ):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def environ() -> dict[str, str]:
    return {
        "GRAMWATT_CO2SIGNAL_TOKEN": TOKEN,
        "GRAMWATT_ELECTRICITYMAPS_TOKEN": TOKEN,
        "GRAMWATT_ENTSOE_TOKEN": TOKEN,
        "GRAMWATT_WATTTIME_PASSWORD": PASSWORD,
    }
