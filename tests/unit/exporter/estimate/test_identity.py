"""Which class a CPU is of: by its numbers, by its name, or only vendor and year."""

from __future__ import annotations

import pytest
from gramwatt_exporter.sensors.drivers.estimate.identity import identify_cpu
from gramwatt_exporter.sensors.drivers.estimate.names import class_by_name, frequency_in, plain


def cpuinfo(vendor: str, name: str, numbers: tuple[int, int, int] | None) -> str:
    lines = [f"processor\t: 0\nvendor_id\t: {vendor}"]
    if numbers:
        lines.append(f"cpu family\t: {numbers[0]}\nmodel\t\t: {numbers[1]}\nstepping\t: {numbers[2]}")
    return "\n".join([*lines, f"model name\t: {name}", "", "processor\t: 1"])


@pytest.mark.parametrize(
    ("vendor", "name", "numbers", "found"),
    [
        ("AuthenticAMD", "AMD EPYC Processor", (23, 49, 0), ("epyc-gen2", "epyc-gen2", 2019)),
        ("AuthenticAMD", "AMD EPYC", (26, 2, 1), ("zen5", "", 2024)),
        ("AuthenticAMD", "AMD EPYC 9654 96-Core Processor", (25, 17, 1), ("zen4", "", 2022)),
        ("AuthenticAMD", "AMD Ryzen 7 5800X 8-Core Processor", (25, 33, 0), ("epyc-gen3", "epyc-gen3", 2021)),
        ("HygonGenuine", "Hygon C86 7185 32-core Processor", (24, 0, 1), ("dhyana", "epyc-gen1", 2018)),
        ("GenuineIntel", "Intel(R) Xeon(R) Processor @ 2.60GHz", (6, 143, 8), ("sapphirerapids", "", 2023)),
        (
            "GenuineIntel",
            "Intel Xeon Processor (Cascadelake)",
            (6, 85, 6),
            ("cascadelake", "cascadelake", 2019),
        ),
        ("GenuineIntel", "13th Gen Intel(R) Core(TM) i7-13700K", (6, 183, 1), ("raptorlake", "", 2022)),
        ("GenuineIntel", "Intel(R) Xeon(TM) CPU 3.40GHz", (15, 4, 3), ("netburst", "netburst", 2005)),
        (
            "GenuineIntel",
            "Intel(R) Xeon(R) Gold 6252 CPU @ 2.10GHz",
            None,
            ("cascadelake", "cascadelake", 2019),
        ),
        ("GenuineIntel", "a CPU of 2040", (6, 250, 1), ("", "", None)),
        ("AuthenticAMD", "", None, ("", "", None)),
    ],
)
def test_x86(
    vendor: str, name: str, numbers: tuple[int, int, int] | None, found: tuple[str, str, int | None]
) -> None:
    identity = identify_cpu(cpuinfo(vendor, name, numbers))
    assert (identity.architecture, identity.table_class, identity.year) == found
    assert identity.model == name


def test_a_stepping_that_the_host_hides_does_not_win_against_the_name() -> None:
    """Skylake, Cascade Lake and Cooper Lake share model 85."""
    name = "Intel(R) Xeon(R) Platinum 8259CL CPU @ 2.50GHz"
    assert identify_cpu(cpuinfo("GenuineIntel", name, (6, 85, 4))).table_class == "cascadelake"


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ("CPU implementer\t: 0x41\nCPU part\t: 0xd0c", ("arm", "neoverse-n1")),
        ("CPU implementer\t: 0x41\nCPU part\t: 0xd0b", ("arm", "cortex-a76")),
        ("CPU implementer\t: 0x61\nCPU part\t: 0x022", ("arm", "apple")),
        ("CPU implementer\t: 0x99\nCPU part\t: zzz", ("arm", "")),
        ("hart\t\t: 1\nisa\t\t: rv64imafdc", ("", "")),
        ("cpu\t\t: POWER9, altivec supported", ("", "")),
        ("", ("", "")),
    ],
)
def test_others(lines: str, found: tuple[str, str]) -> None:
    identity = identify_cpu(f"processor\t: 0\n{lines}\n")
    assert (identity.vendor, identity.architecture) == found


@pytest.mark.parametrize(
    ("name", "vendor", "found"),
    [
        ("Intel Xeon X5570, 2.933 GHz", "intel", "nehalem"),
        ("Intel Xeon E5-2660V2", "intel", "ivybridge"),
        ("Intel(R) Xeon(R) CPU E5-2699 v3 @ 2.30GHz", "intel", "haswell"),
        ("Intel Xeon E3-1265Lv3", "intel", "haswell"),
        ("Intel E3-1260L v5", "intel", "skylake"),
        ("Intel Xeon E-2388G (Intel Turbo Boost Technology up to 5.1GHz)", "intel", "rocketlake"),
        ("Intel Xeon Platinum 8380HL 2.90 GHz", "intel", "cooperlake"),
        ("Intel(R) Xeon(R) Platinum 8380 CPU @ 2.30GHz", "intel", "icelake"),
        ("Intel Xeon 3.8GHz", "intel", "netburst"),
        ("Intel Xeon processor 5160", "intel", "core"),
        ("Intel(R) Core(TM) i3 CPU 540 @ 3.07GHz", "intel", ""),
        ("Intel Core i3-540", "intel", "nehalem"),
        ("11th Gen Intel(R) Core(TM) i7-11700 @ 2.50GHz", "intel", "rocketlake"),
        ("AMD EPYC 7601 2.20 GHz, Dell SKU [338-BNCG]", "amd", "epyc-gen1"),
        ("AMD EPYC 7R13 Processor", "amd", "epyc-gen3"),
        ("Six-Core AMD Opteron(r) Processor 8425 HE", "amd", "opteron"),
        ("AMD Ryzen Threadripper 3970X 32-Core Processor", "amd", "epyc-gen2"),
        ("QEMU Virtual CPU version 2.5+", "amd", ""),
    ],
)
def test_names(name: str, vendor: str, found: str) -> None:
    assert class_by_name(name, vendor)[0] == found


def test_a_name_is_the_same_however_it_is_spelled() -> None:
    spellings = ["AMD EPYC 7742 2.25GHz", "AMD EPYC 7742 2.25 GHz", "AMD EPYC 7742 64-Core Processor"]
    assert {plain(spelling) for spelling in spellings} == {"amd epyc 7742"}
    assert plain("Intel(R) Xeon(R) CPU E3-1265LV2 @ 2.50GHz") == plain("Intel Xeon E3-1265L v2")


@pytest.mark.parametrize(
    ("name", "mhz"),
    [("Intel(R) Xeon(R) CPU @ 2.20GHz", 2200), ("AMD EPYC 7702 2.0Ghz", 2000), ("AMD EPYC 7702", None)],
)
def test_the_frequency_in_a_name(name: str, mhz: float | None) -> None:
    assert frequency_in(name) == mhz
