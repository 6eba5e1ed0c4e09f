"""The sensors in order of preference."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from gramwatt_exporter.config.schema import Config
from gramwatt_exporter.sensors.disabled import Disabled
from gramwatt_exporter.sensors.drivers.amd.amdsmi import AmdSmi
from gramwatt_exporter.sensors.drivers.hwmon.hwmon import Hwmon
from gramwatt_exporter.sensors.registry import build
from gramwatt_exporter.sensors.sensor_set import SensorSet

ORDER = ["rapl", "hwmon", "cray", "nvml", "amdsmi", "ipmi", "redfish", "estimate"]


def config(**sensors: Any) -> Config:
    return msgspec.convert({"sensors": sensors}, Config)


def test_the_order_of_preference(clock: Any) -> None:
    assert [sensor.name for sensor in build(config(), clock)] == ORDER


def test_the_page_lists_the_sensors_in_this_order() -> None:
    page = (Path(__file__).parents[4] / "docs/sensors.md").read_text()
    assert re.findall(r"^\| `(\w+)` \|", page.split("\n## ", 1)[0], re.MULTILINE) == ORDER


def test_power_of_gpus_is_read_between_two_samples(clock: Any) -> None:
    sensors = {sensor.name: sensor for sensor in build(config(), clock)}
    hwmon, amdsmi = sensors["hwmon"], sensors["amdsmi"]
    assert isinstance(hwmon, Hwmon)
    assert hwmon.between is not None
    assert isinstance(amdsmi, AmdSmi)
    assert amdsmi._make_repeater is not None


def test_a_trace_goes_before_everything(clock: Any, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    trace.write_text('{"t": 0, "readings": [{"component": "cpu", "device": "package-0", "uj": 5}]}\n')
    sensors = build(config(replay={"file": str(trace)}), clock)
    assert [sensor.name for sensor in sensors] == ["replay", *ORDER]


@pytest.mark.parametrize("name", ORDER)
def test_each_can_be_switched_off_and_is_reported_so(clock: Any, log: Any, name: str) -> None:
    off = {other: {"enabled": False} for other in ORDER}
    off[name] = {"enabled": True}
    sensors = build(config(**off), clock)
    assert [sensor.name for sensor in sensors] == ORDER
    assert [sensor.name for sensor in sensors if not isinstance(sensor, Disabled)] == [name]
    sensor_set = SensorSet([sensor for sensor in sensors if isinstance(sensor, Disabled)], clock, log)
    sensor_set.open()
    assert {state.reason for state in sensor_set.read().sensors} == {"disabled"}


def test_settings_reach_their_sensor(sysfs: Any, clock: Any, log: Any) -> None:
    tree = sysfs("amd")
    settings = msgspec.convert(
        {
            "path": {"sysfs": str(tree.root)},
            "sensors": {"rapl": {"idle_watts": 33.0, "max_watts": 280.0}, "estimate": {"enabled": False}},
        },
        Config,
    )
    sensor_set = SensorSet(build(settings, clock), clock, log)
    sensor_set.open()
    sensor_set.read()
    clock.advance(1)
    tree.zone("intel-rapl:0", 7_000_001)
    (step,) = sensor_set.read().steps
    assert (step.device.idle_watts, step.device.max_watts) == (33.0, 280.0)


@pytest.mark.slow
def test_what_is_not_there_costs_no_imports() -> None:
    """The whole default set of sensors on a machine without GPUs loads none of the heavy libraries."""
    code = (
        "import sys, time\n"
        "from gramwatt_exporter.config.schema import Config\n"
        "from gramwatt_exporter.sensors.registry import build\n"
        "from gramwatt_exporter.sensors.sensor_set import SensorSet\n"
        "class Log:\n"
        "    debug = info = warning = staticmethod(lambda *a, **k: None)\n"
        "from gramwatt_exporter.sensors.drivers.nvidia import nvml\n"
        "nvml.LIBRARY = 'libnvidia-ml-that-is-not-there.so.1'\n"
        "sensor_set = SensorSet(build(Config(), time.monotonic_ns), time.monotonic_ns, Log())\n"
        "sensor_set.open(); sensor_set.read()\n"
        "print([m for m in ('pynvml', 'requests', 'codecarbon', 'numpy', 'pandas', 'psutil') if m in sys.modules])\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
