"""Which files make a channel, when it measures nothing, and names of any kind."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gramwatt_exporter.errors import NotHere, TryAgain
from gramwatt_exporter.model import Device
from gramwatt_exporter.sensors.drivers.hwmon.channel import Channel
from gramwatt_exporter.sensors.drivers.hwmon.hwmon import Hwmon
from gramwatt_exporter.sensors.sensor_set import SensorSet
from hwmon_boards import WATT, Board, rails, started, values
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


def test_a_monitor_of_iio_has_a_scale(board: Board, clock: Any) -> None:
    folder = board.root / "bus/iio/devices/iio:device3"
    folder.mkdir(parents=True)
    for name, text in (
        ("name", "pac1934"),
        ("in_power1_raw", "12345"),
        ("in_power1_scale", "0.125"),  # mW
        ("in_power1_label", "VDD_CPU"),
        ("in_power2_raw", "5"),
        ("in_power2_scale", "broken"),
    ):
        (folder / name).write_text(f"{text}\n")
    sample = started(board, clock).read()
    assert values(sample) == {"pac1934-VDD-CPU": 1_543_125, "package-0": 1_543_125}


def test_a_rail_that_is_off_is_no_failure_and_no_zero(board: Board, clock: Any) -> None:
    rails(board, 1, "1-0040", VDD_IN=8, VDD_CPU=2)
    board.write(1, "in2_enable", 0)
    board.chip(2, "ina3221", "1-0041", in1_label="NC", in1_input=0, curr1_input=0)
    sample = started(board, clock).read()
    assert (values(sample), sample.failures) == ({"ina3221-VDD-IN": 8 * WATT}, {})


class WithoutData(Channel):
    """What a driver answers for a channel that is switched off after the start."""

    def _read(self) -> int:
        raise OSError(errno.ENODATA, "No data available")


def test_a_channel_without_data_is_no_failure(board: Board, clock: Any) -> None:
    rails(board, 1, "1-0040", VDD_IN=8, VDD_CPU=2)
    sensor = started(board, clock)
    for index, channel in enumerate(sensor._channels):
        if channel.of.name == "ina3221-VDD-CPU":
            sensor._channels[index] = WithoutData(channel.chip, channel.source, channel.of, fd=channel.fd)
    sample = sensor.read()
    assert (values(sample), sample.failures) == ({"ina3221-VDD-IN": 8 * WATT}, {})


def test_the_zero_of_a_shunt_is_no_negative_power(
    board: Board, make: Callable[..., SensorSet], clock: Any
) -> None:
    rails(board, 1, "1-0040", VDD_IN=8, VDD_GPU=-0.392, VDD_CPU=-40)
    sensor_set = make(Hwmon(str(board.root), clock))
    sensor_set.read()
    clock.advance(5)
    sample = sensor_set.read()
    assert {
        step.device.name: step.microjoules for step in sample.steps if step.device.component != "other"
    } == {"gpu-0": 0}
    assert sample.resets.keys() == {("cpu", "package-0"), ("meter", "ina3221-VDD-CPU")}  # wired the other way


@pytest.mark.parametrize(
    ("files", "found"),
    [
        # A supply of which PMBus shows the input's power, and an output by voltage and current alone.
        (
            {
                "power1_label": "pin", "power1_input": 50 * WATT, "in1_label": "vin", "in1_input": 230_000,
                "curr1_label": "iin", "curr1_input": 217, "in2_label": "vout1", "in2_input": 12_000,
                "curr2_label": "iout1", "curr2_input": 4000,
            },
            {"chip-pin": 50 * WATT, "chip-vout1": 48 * WATT},
        ),
        # Corsair's supplies, without power in older kernels.
        (
            {"in1_label": "v_out +12v", "in1_input": 12_000, "curr2_label": "curr +12v", "curr2_input": 2000},
            {"chip-v-out-12v": 24 * WATT},
        ),
        (
            {"in0_label": "FAN 1", "in0_input": 12_000, "curr1_label": "FAN 1", "curr1_input": 100},
            {"chip-FAN-1": 1_200_000},
        ),
        # Apple's: the power of what voltage and current show, too.
        (
            {
                "power1_label": "AC Input Power", "power1_input": 30 * WATT, "in1_label": "AC Input Voltage",
                "in1_input": 20_000, "curr1_label": "AC Input Current", "curr1_input": 1500,
            },
            {"chip-AC-Input-Power": 30 * WATT},
        ),
        # A driver that shows milliwatts where the kernel wants microwatts.
        (
            {
                "power1_label": "SYS_3V3", "power1_input": 4950, "in1_label": "SYS_3V3", "in1_input": 3300,
                "curr1_label": "SYS_3V3", "curr1_input": 1500,
            },
            {"chip-SYS-3V3": 4_950_000},
        ),
        # The names of a Raspberry Pi's regulators.
        (
            {"in0_label": "VDD_CORE_V", "in0_input": 800, "curr1_label": "VDD_CORE_A", "curr1_input": 2500},
            {"chip-VDD-CORE-V": 2 * WATT},
        ),
        # What a charger agreed upon does not flow.
        (
            {
                "in0_label": "PD Contract Voltage", "in0_input": 15_000,
                "curr1_label": "PD Contract Current", "curr1_input": 3000,
            },
            None,
        ),
        # A voltage and a current that nothing brings together.
        ({"in0_label": "Vcore", "in0_input": 1100, "curr1_label": "CPU", "curr1_input": 40_000}, None),
        ({"in1_input": 1100, "curr1_input": 40_000}, None),
    ],
)  # fmt: skip
def test_which_voltage_belongs_to_which_current(
    board: Board, clock: Any, files: dict[str, object], found: dict[str, int] | None
) -> None:
    board.chip(1, "chip", "1-0040", **files)
    if found is None:
        with pytest.raises(NotHere):
            started(board, clock)
        return
    assert values(started(board, clock).read()) == found


def test_a_charger_is_no_meter_and_a_battery_one_while_it_discharges(board: Board, clock: Any) -> None:
    for number, kind in ((1, "Battery"), (2, "USB"), (3, "Mains")):
        device = board.root / f"devices/supply{number}"
        device.mkdir(parents=True)
        (device / "type").write_text(f"{kind}\n")
        (device / "status").write_text("Discharging\n")
        board.chip(
            number, f"SUP{number}", f"supply{number}",
            power1_input=9 * WATT, in0_label="x", in0_input=20_000, curr1_label="x", curr1_input=3000,
        )  # fmt: skip
    board.chip(4, "ina226", "1-0040", power1_input=1)
    sensor = started(board, clock)
    assert values(sensor.read()) == {"SUP1-power1": 9 * WATT, "ina226-power1": 1}
    for status in ("Charging", "Full", "Not charging", "Unknown"):
        (board.root / "devices/supply1/status").write_text(f"{status}\n")
        sample = sensor.read()
        assert (values(sample), sample.failures) == ({"ina226-power1": 1}, {})


# --- names are data


def test_names_of_any_kind_make_names_that_can_be_read(board: Board, clock: Any) -> None:
    labels = ["", "  ", "a" * 300, "Zeile 1\nZeile 2", "VDD", "VDD", "+12V/ATX", "🔌", 'quo"te\\']
    files: dict[str, object] = {f"power{n}_label": label for n, label in enumerate(labels, 1)}
    files |= {f"power{n}_input": n for n in range(1, len(labels) + 1)}
    board.chip(1, "ch\nip 7", "1-0040", **files)
    (board.root / "class/hwmon/hwmon1/power10_label").write_bytes(b"\xff\xfe\x00bus\n")
    board.write(1, "power10_input", 10)
    board.chip(2, "", "1-0041", power1_input=11)
    found = {r.of.name: r.of for r in started(board, clock).read().readings}
    assert len(found) == 11
    assert all(name.isprintable() and len(name) <= 140 for name in found)
    assert {"ch-ip-7-power1", "ch-ip-7-power2", "ch-ip-7-bus", "ch-ip-7-Zeile-1-Zeile-2"} <= found.keys()


@pytest.mark.slow
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["power", "energy", "in", "curr"]),
            st.integers(0, 4),
            st.one_of(
                st.text(max_size=80),
                st.sampled_from(
                    ["VDD_CPU", "VDD_IN", "CPU power", "Esocket0", "Chip 0", "card", "SVI2_P_Core", "SYS5V"]
                ),
            ),
            st.integers(-(10**7), 10**12),
        ),
        max_size=12,
    ),
    st.sampled_from(
        ["ina3221", "zenergy", "amdgpu", "xe", "power_meter", "apm_xgene", "scmi_sensors", "ibmpowernv", "\n", "x" * 99]
    ),
)  # fmt: skip
def test_whatever_a_chip_shows_every_reading_has_a_name_of_its_own(
    tmp_path: Path, clock: Any, channels: list[tuple[str, int, str, int]], driver: str
) -> None:
    root = tmp_path / "any"
    shutil.rmtree(root, ignore_errors=True)
    board = Board(root)
    board.chip(0, driver, "1-0040")
    for kind, number, label, value in channels:
        board.write(0, f"{kind}{number}_input", value)
        (root / f"class/hwmon/hwmon0/{kind}{number}_label").write_text(label, encoding="utf-8")
    sensor = Hwmon(str(root), clock)
    try:
        sensor.open()
    except NotHere:
        return
    try:
        readings = sensor.read().readings
    except TryAgain:
        return
    finally:
        sensor.close()
    names = [(type(r.of), r.of.name) for r in readings]
    assert len(set(names)) == len(names)
    assert all(name and name.isprintable() and len(name) < 200 for _, name in names)
    packages = [r.of for r in readings if isinstance(r.of, Device) and r.of.component == "cpu"]
    assert len(packages) <= 1
