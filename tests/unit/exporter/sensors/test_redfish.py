"""Redfish against a real local HTTP server."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from gramwatt_exporter.errors import Denied, Fatal, NotHere, TryAgain
from gramwatt_exporter.model import PowerReading
from gramwatt_exporter.sensors.drivers.redfish.redfish import Redfish

ROOT = "/redfish/v1/Chassis"


class Controller:
    """A management controller: a tree of resources, optionally behind basic authentication."""

    def __init__(self) -> None:
        self.tree: dict[str, Any] = {}
        self.login = ""
        self.status = 200
        controller = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                wanted = "Basic " + base64.b64encode(controller.login.encode()).decode()
                status = controller.status
                if controller.login and self.headers.get("Authorization") != wanted:
                    status = 401
                elif self.path not in controller.tree:
                    status = 404
                body = json.dumps(controller.tree.get(self.path)).encode() if status == 200 else b"no"
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        ).start()

    def chassis(self, *names: str, **resources: Any) -> None:
        self.tree[ROOT] = {"Members": [{"@odata.id": f"{ROOT}/{name}"} for name in names]}
        for name in names:
            self.tree[f"{ROOT}/{name}"] = resources[name]

    def power(self, watts: float | None) -> None:
        self.tree[f"{ROOT}/1/Power"] = {"PowerControl": [{"PowerConsumedWatts": watts}]}


@pytest.fixture
def controller() -> Iterator[Controller]:
    controller = Controller()
    controller.chassis("1", **{"1": {"Power": {"@odata.id": f"{ROOT}/1/Power"}}})
    controller.power(344)
    yield controller
    controller.server.shutdown()
    controller.server.server_close()


def watts(sensor: Redfish) -> float:
    (reading,) = sensor.read().readings
    assert isinstance(reading, PowerReading)
    return reading.microwatts / 1e6


def read_for_ten_seconds(sensor: Redfish) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        sensor.read()
        time.sleep(0.01)


def test_power_of_the_machine(controller: Controller, clock: Any) -> None:
    sensor = Redfish(clock, 0.01, controller.url)
    sensor.open()
    assert watts(sensor) == 344
    controller.power(350.5)
    deadline = time.monotonic() + 10
    while watts(sensor) != 350.5:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    sensor.close()


def test_the_newer_schema_and_several_chassis(controller: Controller, clock: Any) -> None:
    controller.chassis(
        "a", "b", "gpu-tray",
        a={"EnvironmentMetrics": {"@odata.id": "/a"}, "Power": {"@odata.id": "/never"}},
        b={"EnvironmentMetrics": {"@odata.id": "/empty"}, "Power": {"@odata.id": f"{ROOT}/1/Power"}},
        **{"gpu-tray": {"Links": {"ContainedBy": {"@odata.id": f"{ROOT}/a"}}, "Power": {"@odata.id": "/never"}}},
    )  # fmt: skip
    controller.tree["/a"] = {"PowerWatts": {"Reading": 100.5}}
    controller.tree["/empty"] = {}
    sensor = Redfish(clock, 10, controller.url)
    sensor.open()
    assert watts(sensor) == 444.5
    sensor.close()


def test_login(controller: Controller, clock: Any, tmp_path: Path) -> None:
    controller.login = "monitor:secret"
    password = tmp_path / "password"
    password.write_text("secret\n")
    sensor = Redfish(clock, 10, controller.url, "monitor", str(password))
    sensor.open()
    assert watts(sensor) == 344
    sensor.close()
    with pytest.raises(Denied):
        Redfish(clock, 10, controller.url, "monitor", "").open()


def test_settings_that_cannot_work(controller: Controller, clock: Any, tmp_path: Path) -> None:
    with pytest.raises(Fatal, match="url is not set"):
        Redfish(clock, 10, "").open()
    with pytest.raises(Fatal, match="password_file"):
        Redfish(clock, 10, controller.url, "monitor", str(tmp_path / "missing")).open()


@pytest.mark.parametrize(
    ("status", "kind"), [(403, Denied), (404, NotHere), (500, TryAgain), (503, TryAgain)]
)
def test_refusals(controller: Controller, clock: Any, status: int, kind: type[Exception]) -> None:
    controller.status = status
    with pytest.raises(kind):
        Redfish(clock, 10, controller.url).open()


def test_a_controller_without_power(controller: Controller, clock: Any) -> None:
    controller.power(None)
    with pytest.raises(NotHere):
        Redfish(clock, 10, controller.url).open()


def test_nobody_listens(controller: Controller, clock: Any) -> None:
    controller.server.shutdown()
    controller.server.server_close()
    with pytest.raises(TryAgain):
        Redfish(clock, 10, controller.url).open()


def test_power_that_vanishes_later(controller: Controller, clock: Any) -> None:
    sensor = Redfish(clock, 0.01, controller.url)
    sensor.open()
    controller.power(None)
    with pytest.raises(TryAgain, match="no power at present"):
        read_for_ten_seconds(sensor)
    sensor.close()


def two_chassis(controller: Controller) -> None:
    controller.chassis(
        "1", "2",
        **{"1": {"Power": {"@odata.id": f"{ROOT}/1/Power"}}, "2": {"EnvironmentMetrics": {"@odata.id": "/2"}}},
    )  # fmt: skip


def test_a_chassis_without_power_of_its_own_counts_as_nothing(controller: Controller, clock: Any) -> None:
    two_chassis(controller)
    controller.tree["/2"] = {"PowerWatts": {"Reading": 0}}
    sensor = Redfish(clock, 10, controller.url)
    sensor.open()
    assert watts(sensor) == 344
    sensor.close()


def test_a_running_machine_does_not_draw_nothing(controller: Controller, clock: Any) -> None:
    controller.power(0)
    with pytest.raises(TryAgain, match="0 W"):
        Redfish(clock, 10, controller.url).open()


@pytest.mark.parametrize("rubbish", [-1, -200.5, float("nan"), float("inf"), True, "n/a", 65_535])
def test_what_is_no_power_is_refused(controller: Controller, clock: Any, rubbish: Any) -> None:
    sensor = Redfish(clock, 0.01, controller.url)
    sensor.open()
    controller.power(rubbish)
    with pytest.raises(TryAgain, match="no power at present"):
        read_for_ten_seconds(sensor)
    sensor.close()


def test_one_chassis_that_tells_rubbish_later_is_not_left_out_of_the_sum(
    controller: Controller, clock: Any
) -> None:
    two_chassis(controller)
    controller.tree["/2"] = {"PowerWatts": {"Reading": 100}}
    sensor = Redfish(clock, 0.01, controller.url)
    sensor.open()
    assert watts(sensor) == 444
    controller.tree["/2"] = {"PowerWatts": {"Reading": -1}}
    with pytest.raises(TryAgain, match="/2 reports no power at present"):
        read_for_ten_seconds(sensor)
    sensor.close()


def test_the_sled_of_an_enclosure_by_its_supplies(controller: Controller, clock: Any) -> None:
    links = {"Links": {"ContainedBy": {"@odata.id": f"{ROOT}/enclosure"}}}
    controller.chassis(
        "enclosure", "sled", "broken",
        enclosure={"ChassisType": "Enclosure", "Power": {"@odata.id": "/enclosure"}},
        sled={"ChassisType": "Sled", "PowerSubsystem": {"@odata.id": "/subsystem"}, **links},
        broken={"Power": "text", "EnvironmentMetrics": [], "Links": None},
    )  # fmt: skip
    controller.tree["/enclosure"] = {"PowerControl": [{"PowerConsumedWatts": 4000}]}
    controller.tree["/subsystem"] = {"PowerSupplies": {"@odata.id": "/supplies"}}
    controller.tree["/supplies"] = {"Members": [{"@odata.id": "/1"}, {"@odata.id": "/2"}, {}]}
    for number, power in (("1", 130.5), ("2", 120)):
        controller.tree[f"/{number}"] = {"Metrics": {"@odata.id": f"/{number}/Metrics"}}
        controller.tree[f"/{number}/Metrics"] = {"InputPowerWatts": {"Reading": power}}
    sensor = Redfish(clock, 10, controller.url)
    sensor.open()
    assert watts(sensor) == 250.5
    sensor.close()


def test_a_sensor_of_the_board_where_the_schemas_fields_are_null(controller: Controller, clock: Any) -> None:
    controller.chassis("1", **{"1": {"Power": {"@odata.id": "/null"}, "Sensors": {"@odata.id": "/sensors"}}})
    controller.tree["/null"] = {"PowerControl": [{"PowerConsumedWatts": None}]}
    names = ("CPU1Temp", "SystemBoardPwrConsumption")
    controller.tree["/sensors"] = {"Members": [{"@odata.id": f"/sensors/{name}"} for name in names]}
    controller.tree["/sensors/SystemBoardPwrConsumption"] = {
        "ReadingType": "Power",
        "ReadingUnits": "W",
        "Reading": 231,
    }
    sensor = Redfish(clock, 10, controller.url)
    sensor.open()
    assert watts(sensor) == 231
    sensor.close()
