"""Drivers that measure a CPU's package, alone and beside each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from gramwatt_exporter.model import Device, EnergyReading, Meter, Sample
from gramwatt_exporter.sensors.drivers.hwmon.hwmon import Hwmon
from gramwatt_exporter.sensors.sensor_set import SensorSet
from hwmon_boards import WATT, Board, joules, started, unloaded, values
from scripted_sensor import Scripted

APU = {"in0_label": "vddgfx", "in1_label": "vddnb", "power1_label": "PPT"}


def packages(sample: Sample) -> dict[str, int]:
    return {
        r.of.name: r.microjoules if isinstance(r, EnergyReading) else r.microwatts
        for r in sample.readings
        if isinstance(r.of, Device)
    }


def meters(sample: Sample) -> dict[str, str | None]:
    return {r.of.name: r.of.part_of for r in sample.readings if isinstance(r.of, Meter)}


def zenergy(board: Board, number: int, sockets: int = 1, driver: str = "zenergy") -> None:
    files: dict[str, object] = {}
    for core in range(4):
        files |= {f"energy{core + 1}_label": f"Ecore{core:03d}", f"energy{core + 1}_input": core}
    for socket in range(sockets):
        files |= {
            f"energy{5 + socket}_label": f"Esocket{socket}",
            f"energy{5 + socket}_input": 7 * WATT + socket,
        }
    board.chip(number, driver, f"{driver}.0", **files)


@pytest.mark.parametrize("driver", ["zenergy", "amd_energy"])
def test_sockets_are_packages_and_cores_are_left_out(board: Board, clock: Any, driver: str) -> None:
    zenergy(board, 6, sockets=2, driver=driver)
    sample = started(board, clock).read()
    assert packages(sample) == {"package-0": 7 * WATT, "package-1": 7 * WATT + 1}
    assert meters(sample) == {}


def test_a_name_that_comes_twice_counts_once(board: Board, clock: Any) -> None:
    board.chip(
        1, "zenergy", "zenergy.0",
        energy1_label="Esocket0", energy1_input=5, energy2_label="Esocket0", energy2_input=6,
    )  # fmt: skip
    assert packages(started(board, clock).read()) == {"package-0": 5}


def test_hsmp_has_a_chip_for_each_socket(board: Board, clock: Any) -> None:
    for socket, watts in ((0, 90), (1, 110)):
        board.chip(
            5 - socket, "amd_hsmp_hwmon", f"AMDI0097:0{socket}",
            power1_input=watts * WATT, power1_cap=100 * WATT, power1_cap_max=280 * WATT,
        )  # fmt: skip
    sample = started(board, clock).read()
    assert packages(sample) == {"package-0": 90 * WATT, "package-1": 110 * WATT}
    # The socket's own limit, which nobody can raise; the one in force may be lower.
    assert {r.of.max_watts for r in sample.readings} == {280.0}


def test_sockets_of_hsmp_at_one_device_are_told_apart_by_their_order(board: Board, clock: Any) -> None:
    board.chip(9, "amd_hsmp_hwmon", "amd_hsmp", power1_input=90 * WATT)
    board.chip(10, "amd_hsmp_hwmon", "amd_hsmp", power1_input=110 * WATT)
    assert packages(started(board, clock).read()) == {"package-0": 90 * WATT, "package-1": 110 * WATT}


def test_cpu_and_io_of_an_altra_are_its_package(board: Board, clock: Any) -> None:
    for socket in (0, 1):
        board.chip(
            1 + socket, "apm_xgene", f"APMC0D8A:0{socket}",
            power1_label="CPU power", power1_input=(40 + socket) * WATT,
            power2_label="IO power", power2_input=32 * WATT, temp1_label="SoC Temperature", temp1_input=35_000,
        )  # fmt: skip
    sensor = started(board, clock)
    sample = sensor.read()
    assert packages(sample) == {"package-0": 72 * WATT, "package-1": 73 * WATT}
    assert set(meters(sample).values()) == {"package-0", "package-1"}
    board.write(2, "power2_input", "broken")
    sample = sensor.read()  # a package without its IO would be too small
    assert packages(sample) == {"package-0": 72 * WATT}
    assert set(sample.failures.values()) == {"garbage"}
    board.write(2, "power2_input", 0xFFFFFFFF * 1000)
    assert packages(sensor.read())["package-1"] == 0xFFFFFFFF * 1000  # to be refused of the package, too


def test_io_alone_is_no_package(board: Board, clock: Any) -> None:
    board.chip(1, "apm_xgene", "APMC0D8A:00", power2_label="IO power", power2_input=32 * WATT)
    sample = started(board, clock).read()
    assert (packages(sample), set(meters(sample))) == ({}, {"apm-xgene-IO-power"})


def test_the_chips_of_a_power_machine_and_their_memory(board: Board, clock: Any) -> None:
    files: dict[str, object] = {}
    shown = [
        ("System", 400), ("Chip 0 ", 60), ("Chip 0 Vdd", 30), ("Chip 0 Memory", 20), ("Chip 0 GPU", 80),
        ("Chip 8 ", 70), ("Chip 8 Memory", 25),
    ]  # fmt: skip
    for number, (label, watts) in enumerate(shown, 1):
        files |= {f"power{number}_label": label, f"power{number}_input": watts * WATT}
        # Energy is numbered in another order.
        files |= {f"energy{8 - number}_label": label, f"energy{8 - number}_input": watts * 1000 * WATT}
    board.chip(0, "ibmpowernv", "ibmpowernv.0", **files)
    sample = started(board, clock).read()
    assert {name: energy // WATT for name, energy in packages(sample).items()} == {
        "package-0": 60_000, "package-8": 70_000, "dram-0": 20_000, "dram-8": 25_000,
    }  # fmt: skip
    assert [r.of.name for r in sample.readings if isinstance(r.of, Meter) and r.of.covers] == [
        "ibmpowernv-System"
    ]
    assert meters(sample)["ibmpowernv-Chip-0-GPU"] == "package-0"
    assert all(isinstance(r, EnergyReading) for r in sample.readings)


def test_the_graphics_of_an_apu_measures_the_cpu_where_rapl_may_not_be_read(
    board: Board, make: Callable[..., SensorSet], clock: Any
) -> None:
    board.chip(3, "amdgpu", "0000:c4:00.0", power1_average=15 * WATT, **APU)
    rapl = Scripted("rapl", clock)
    rapl.power = {Device("cpu", "package-0", "rapl", 0.05): 14 * WATT}
    sensor_set = make(rapl, Hwmon(str(board.root), clock))
    sensor_set.read()
    assert joules(sensor_set, clock, 12) == {"package-0 of rapl": 14 * 60}
    alone = make(Hwmon(str(board.root), clock))
    alone.read()
    assert joules(alone, clock, 12) == {"package-0 of hwmon": 15 * 60}


def test_one_driver_measures_a_package_that_several_show(board: Board, clock: Any) -> None:
    board.chip(
        2, "zenpower", "0000:00:18.3",
        power1_label="SVI2_P_Core", power1_input=9 * WATT, power2_label="SVI2_P_SoC", power2_input=3 * WATT,
    )  # fmt: skip
    sensor = started(board, clock)
    assert packages(sensor.read()) == {"package-0": 12 * WATT}
    board.chip(3, "amdgpu", "0000:c4:00.0", power1_average=15 * WATT, **APU)
    clock.advance(61)
    sensor.read()
    sample = sensor.read()
    assert packages(sample) == {"package-0": 15 * WATT}
    assert meters(sample) == {
        "apu-0000:c4:00.0": "package-0", "zenpower-SVI2-P-Core": "package-0", "zenpower-SVI2-P-SoC": "package-0",
    }  # fmt: skip
    zenergy(board, 4)
    clock.advance(61)
    sensor.read()
    sample = sensor.read()
    assert packages(sample) == {"package-0": 7 * WATT}
    assert values(sample)["apu-0000:c4:00.0"] == 15 * WATT
    board.remove(4)
    unloaded(sensor, "package-0")
    sensor.read()
    clock.advance(61)
    sensor.read()
    assert packages(sensor.read()) == {"package-0": 15 * WATT}


def test_what_another_driver_measures_better_is_shown_beside_it(board: Board, clock: Any) -> None:
    zenergy(board, 1)
    for socket in (0, 1):  # it knows of both sockets
        board.chip(2 + socket, "amd_hsmp_hwmon", f"AMDI0097:0{socket}", power1_input=90 * WATT)
    sample = started(board, clock).read()
    assert packages(sample) == {"package-0": 90 * WATT, "package-1": 90 * WATT}
    assert meters(sample) == {"zenergy-package-0": "package-0"}


@pytest.mark.parametrize(
    ("info", "covers"),
    [
        ("", True),
        ("System Power", True),
        ("CPU Power Socket 1", False),
        ("DIMM power", False),
        ("GPU0", False),
    ],
)
def test_an_acpi_meter_may_say_that_it_is_of_a_part(
    board: Board, clock: Any, info: str, covers: bool
) -> None:
    board.chip(1, "power_meter", "ACPI000D:00", power1_average=99 * WATT, power1_oem_info=info or "")
    of = [r.of for r in started(board, clock).read().readings if isinstance(r.of, Meter)]
    assert bool(of[0].covers) is covers
