"""A /proc and /sys as a machine of the lists would show them, so that the whole way from cpuinfo to watts is tried."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

# CPU family, model and stepping of a member of each class.
NUMBERS = {
    "netburst": (15, 4, 3), "core": (6, 23, 6), "nehalem": (6, 44, 2), "sandybridge": (6, 45, 7),
    "ivybridge": (6, 62, 4), "haswell": (6, 63, 2), "broadwell": (6, 79, 1), "skylake": (6, 85, 4),
    "cascadelake": (6, 85, 7), "cooperlake": (6, 85, 11), "icelake": (6, 106, 6), "kabylake": (6, 158, 9),
    "coffeelake": (6, 158, 10), "rocketlake": (6, 167, 1), "opteron": (16, 9, 1), "epyc-gen1": (23, 1, 2),
    "epyc-gen2": (23, 49, 0), "epyc-gen3": (25, 1, 1), "zen4": (25, 160, 2),
}  # fmt: skip
_ENTRY = """processor\t: {cpu}
vendor_id\t: {vendor}
cpu family\t: {family}
model\t\t: {model}
model name\t: {name}
stepping\t: {stepping}
cpu MHz\t\t: {mhz:.3f}
physical id\t: {chip}
siblings\t: {siblings}
core id\t\t: {core}
cpu cores\t: {each}
flags\t\t: fpu vme sse ht

"""


def write_tree(
    folder: Path,
    name: str,
    vendor: str,
    numbers: tuple[int, int, int],
    chips: int,
    cores: int,
    threads: int,
    mhz: float = 0,
    memory_gb: float = 0,
) -> tuple[Path, Path]:
    """procfs and sysfs."""
    proc, sys = folder / "proc", folder / "sys"
    proc.mkdir(parents=True, exist_ok=True)
    each, siblings = cores // chips, threads // chips
    entries, stat = [], ["cpu  0 0 0 0 0 0 0 0 0 0"]
    for cpu in range(threads):
        chip, place = cpu % chips, cpu // chips
        entries.append(
            _ENTRY.format(
                cpu=cpu, vendor={"intel": "GenuineIntel", "amd": "AuthenticAMD"}[vendor], family=numbers[0],
                model=numbers[1], name=name, stepping=numbers[2], mhz=mhz, chip=chip, siblings=siblings,
                core=place % each, each=each,
            )
        )  # fmt: skip
        stat.append(f"cpu{cpu} 0 0 0 0 0 0 0 0 0 0")
    text = "".join(entries)
    (proc / "cpuinfo").write_text(text if mhz else text.replace("cpu MHz\t\t: 0.000\n", ""))
    (proc / "stat").write_text("\n".join([*stat, ""]))
    if memory_gb:
        (proc / "meminfo").write_text(f"MemTotal:       {int(memory_gb * 0.98 * 1024 * 1024)} kB\n")
    sys.mkdir(exist_ok=True)
    return proc, sys


def of_server(folder: Path, row: Mapping[str, str], name: str) -> tuple[Path, Path]:
    """Of a row of SPECpower whose class has this name."""
    cores, threads = int(row["cores"]), int(row["threads"])
    return write_tree(
        folder, row["cpu"], row["make"], NUMBERS[name], int(row["chips"]), cores,
        threads if threads <= 2 * cores else cores, float(row["mhz"]), float(row["memory_gb"]),
    )  # fmt: skip
