"""How much the memory of a machine draws, by its size and by what kind it is. For where nothing measures it.

Module types are those of SMBIOS (DSP0134, 7.18), which Linux shows in /sys/firmware/dmi/entries, to root only. Boards
with a device tree (Raspberry Pi, Jetson, Apple's) have their memory soldered beside the CPU: a Raspberry Pi 5 with 8 GB
draws 1.8 to 3 W at the wall when it is idle, all of it (geerlingguy/sbc-reviews issue 21).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from msgspec import Struct

WATTS_PER_DIMM = 3.0  # a DDR4 registered module of up to 32 GB in moderate use; an idle one draws about 1.5 W
WATTS_PER_GIGABYTE = 3 / 8  # Crucial's rule of thumb, used by codecarbon as well
# Against a DDR4 module: the voltage fell from 1.8 V (DDR2; fully buffered ones have a chip of 5 W on each) over 1.5 and
# 1.2 V to 1.1 V, while DDR5 has its regulator on the module (JEDEC; Micron's system power calculators).
_BY_GENERATION = {"DDR2": 1.7, "DDR3": 1.2, "DDR4": 1.0, "DDR5": 1.1}
# Beyond 32 GB a module has more dies, of which each has to be refreshed: 64 GB draw 5 W, 128 GB draw 9 W.
_USUAL_GIGABYTES, _WATTS_PER_MORE_GIGABYTE = 32, 1 / 16
# Hosts of guests have large modules, as few as fill their channels: 8 GB (DDR3), 32 GB (DDR4), 64 GB (DDR5).
_GUEST_WATTS_PER_GIGABYTE = {"DDR2": 1.3, "DDR3": 0.45, "DDR4": 0.12, "DDR5": 0.09}
Generation = Literal["DDR2", "DDR3", "DDR4", "DDR5"]
# Unregistered modules of a laptop's size: 1.6 W for 8 GB, 2.4 W for 16 GB.
WATTS_SMALL = 0.8
WATTS_SMALL_PER_GIGABYTE = 0.1
# LPDDR4X and LPDDR5: a controller's worth of interface and what refreshing costs. 0.9 W for 8 GB, 2.3 W for 32 GB, as
# the rail VDDQ_VDD2_1V8AO of a Jetson AGX Orin shows (0.75 to 1.1 W at rest and in use).
WATTS_SOLDERED = 0.4
WATTS_SOLDERED_PER_GIGABYTE = 0.06
_GIGABYTE = 1_000_000_000

_LAPTOPS = {8, 9, 10, 11, 14, 30, 31, 32}  # chassis types of SMBIOS: portable, laptop, notebook, tablet, ...
_LOW_POWER_TYPES = {0x1B, 0x1C, 0x1D, 0x1E, 0x23}  # LPDDR to LPDDR5
_SOLDERED_FORMS = {0x05, 0x0B}  # chip, row of chips
_SMALL_FORM = 0x0D  # SODIMM
_GENERATIONS: dict[int, Generation] = {
    0x13: "DDR2", 0x14: "DDR2", 0x18: "DDR3", 0x1A: "DDR4", 0x22: "DDR5", 0x23: "DDR5",
}  # fmt: skip
_UNKNOWN_SIZE = 0x7FFF  # the size is in the field of 32 bits, where the table has one
# CPUs that are built into laptops and small computers: i7-8550U, i5-1135G7, Core Ultra 7 155H, Core 7 150U, i3-N305,
# Ryzen 7 7840U, Ryzen AI 9 HX 370, N100.
_LAPTOP_CPU = re.compile(
    r"^model name\s*:.*\b(?:i[3579]-\d{4,5}(?:[UYPH]|H[QKX]|G\d)|i3-N\d{3}|(?:Ultra|Core\(TM\)) \d \d{3}[UHV]"
    r"|Ryzen AI\b.*|Ryzen.* \d{4}(?:U|H[SX]?)|(?:Celeron|Pentium|Core|Processor).* [NJ]\d{2,4}|Intel\(R\) N\d{2,3})\b",
    re.MULTILINE,
)
_APPLE = re.compile(r"^model name\s*: Apple M\d", re.MULTILINE)
_VIRTUAL_BOARD = "linux,dummy-virt"  # of a device tree that QEMU makes
_HYPERVISORS = re.compile(
    r"QEMU|KVM|Amazon EC2|Google|VMware|Xen|OpenStack|Alibaba|innotek|Parallels|Virtual", re.I
)


class Modules(Struct, frozen=True):
    """The memory modules that firmware lists."""

    count: int = 0
    soldered: bool = False
    small: bool = False
    generation: Generation | None = None
    megabytes: int = 0  # of all of them; 0 where firmware does not say


def is_guest(cpuinfo: str, procfs: Path, sysfs: Path) -> bool:
    """Whether this is a virtual machine. Of x86 the CPU says so, of others firmware does."""
    if re.search(r"^flags\s*:.*\bhypervisor\b", cpuinfo, re.MULTILINE):
        return True
    if re.search(r"^flags\s*:", cpuinfo, re.MULTILINE):
        return False
    if board_of(cpuinfo, procfs, sysfs) == _VIRTUAL_BOARD:
        return True
    dmi = sysfs / "class" / "dmi" / "id"
    product = _text(dmi / "product_name")
    return ".metal" not in product and bool(_HYPERVISORS.search(f"{_text(dmi / 'sys_vendor')} {product}"))


def watts(
    size: int, cpuinfo: str, procfs: Path, sysfs: Path, generation: Generation | None = None
) -> tuple[float, str]:
    """Watts of the memory of a machine that is no guest, and where the figure comes from. ``size`` in bytes,
    ``generation`` what the CPU uses, for where firmware does not say it."""
    gigabytes = size / _GIGABYTE
    modules = _modules(sysfs)
    if modules.soldered or _APPLE.search(cpuinfo) or board_of(cpuinfo, procfs, sysfs):
        power = WATTS_SOLDERED + WATTS_SOLDERED_PER_GIGABYTE * gigabytes
        return power, f"{gigabytes:.1f} GB of low-power memory on the board"
    if modules.small or (not modules.count and (is_laptop(sysfs) or is_laptop_cpu(cpuinfo))):
        power = WATTS_SMALL + WATTS_SMALL_PER_GIGABYTE * gigabytes
        return power, f"{gigabytes:.1f} GB in modules of a laptop's size"
    count = modules.count or dimms(size)
    known = modules.generation or generation
    each = dimm_watts((modules.megabytes << 20 if modules.count else size) / count, known)
    how = f"{count} modules" if modules.count else f"a guess of {count} modules"
    return count * each, f"{how} of {each:g} W" + (f", {known}" if known else "")


def dimm_watts(size: float, generation: Generation | None) -> float:
    """Of one registered module of so many bytes in moderate use. Two of 64 GB draw far less than sixteen of 8 GB."""
    more = max(0.0, size / (1 << 30) - _USUAL_GIGABYTES)
    return round((WATTS_PER_DIMM + more * _WATTS_PER_MORE_GIGABYTE) * _BY_GENERATION[generation or "DDR4"], 2)


def guest_watts(size: int, generation: Generation | None) -> float:
    """Of a guest's share of its host's memory; ``size`` in bytes."""
    return size / _GIGABYTE * _GUEST_WATTS_PER_GIGABYTE[generation or "DDR4"]


def generation_of(year: int | None, architecture: str) -> Generation | None:
    """What servers with CPUs of a year use; None where the year is not known."""
    if year is None:
        return None
    if architecture in ("core", "netburst"):
        return "DDR2"
    return "DDR3" if year < 2014 else "DDR4" if year < 2022 else "DDR5"


def is_laptop_cpu(cpuinfo: str) -> bool:
    """Whether a CPU is of a line that is built into laptops and small computers."""
    return bool(_LAPTOP_CPU.search(cpuinfo))


def dimms(size: int) -> int:
    """A guess at the number of memory modules for so many bytes: common ways to populate boards."""
    gigabytes = size / _GIGABYTE
    for limit, count in ((5, 1), (36, 2), (72, 4), (280, 8), (1150, 16)):
        if gigabytes <= limit:
            return count
    return 32


def board_of(cpuinfo: str, procfs: Path, sysfs: Path) -> str:
    """The model of an Arm or RISC-V board that a device tree describes; "" for anything else.

    IBM's POWER servers have a device tree, too, and memory in modules.
    """
    if not re.search(r"^(?:CPU implementer|isa)\s*:", cpuinfo, re.MULTILINE):
        return ""
    for file in (sysfs / "firmware/devicetree/base/model", procfs / "device-tree/model"):
        model = _text(file)
        if model:
            return model
    match = re.search(r"^(?:Model|Hardware)\s*:\s*(.+)$", cpuinfo, re.MULTILINE)
    return match[1].strip() if match else ""


def is_laptop(sysfs: Path) -> bool:
    """By the type of chassis that firmware names."""
    try:
        return int(_text(sysfs / "class/dmi/id/chassis_type")) in _LAPTOPS
    except ValueError:
        return False


def _modules(sysfs: Path) -> Modules:
    """What the entries of type 17 say; nothing where they may not be read."""
    kinds: list[tuple[int, int]] = []
    sizes: list[int] = []
    try:
        entries = sorted((sysfs / "firmware/dmi/entries").glob("17-*"))
        tables = [(entry / "raw").read_bytes() for entry in entries]
    except OSError:
        return Modules()
    for table in tables:
        if len(table) < 0x13 or int.from_bytes(table[0x0C:0x0E], "little") in (0, 0xFFFF):
            continue  # an empty slot, or one of which firmware knows nothing
        kinds.append((table[0x0E], table[0x12]))
        sizes.append(_module_megabytes(table))
    soldered = [form in _SOLDERED_FORMS or kind in _LOW_POWER_TYPES for form, kind in kinds]
    small = [form == _SMALL_FORM for form, _ in kinds]
    generation = _GENERATIONS.get(kinds[0][1]) if kinds else None
    return Modules(
        len(kinds),
        bool(kinds) and all(soldered),
        bool(kinds) and all(small),
        generation,
        sum(sizes) if all(sizes) else 0,
    )


def _module_megabytes(table: bytes) -> int:
    """0 where the table does not say it."""
    size = int.from_bytes(table[0x0C:0x0E], "little")
    if size == _UNKNOWN_SIZE:
        return int.from_bytes(table[0x1C:0x20], "little") & 0x7FFFFFFF
    return size & 0x7FFF if not size & 0x8000 else 1  # else in kilobytes


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip("\0 \t\r\n")
    except OSError:
        return ""
