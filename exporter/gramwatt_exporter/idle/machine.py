"""The class of this machine's CPU packages, from its CPU's numbers, what powercap says they may draw, and a table.

The table (classes.json) is made by exporter/tools/idle_classes.py.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from ..model import Device
from .classes import ANY, IdleClass
from .microarchitecture import Cpu, identify

_NUMBER = re.compile(r"package-(\d+)(?:-die-\d+)?")
TABLE = "classes.json"
# A package draws more or less than its long-term limit at full load (0.6 to 1.1 times, by the work).
_LIMIT_SIGMA = 0.3
_PACKAGE_SIGMA = 0.2  # the classes are of servers, and packages differ from each other as these do not
_THREAD_SIGMA = 0.5  # of a full package by its threads alone


class MachineClasses:
    """Reads the machine once. Everything may be missing: then the class is that of servers as a whole."""

    def __init__(self, procfs: str, sysfs: str) -> None:
        self._sysfs = Path(sysfs)
        self.cpu = _identify(Path(procfs))
        self._class = class_of(self.cpu)
        self._limits = self._package_limits()
        self.packages = self._packages()
        self._of: dict[str, IdleClass] = {}

    def of(self, device: Device) -> IdleClass | None:
        """The class of a CPU package; None for devices whose power the load of this machine does not explain: others,
        and recorded ones that are replayed."""
        if device.component != "cpu" or device.source == "replay":
            return None
        known = self._of.get(device.name)
        if known is None:
            known = self._of[device.name] = self._full(device)
        return known

    def _full(self, device: Device) -> IdleClass:
        limit = self._limits.get(device.name)
        if limit is not None:
            return msgspec.structs.replace(self._class, full_watts=limit, full_sigma=_LIMIT_SIGMA)
        threads = len(self.packages.get(package_number(device) or 0, ()))
        each = self._class.full_watts
        full = each * threads if each is not None and threads else None
        return msgspec.structs.replace(self._class, full_watts=full)

    def _package_limits(self) -> Mapping[str, float]:
        """Watts of powercap's long-term limit by the zone's name."""
        limits: dict[str, float] = {}
        for zone in sorted((self._sysfs / "class/powercap").glob("*:*")):
            with contextlib.suppress(OSError, ValueError):
                name = (zone / "name").read_text().strip()
                watts = int((zone / "constraint_0_power_limit_uw").read_text()) / 1e6
                if name.startswith("package-") and 0 < watts < 2000:
                    limits.setdefault(name, watts)
        return limits

    def _packages(self) -> Mapping[int, frozenset[int]]:
        """CPU numbers by package; empty where the kernel does not say."""
        packages: dict[int, set[int]] = {}
        for folder in (self._sysfs / "devices/system/cpu").glob("cpu[0-9]*"):
            with contextlib.suppress(OSError, ValueError):
                package = int((folder / "topology/physical_package_id").read_text())
                packages.setdefault(max(0, package), set()).add(int(folder.name[3:]))
        return {package: frozenset(cpus) for package, cpus in sorted(packages.items())}


def package_number(device: Device) -> int | None:
    """The package a device is, by its name; None where the name does not say."""
    match = _NUMBER.fullmatch(device.name)
    return int(match[1]) if match else None


def _identify(procfs: Path) -> Cpu:
    with contextlib.suppress(OSError):
        return identify((procfs / "cpuinfo").read_text(encoding="utf-8", errors="replace"))
    return identify("")


def class_of(cpu: Cpu) -> IdleClass:
    """The class of a CPU's package: of its microarchitecture, else of recent ones of its vendor, else of all."""
    table = load_table()
    for name in (cpu.name, cpu.vendor, "any"):
        if name in table:
            return table[name]
    return ANY


def load_table(text: bytes | None = None) -> Mapping[str, IdleClass]:
    """The classes of CPU packages by name; their full power is that of one thread."""
    saved: Mapping[str, Any] = msgspec.json.decode(text or Path(__file__).with_name(TABLE).read_bytes())
    return {name: _package_class(name, entry) for name, entry in saved["classes"].items()}


def _package_class(name: str, entry: Mapping[str, Any]) -> IdleClass:
    curve: Sequence[float] = entry["curve"]
    package = entry["package"]
    return IdleClass(
        name,
        package["share"],
        package["share_sigma"],
        tuple(curve),
        package["shape_sigma"],
        package["watts_per_thread"],
        _THREAD_SIGMA,
        _PACKAGE_SIGMA,
        concave=True,
    )
