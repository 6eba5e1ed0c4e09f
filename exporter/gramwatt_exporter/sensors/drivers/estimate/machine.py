"""What a machine says of itself, as far as its power depends on it."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from msgspec import Struct

from . import cpu_table, memory_model
from .frequency import base_mhz
from .identity import Identity, identify_cpu, is_arm_server
from .topology import Topology, read_topology

Kind = Literal["server", "desktop", "laptop", "board"]
_SERVER = re.compile(r"xeon|epyc|opteron|platinum|\bgold \d|itanium|power\d", re.IGNORECASE)
_DESKTOP = re.compile(
    r"\bcore\b|core\(tm\)|ryzen|threadripper|pentium|celeron|athlon|phenom|\bfx-|\ba\d+-|\bn\d{2,3}\b|atom",
    re.IGNORECASE,
)
# Opterons that codecarbon's table lacks, by the letters after the number (AMD's OPN guide).
_OPTERON_TDP = {"ee": 60.0, "he": 79.0, "se": 137.0, "": 115.0}


class Machine(Struct, frozen=True):
    """None: the machine does not show it."""

    identity: Identity
    topology: Topology
    kind: Kind
    guest: bool
    mhz: float | None
    memory_bytes: int | None
    tdp_watts: float | None  # of one package
    tdp_how: str  # "TDP of Intel Xeon Gold 6252 (exact)", "configured TDP", ""
    memory_watts: float | None = None  # of a machine that is no guest
    memory_how: str = ""


def read_machine(
    procfs: Path, sysfs: Path, tdp_watts: float | None = None, cpus: Iterable[int] = ()
) -> Machine:
    """Reads procfs and sysfs once. Everything may be missing. ``tdp_watts`` is what a person configured."""
    cpuinfo = _text(procfs / "cpuinfo")
    identity = identify_cpu(cpuinfo)
    size = memory_bytes(_text(procfs / "meminfo"))
    guest = memory_model.is_guest(cpuinfo, procfs, sysfs)
    kind = _kind(identity, cpuinfo, procfs, sysfs)
    tdp, how = _limited(*_tdp(identity.model, tdp_watts), sysfs)
    generation = memory_model.generation_of(identity.year, identity.table_class)
    watts, memory_how = (
        memory_model.watts(size, cpuinfo, procfs, sysfs, generation) if size and not guest else (None, "")
    )
    return Machine(
        identity,
        read_topology(cpuinfo, sysfs, cpus),
        kind,
        guest,
        base_mhz(identity.model, cpuinfo, sysfs),
        size,
        tdp,
        how,
        watts,
        memory_how,
    )


def portable_machine(
    identity: Identity, cpus: Iterable[int], size: int, tdp_watts: float | None = None
) -> Machine:
    """Of a system without procfs, by what psutil and the system's own commands say."""
    cpuinfo = f"model name : {identity.model}\n"
    nowhere = Path(os.devnull)
    kind: Kind = "laptop" if "Apple M" in identity.model else _kind(identity, cpuinfo, nowhere, nowhere)
    tdp, how = _tdp(identity.model, tdp_watts)
    watts, memory_how = memory_model.watts(size, cpuinfo, nowhere, nowhere)
    topology = Topology({0: frozenset(cpus)}, 0)
    return Machine(identity, topology, kind, False, None, size or None, tdp, how, watts, memory_how)


def memory_bytes(meminfo: str) -> int | None:
    """Of procfs/meminfo. What the kernel and firmware keep for themselves is a few percent."""
    match = re.search(r"^MemTotal:\s*(\d+) kB", meminfo, re.MULTILINE)
    return int(match[1]) * 1024 if match and int(match[1]) else None


def _tdp(model: str, configured: float | None) -> tuple[float | None, str]:
    if configured is not None:
        return configured, "configured TDP"
    path = cpu_table.table_path()
    match = cpu_table.look_up(model, cpu_table.rows(path)) if path is not None and model else None
    if match is not None:
        return match.watts, f"TDP of {match.name} ({match.how})"
    opteron = re.search(
        r"opteron\D* \d{4} ?(ee|he|se)?", model.lower().replace("(r)", "").replace("processor", "")
    )
    if opteron is not None:
        return _OPTERON_TDP[opteron[1] or ""], "TDP usual for its line"
    return None, ""


def _limited(tdp: float | None, how: str, sysfs: Path) -> tuple[float | None, str]:
    """What powercap lets a package draw for long, which can be read where its energy can't, if it is less."""
    for zone in sorted((sysfs / "class/powercap").glob("*:*")):
        if _text(zone / "name").strip().startswith("package"):
            with contextlib.suppress(ValueError):
                watts = int(_text(zone / "constraint_0_power_limit_uw")) / 1e6
                if 1 <= watts < 2000 and (tdp is None or watts < tdp):
                    return watts, "powercap's limit"
    return tdp, how


def _kind(identity: Identity, cpuinfo: str, procfs: Path, sysfs: Path) -> Kind:
    if identity.vendor == "arm" and is_arm_server(identity.architecture):
        return "server"
    if memory_model.board_of(cpuinfo, procfs, sysfs):
        return "laptop" if identity.architecture == "apple" else "board"
    if memory_model.is_laptop(sysfs) or memory_model.is_laptop_cpu(cpuinfo):
        return "laptop"
    if not identity.model and not identity.vendor:
        return "desktop"  # what nothing is known of
    if _SERVER.search(identity.model) or not _DESKTOP.search(identity.model):
        return "server"
    return "desktop"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
