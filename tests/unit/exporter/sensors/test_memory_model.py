"""The memory of boards, laptops, servers and guests, where nothing measures it."""

from __future__ import annotations

from pathlib import Path

import pytest
from gramwatt_exporter.sensors.drivers.estimate.memory_model import is_guest, watts

ARM = "processor\t: 0\nBogoMIPS\t: 108.00\nCPU implementer\t: 0x41\nCPU part\t: 0xd0b\n"
RISCV = "processor\t: 0\nhart\t\t: 1\nisa\t\t: rv64imafdc\n"
X86 = "processor\t: 0\nmodel name\t: Intel(R) Core(TM) i7-8700 CPU @ 3.20GHz\nflags\t\t: fpu vme\n"
POWER = "processor\t: 0\ncpu\t\t: POWER9, altivec supported\n"
GB = 1_000_000_000
SODIMM, DIMM, CHIPS, DDR4, LPDDR5 = 0x0D, 0x09, 0x0B, 0x1A, 0x23


class Machine:
    def __init__(self, root: Path) -> None:
        self.proc, self.sys = root / "proc", root / "sys"

    def write(self, path: str, content: bytes) -> None:
        file = self.sys / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)

    def module(self, number: int, form: int, kind: int, megabytes: int) -> None:
        table = bytearray(0x28)
        table[0:2] = 17, 0x28
        table[0x0C:0x0E] = megabytes.to_bytes(2, "little")
        table[0x0E], table[0x12] = form, kind
        self.write(f"firmware/dmi/entries/17-{number}/raw", bytes(table))

    def watts(self, gigabytes: float, cpuinfo: str) -> float:
        return watts(round(gigabytes * GB), cpuinfo, self.proc, self.sys)[0]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_raspberry_pi_has_no_modules(machine: Machine) -> None:
    named = ARM + "Revision\t: d04170\nModel\t\t: Raspberry Pi 5 Model B Rev 1.0\n"
    assert 0.3 <= machine.watts(8.4, named) <= 2
    assert machine.watts(1, named) < machine.watts(16, named) < 2.5


@pytest.mark.parametrize("line", ["Hardware\t: ODROID-XU4", "Model\t\t: Radxa ROCK 5B"])
def test_the_kernel_of_a_board_may_name_it_among_its_cpus(machine: Machine, line: str) -> None:
    assert machine.watts(8, f"{ARM}\n{line}\n") <= 2


def test_a_mac_has_no_modules(machine: Machine) -> None:
    assert machine.watts(8, "model name : Apple M2 Pro") <= 2


@pytest.mark.parametrize("cpuinfo", [ARM, RISCV])
def test_a_device_tree_describes_a_board(machine: Machine, cpuinfo: str) -> None:
    assert machine.watts(8, cpuinfo) == 6  # a server with ACPI: two modules
    machine.write("firmware/devicetree/base/model", b"NVIDIA Jetson AGX Orin Developer Kit\0")
    assert machine.watts(8, cpuinfo) <= 2
    assert machine.watts(64, cpuinfo) <= 6


def test_a_server_with_a_device_tree_has_modules(machine: Machine) -> None:
    machine.write("firmware/devicetree/base/model", b"IBM,9009-42A\0")
    assert machine.watts(256, POWER) == 8 * 3


def test_a_laptop_draws_less_than_a_server(machine: Machine) -> None:
    machine.write("class/dmi/id/chassis_type", b"10\n")
    assert machine.watts(8, X86) <= 2
    assert machine.watts(16, X86) < 3
    machine.write("class/dmi/id/chassis_type", b"23\n")
    assert machine.watts(16, X86) == 6


@pytest.mark.parametrize(
    ("name", "small"),
    [
        ("Intel(R) Core(TM) i7-8550U CPU @ 1.80GHz", True),
        ("11th Gen Intel(R) Core(TM) i5-1135G7 @ 2.40GHz", True),
        ("Intel(R) Core(TM) Ultra 7 155H", True),
        ("AMD Ryzen 7 7840U w/ Radeon 780M Graphics", True),
        ("AMD Ryzen AI 9 HX 370 w/ Radeon 890M", True),
        ("Intel(R) Core(TM) 7 150U", True),
        ("Intel(R) N100", True),
        ("Intel(R) Core(TM) i3-N305", True),
        ("Intel(R) Atom(TM) CPU C3758 @ 2.20GHz", False),
        ("Intel(R) Celeron(R) CPU N3450 @ 1.10GHz", True),
        ("Intel(R) Core(TM) i9-13900K", False),
        ("AMD Ryzen 9 7950X 16-Core Processor", False),
        ("Intel(R) Xeon(R) Gold 6248 CPU @ 2.50GHz", False),
        ("AMD EPYC 7742 64-Core Processor", False),
    ],
)
def test_a_cpu_of_laptops_has_memory_of_laptops(machine: Machine, name: str, small: bool) -> None:
    cpuinfo = X86.replace("Intel(R) Core(TM) i7-8700 CPU @ 3.20GHz", name)
    assert (machine.watts(16, cpuinfo) < 3) is small


def test_modules_are_counted_where_firmware_lists_them(machine: Machine) -> None:
    for number in range(4):
        machine.module(number, DIMM, DDR4, 32_767 if number < 2 else 0)
    assert machine.watts(128, X86) == 6  # two of 64 GB, not a guess of eight
    for number in range(2):
        machine.module(number, SODIMM, DDR4, 16_384)
    for number in (2, 3):
        machine.module(number, DIMM, DDR4, 0)
    assert machine.watts(32, X86) == pytest.approx(4)


def test_memory_on_a_laptops_board(machine: Machine) -> None:
    machine.write("class/dmi/id/chassis_type", b"10\n")
    for number in range(8):
        machine.module(number, CHIPS, LPDDR5, 2048)
    assert machine.watts(16, X86) <= 2


@pytest.mark.parametrize("raw", [b"", b"\x11\x28", b"\xff" * 0x28])
def test_tables_that_say_nothing(machine: Machine, raw: bytes) -> None:
    machine.write("firmware/dmi/entries/17-0/raw", raw)
    assert machine.watts(16, X86) == 6


@pytest.mark.parametrize(
    ("cpuinfo", "files", "guest"),
    [
        (X86, {}, False),
        (X86.replace("vme", "vme hypervisor"), {}, True),
        (X86, {"class/dmi/id/sys_vendor": "QEMU"}, False),  # nested in nothing: the flag is what counts
        (ARM, {}, False),
        (ARM, {"class/dmi/id/sys_vendor": "Amazon EC2", "class/dmi/id/product_name": "m6g.large"}, True),
        (ARM, {"class/dmi/id/sys_vendor": "Amazon EC2", "class/dmi/id/product_name": "a1.metal"}, False),
        (ARM, {"class/dmi/id/sys_vendor": "GIGABYTE", "class/dmi/id/product_name": "R272-P30"}, False),
        (ARM, {"firmware/devicetree/base/model": "linux,dummy-virt\0"}, True),
        (ARM, {"firmware/devicetree/base/model": "Raspberry Pi 4 Model B\0"}, False),
    ],
)
def test_who_is_a_guest(machine: Machine, cpuinfo: str, files: dict[str, str], guest: bool) -> None:
    for path, content in files.items():
        machine.write(path, content.encode())
    assert is_guest(cpuinfo, machine.proc, machine.sys) is guest
