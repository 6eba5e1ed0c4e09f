"""What a machine says of itself: topology, frequency, memory, TDP, what kind it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from described_machines import describe
from gramwatt_exporter.sensors.drivers.estimate.machine import Machine, read_machine


def machine(root: Path, **facts: Any) -> Machine:
    return read_machine(*describe(root, **facts))


def write(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{content}\n")


def test_a_server(tmp_path: Path) -> None:
    found = machine(tmp_path)
    assert (found.topology.chips, found.topology.cores, found.topology.threads) == (2, 128, 256)
    assert (found.kind, found.guest, found.mhz, found.tdp_watts) == ("server", False, 2250, 225)
    assert found.memory_bytes == 256 << 30


def test_sysfs_says_what_cpuinfo_leaves_out(tmp_path: Path) -> None:
    proc, sys = tmp_path / "proc", tmp_path / "sys"
    write(
        proc / "cpuinfo",
        "\n\n".join(f"processor\t: {n}\nCPU implementer\t: 0x41\nCPU part\t: 0xd0c" for n in range(8)),
    )
    for cpu in range(8):
        topology = sys / f"devices/system/cpu/cpu{cpu}/topology"
        write(topology / "physical_package_id", cpu // 4)
        write(topology / "core_id", cpu % 4)
    found = read_machine(proc, sys)
    assert (found.topology.chips, found.topology.cores, found.topology.threads) == (2, 8, 8)
    assert found.kind == "server"


def test_sysfs_shows_cpus_that_cpuinfo_cuts_off(tmp_path: Path) -> None:
    proc, sys = describe(tmp_path, chips=1, cores=1, threads=1)
    for cpu in range(8):
        topology = sys / f"devices/system/cpu/cpu{cpu}/topology"
        write(topology / "physical_package_id", cpu // 4)
        write(topology / "thread_siblings_list", f"{cpu // 2 * 2}-{cpu // 2 * 2 + 1}")
    (sys / "devices/system/cpu/cpu9").mkdir()  # off
    text = (proc / "cpuinfo").read_text()
    keys = ("siblings", "cpu cores", "core id", "physical id")
    (proc / "cpuinfo").write_text("\n".join(line for line in text.splitlines() if not line.startswith(keys)))
    found = read_machine(proc, sys)
    assert (found.topology.chips, found.topology.cores, found.topology.threads) == (2, 4, 8)


def test_a_machine_that_shows_nothing(tmp_path: Path) -> None:
    found = read_machine(tmp_path / "proc", tmp_path / "sys")
    assert (found.topology.chips, found.topology.cores, found.topology.threads) == (1, 0, 1)
    assert (found.mhz, found.memory_bytes, found.tdp_watts) == (None, None, None)


@pytest.mark.parametrize(
    ("files", "mhz"),
    [
        ({}, 2250),
        ({"cpufreq/base_frequency": 2_000_000, "cpufreq/cpuinfo_max_freq": 3_400_000}, 2000),
        ({"acpi_cppc/nominal_freq": 2245, "cpufreq/cpuinfo_max_freq": 3_400_000}, 2245),
        ({"cpufreq/scaling_driver": "acpi-cpufreq", "cpufreq/cpuinfo_max_freq": 2_250_000}, 2250),
        # What the kernel scales, "cpu MHz" does not say: it is the frequency of this moment.
        ({"cpufreq/scaling_driver": "amd-pstate", "cpufreq/cpuinfo_max_freq": 3_400_000}, None),
    ],
)
def test_base_frequency(tmp_path: Path, files: dict[str, object], mhz: float | None) -> None:
    _, sys = describe(tmp_path)
    for name, content in files.items():
        write(sys / "devices/system/cpu/cpu0" / name, content)
    assert read_machine(tmp_path / "proc", sys).mhz == mhz


def test_a_package_that_powercap_limits_draws_no_more(tmp_path: Path) -> None:
    proc, sys = describe(tmp_path)
    zone = sys / "class/powercap/intel-rapl:0"
    write(zone / "name", "package-0")
    write(zone / "constraint_0_power_limit_uw", 180_000_000)
    assert read_machine(proc, sys).tdp_watts == 180
    write(zone / "constraint_0_power_limit_uw", 400_000_000)
    assert read_machine(proc, sys).tdp_watts == 225


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Intel(R) Xeon(R) E-2388G CPU @ 3.20GHz", "server"),
        ("AMD Ryzen 9 7950X 16-Core Processor", "desktop"),
        ("13th Gen Intel(R) Core(TM) i7-13700K", "desktop"),
        ("11th Gen Intel(R) Core(TM) i5-1135G7 @ 2.40GHz", "laptop"),
        ("AMD EPYC", "server"),
        ("", "server"),
    ],
)
def test_kinds(tmp_path: Path, name: str, kind: str) -> None:
    assert machine(tmp_path, name=name, numbers=None, chips=1, cores=8, threads=16).kind == kind


@pytest.mark.slow
def test_a_raspberry_pi_is_a_board(tmp_path: Path) -> None:
    entry = "processor\t: {}\nCPU implementer\t: 0x41\nCPU part\t: 0xd0b\n"
    text = "\n".join(entry.format(cpu) for cpu in range(4)) + "\nModel\t\t: Raspberry Pi 5 Model B Rev 1.0\n"
    write(tmp_path / "proc/cpuinfo", text)
    write(tmp_path / "proc/meminfo", "MemTotal:        8256100 kB")
    found = read_machine(tmp_path / "proc", tmp_path / "sys")
    assert (found.kind, found.identity.architecture) == ("board", "cortex-a76")
