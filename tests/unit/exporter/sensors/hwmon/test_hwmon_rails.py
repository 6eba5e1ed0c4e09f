"""Channels of voltage and current, rails that feed a component, and labels that name the machine."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gramwatt_exporter.errors import NotHere, TryAgain
from gramwatt_exporter.model import Device, Meter, Sample
from gramwatt_exporter.sensors.bank import Bank
from gramwatt_exporter.sensors.hwmon import Hwmon
from gramwatt_exporter.sensors.hwmon_channel import Channel
from hwmon_boards import WATT, Board, started, unloaded, values
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

MW = 1000


def rails(board: Board, number: int, device: str, driver: str = "ina3221", **watts: float) -> None:
    """A chip with these rails at 5 V, by name, in the order of its channels."""
    files: dict[str, object] = {}
    for channel, (label, power) in enumerate(watts.items(), 1):
        files[f"in{channel}_label"] = label
        files[f"in{channel}_input"] = 5000
        files[f"curr{channel}_input"] = round(power * 1000 / 5)
        files[f"in{channel}_enable"] = 1
    board.chip(number, driver, device, **files)


def devices(sample: Sample) -> dict[str, float]:
    """Watts by component and name."""
    shown = values(sample)
    return {
        f"{r.of.component} {r.of.name}": shown[r.of.name] / WATT
        for r in sample.readings
        if isinstance(r.of, Device)
    }


def around(sample: Sample) -> dict[str, float]:
    shown = values(sample)
    return {
        r.of.name: shown[r.of.name] / WATT for r in sample.readings if isinstance(r.of, Meter) and r.of.covers
    }


def test_a_rail_is_volts_times_amperes(board: Board, clock: Any) -> None:
    board.chip(
        2, "ina3221", "1-0040",
        in1_label="VDD_GPU_SOC", in1_input=19_000, curr1_input=210,
        in2_label="VDD_CPU_CV", in2_input=19_000, curr2_input=90,
        in3_label="VIN_SYS_5V0", in3_input=5040, curr3_input=980,
        in7_label="sum of shunt voltages", in7_input=80, curr4_label="sum of currents", curr4_input=1280,
    )  # fmt: skip
    sample = started(board, clock).read()
    assert {name: microwatts for name, microwatts in values(sample).items() if name.startswith("ina")} == {
        "ina3221-VDD-GPU-SOC": 3_990_000,
        "ina3221-VDD-CPU-CV": 1_710_000,
        "ina3221-VIN-SYS-5V0": 4_939_200,
    }
    assert devices(sample) == {"cpu package-0": 1.71, "gpu gpu-0": 3.99}
    assert around(sample) == {"module": pytest.approx(10.6392)}  # no rail feeds all of it: the sum does


@pytest.mark.parametrize(
    ("chips", "found", "machine"),
    [
        (  # AGX Orin: the memory's rail is fed by VIN_SYS_5V0
            [{"VDD_GPU_SOC": 4, "VDD_CPU_CV": 2, "VIN_SYS_5V0": 5}, {"VDDQ_VDD2_1V8AO": 1}],
            {"cpu package-0": 2, "gpu gpu-0": 4, "dram dram-0": 1},
            {"module": 11},
        ),
        (  # Orin Nano and Xavier NX: CPU and GPU share a rail
            [{"VDD_IN": 8, "VDD_CPU_GPU_CV": 3, "VDD_SOC": 2}],
            {"cpu package-0": 3},
            {"ina3221-VDD-IN": 8},
        ),
        (  # AGX Xavier
            [{"GPU": 4, "CPU": 2, "SOC": 3}, {"CV": 0.5, "VDDRQ": 1, "SYS5V": 2.5}],
            {"cpu package-0": 2, "gpu gpu-0": 4, "dram dram-0": 1},
            {"module": 13},
        ),
        (  # Nano
            [{"POM_5V_IN": 3, "POM_5V_GPU": 0.5, "POM_5V_CPU": 1}],
            {"cpu package-0": 1, "gpu gpu-0": 0.5},
            {"ina3221-POM-5V-IN": 3},
        ),
        (  # names with dashes
            [{"VDD-IN": 8, "VDD-GPU": 3, "VDD-CPU": 2}],
            {"cpu package-0": 2, "gpu gpu-0": 3},
            {"ina3221-VDD-IN": 8},
        ),
    ],
)
def test_the_rails_of_each_jetson(
    board: Board,
    clock: Any,
    chips: list[dict[str, float]],
    found: dict[str, float],
    machine: dict[str, float],
) -> None:
    for number, watts in enumerate(chips):
        rails(board, number, f"1-004{number}", **watts)
    sample = started(board, clock).read()
    assert devices(sample) == pytest.approx(found)
    assert around(sample) == pytest.approx(machine)


def test_thor_says_the_whole_by_another_chip(board: Board, clock: Any) -> None:
    rails(board, 1, "1-0040", VDD_GPU=20, VDD_CPU_SOC_MSS=7, VIN_SYS_5V0=6)
    board.chip(2, "ina238", "1-0044", label="VIN", power1_input=40 * WATT, in1_input=19_000, curr1_input=2105)
    sample = started(board, clock).read()
    assert devices(sample) == {"cpu package-0": 7, "gpu gpu-0": 20}
    assert around(sample) == {"ina238-VIN": 40}


def test_jetpack_4_has_its_rails_in_iio(board: Board, clock: Any) -> None:
    folder = board.root / "bus/iio/devices/iio:device0"
    folder.mkdir(parents=True)
    (folder / "name").write_text("ina3221x\n")
    for number, (rail, milliwatts) in enumerate([("POM_5V_IN", 2840), ("POM_5V_GPU", 40), ("NC", 0)]):
        (folder / f"rail_name_{number}").write_text(f"{rail}\n")
        (folder / f"in_power{number}_input").write_text(f"{milliwatts}\n")
    (folder.parent / "iio:device1").mkdir()  # of a light sensor
    sample = started(board, clock).read()
    assert devices(sample) == {"gpu gpu-0": 0.04}
    assert around(sample) == {"ina3221x-POM-5V-IN": 2.84}


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
    board: Board, make: Callable[..., Bank], clock: Any
) -> None:
    rails(board, 1, "1-0040", VDD_IN=8, VDD_GPU=-0.392, VDD_CPU=-40)
    bank = make(Hwmon(str(board.root), clock))
    bank.read()
    clock.advance(5)
    sample = bank.read()
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


@pytest.mark.parametrize(
    ("driver", "label", "machine"),
    [
        ("macsmc_hwmon", "Total System Power", True),
        ("macsmc_hwmon", "AC Input Power", False),  # charges a battery, too
        ("corsairpsu", "power total", True),
        ("ibmpowernv", "System", True),
        ("intel_m10bmc", "Board Power", False),  # an accelerator's
        ("chip", "Total CPU Power", False),
        ("chip", "System Fan Power", False),
        ("chip", "sum of shunt voltages", False),
    ],
)
def test_a_label_may_say_that_it_is_the_machine(
    board: Board, clock: Any, driver: str, label: str, machine: bool
) -> None:
    board.chip(1, driver, "1-0040", power1_label=label, power1_input=30 * WATT)
    assert bool(around(started(board, clock).read())) is machine


def test_apples_chip_shows_the_machine_and_its_soc(board: Board, clock: Any) -> None:
    board.chip(
        3, "macsmc_hwmon", "macsmc-hwmon.1",
        power1_label="Total System Power", power1_input=12 * WATT,
        power2_label="AC Input Power", power2_input=20 * WATT,
        power3_label="Heatpipe Power", power3_input=4 * WATT,
        power4_label="3.8 V Rail Power", power4_input=9 * WATT,
    )  # fmt: skip
    sample = started(board, clock).read()
    assert devices(sample) == {"cpu package-0": 4}
    assert around(sample) == {"macsmc-hwmon-Total-System-Power": 12}


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


def test_a_chip_whose_bus_has_another_number_is_the_same_rail(board: Board, clock: Any) -> None:
    rails(board, 1, "1-0040", VDD_IN=8, VDD_GPU=3, VDD_CPU=2)
    sensor = started(board, clock)
    board.remove(1)
    unloaded(sensor, *(channel.of.name for channel in sensor._channels))
    rails(board, 1, "7-0040", VDD_IN=8, VDD_GPU=3, VDD_CPU=2)
    for _ in range(2):
        clock.advance(61)
        try:
            sample = sensor.read()
        except TryAgain:
            sensor.open()
    assert devices(sample) == {"cpu package-0": 2, "gpu gpu-0": 3}
    sensor.close()


def test_a_rail_moves_with_its_chip(board: Board, make: Callable[..., Bank], clock: Any) -> None:
    rails(board, 1, "1-0040", VDD_IN=8, VDD_GPU=3, VDD_CPU=2)
    sensor = Hwmon(str(board.root), clock)
    bank = make(sensor)
    bank.read()
    before = len(list(Path("/proc/self/fd").iterdir()))
    for number in range(1, 4):
        board.move(number, to=number + 1)
        for _ in range(14):
            clock.advance(5)
            sample = bank.read()
        assert sample.sensors[0].up
        assert {
            s.device.name: s.microjoules for s in sample.steps if s.device.component in ("cpu", "gpu")
        } == {
            "package-0": 10 * WATT,
            "gpu-0": 15 * WATT,
        }
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    sensor.close()


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        ({"SOC_PWR": 5, "GPU_PWR": 2}, {"cpu package-0": 5, "gpu gpu-0": 2}),
        ({"BIG_POW": 3, "LITTLE_POW": 1, "GPU_POW": 2, "SYS_POW": 4}, {"cpu package-0": 4, "gpu gpu-0": 2}),
        ({"package": 5, "cluster0": 2, "cluster1": 2}, {"cpu package-0": 5}),  # which are parts of it
        ({"PMIC": 5}, {}),
    ],
)
def test_the_labels_of_arms_firmware(
    board: Board, clock: Any, labels: dict[str, int], found: dict[str, float]
) -> None:
    files: dict[str, object] = {}
    for number, (label, watts) in enumerate(labels.items(), 1):
        files |= {f"power{number}_label": label, f"power{number}_input": watts * WATT}
    board.chip(1, "scmi_sensors", "scmi_dev.4", **files)
    sample = started(board, clock).read()
    assert devices(sample) == found
    assert around(sample) == {}  # SYS is the rest of a Juno board, not all of it


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
