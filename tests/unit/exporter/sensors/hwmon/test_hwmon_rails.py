"""Rails that feed a component, and labels that name the machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from descriptors import open_below
from gramwatt_exporter.errors import TryAgain
from gramwatt_exporter.sensors.drivers.hwmon.hwmon import Hwmon
from gramwatt_exporter.sensors.sensor_set import SensorSet
from hwmon_boards import WATT, Board, around, devices, rails, started, unloaded, values


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
    chips: list[dict[str, Any]],
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


def test_the_heat_pipe_contains_the_cores(board: Board, clock: Any) -> None:
    board.chip(
        3, "macsmc_hwmon", "macsmc-hwmon.1",
        power1_label="Total CPU Core Power", power1_input=3 * WATT,
        power2_label="Heatpipe Power", power2_input=4 * WATT,
    )  # fmt: skip
    assert devices(started(board, clock).read()) == {"cpu package-0": 4}


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


@pytest.mark.slow
def test_a_rail_moves_with_its_chip(board: Board, make: Callable[..., SensorSet], clock: Any) -> None:
    rails(board, 1, "1-0040", VDD_IN=8, VDD_GPU=3, VDD_CPU=2)
    sensor = Hwmon(str(board.root), clock)
    sensor_set = make(sensor)
    sensor_set.read()
    before = len(open_below(board.root))
    for number in range(1, 4):
        board.move(number, to=number + 1)
        for _ in range(14):
            clock.advance(5)
            sample = sensor_set.read()
        assert sample.sensors[0].up
        assert {
            s.device.name: s.microjoules for s in sample.steps if s.device.component in ("cpu", "gpu")
        } == {
            "package-0": 10 * WATT,
            "gpu-0": 15 * WATT,
        }
    assert len(open_below(board.root)) == before > 0
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
