"""Which class a machine's packages are of, from /proc/cpuinfo and powercap; and busy time by package."""

from __future__ import annotations

from pathlib import Path

import pytest
from gramwatt_exporter.idle import MachineClasses
from gramwatt_exporter.idle.classes import STEPS
from gramwatt_exporter.idle.machine import class_of, load_table, package_number
from gramwatt_exporter.idle.microarchitecture import Cpu, identify
from gramwatt_exporter.model import Device
from gramwatt_exporter.processes.linux.kernel import Kernel

PACKAGE = Device("cpu", "package-0", "rapl", 0.05)


def cpuinfo(vendor: str, family: int, model: int, stepping: int, name: str = "a CPU") -> str:
    return (
        f"processor\t: 0\nvendor_id\t: {vendor}\ncpu family\t: {family}\nmodel\t\t: {model}\n"
        f"model name\t: {name}\nstepping\t: {stepping}\n\nprocessor\t: 1\nmodel\t\t: 1\n"
    )


@pytest.mark.parametrize(
    ("vendor", "family", "model", "stepping", "name"),
    [
        ("GenuineIntel", 6, 85, 4, "skylake"),
        ("GenuineIntel", 6, 85, 7, "cascadelake"),
        ("GenuineIntel", 6, 85, 11, "cooperlake"),
        ("GenuineIntel", 6, 106, 6, "icelake"),
        ("GenuineIntel", 6, 62, 4, "ivybridge"),
        ("GenuineIntel", 6, 158, 9, "kabylake"),
        ("GenuineIntel", 6, 158, 10, "coffeelake"),
        ("AuthenticAMD", 23, 1, 2, "epyc-gen1"),
        ("AuthenticAMD", 23, 49, 0, "epyc-gen2"),
        ("AuthenticAMD", 25, 1, 2, "epyc-gen3"),
        ("AuthenticAMD", 21, 2, 0, "opteron"),
        ("AuthenticAMD", 26, 2, 1, ""),
        ("GenuineIntel", 15, 4, 1, ""),
    ],
)
def test_a_cpu_is_known_by_its_numbers(
    vendor: str, family: int, model: int, stepping: int, name: str
) -> None:
    """A guest shows them where its host hides the name."""
    text = cpuinfo(vendor, family, model, stepping, "AMD EPYC Processor")
    assert identify(text) == Cpu({"G": "intel", "A": "amd"}[vendor[0]], name, "AMD EPYC Processor")


@pytest.mark.parametrize("text", ["", "processor : 0\n", "vendor_id : GenuineIntel\nmodel : x\n", "\0\xff"])
def test_what_says_nothing_is_of_no_microarchitecture(text: str) -> None:
    assert identify(text).name == ""


def test_arm_shows_an_implementer() -> None:
    assert identify("processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd4f\n") == Cpu("arm", "", "")


def test_every_class_is_one() -> None:
    table = load_table()
    assert {"any", "intel", "amd", "epyc-gen2", "skylake"} <= table.keys()
    for of in table.values():
        assert 0 < of.share < 1
        assert len(of.curve) == STEPS + 1
        assert (of.curve[0], of.curve[-1]) == (0, 1)
        assert sorted(of.curve) == list(of.curve)
        assert of.full_watts is not None


@pytest.mark.parametrize(
    ("cpu", "name"),
    [
        (Cpu("amd", "epyc-gen2", ""), "epyc-gen2"),
        (Cpu("amd", "", "AMD EPYC 9755"), "amd"),
        (Cpu("intel", "", ""), "intel"),
        (Cpu("arm", "", ""), "any"),
        (Cpu("", "", ""), "any"),
    ],
)
def test_the_nearest_class_is_taken(cpu: Cpu, name: str) -> None:
    assert class_of(cpu).name == name


def tree(root: Path, packages: dict[int, list[int]], limit: int | None = None) -> MachineClasses:
    for package, cpus in packages.items():
        for cpu in cpus:
            topology = root / "sys/devices/system/cpu" / f"cpu{cpu}" / "topology"
            topology.mkdir(parents=True)
            (topology / "physical_package_id").write_text(f"{package}\n")
    if limit is not None:
        zone = root / "sys/class/powercap/intel-rapl:0"
        zone.mkdir(parents=True)
        (zone / "name").write_text("package-0\n")
        (zone / "constraint_0_power_limit_uw").write_text(f"{limit}\n")
    (root / "proc").mkdir(exist_ok=True)
    (root / "proc/cpuinfo").write_text(cpuinfo("AuthenticAMD", 25, 1, 1))
    return MachineClasses(str(root / "proc"), str(root / "sys"))


def test_before_any_sample_full_load_draws_what_the_package_may(tmp_path: Path) -> None:
    assert tree(tmp_path, {0: [0, 1]}, 180_000_000).of(PACKAGE).full_watts == 180  # type: ignore[union-attr]


def test_without_a_limit_it_draws_by_its_threads(tmp_path: Path) -> None:
    of = tree(tmp_path, {0: [0, 1, 4, 5], 1: [2, 3]}).of(PACKAGE)
    each = load_table()["epyc-gen3"].full_watts
    assert of is not None
    assert each is not None
    assert of.full_watts == pytest.approx(4 * each)


def test_a_machine_that_shows_nothing_has_a_class(tmp_path: Path) -> None:
    machine = MachineClasses(str(tmp_path / "proc"), str(tmp_path / "sys"))
    assert machine.packages == {}
    of = machine.of(PACKAGE)
    assert of is not None
    assert (of.name, of.full_watts) == ("any", None)
    assert machine.of(Device("gpu", "GPU-a", "nvml", 0.05)) is None
    assert machine.of(Device("cpu", "package-0", "replay", 0.05)) is None


@pytest.mark.parametrize(
    ("name", "number"), [("package-1", 1), ("package-0-die-1", 0), ("node-cpu", None), ("package", None)]
)
def test_a_package_is_known_by_its_name(name: str, number: int | None) -> None:
    assert package_number(Device("cpu", name, "rapl", 0.05)) == number


def proc(root: Path, lines: str) -> str:
    (root / "loadavg").write_text("0 0 0 1/9 77\n")
    (root / "meminfo").write_text("MemTotal: 1000 kB\nMemFree: 400 kB\n")
    (root / "stat").write_text(f"cpu  9 0 9 9 0 0 0 0 0 0\n{lines}intr 1 2 3\nctxt 1\nprocesses 5\n")
    return str(root)


CPUS = """cpu0 100 1 10 9 9 1 2 9 0 0
cpu1 200 0 0 9 9 0 0 0 0 0
cpu2 300 0 0 9 9 0 0 0 0 0
cpu11 400 0 0 9 9 0 0 0 0 0
"""


def test_busy_time_of_several_packages_is_read(tmp_path: Path) -> None:
    kernel = Kernel(proc(tmp_path, CPUS), {0: frozenset({0, 2}), 1: frozenset({1, 11})})
    assert list(kernel.read().package_busy_ns) == [4_140_000_000, 6_000_000_000]
    kernel.close()


@pytest.mark.parametrize("packages", [None, {}, {0: frozenset({0, 1, 2, 11})}])
def test_of_one_package_nothing_is_added_up(
    tmp_path: Path, packages: dict[int, frozenset[int]] | None
) -> None:
    kernel = Kernel(proc(tmp_path, CPUS), packages)
    assert list(kernel.read().package_busy_ns) == []
    kernel.close()
