"""NVIDIA Grace: the power rails of a socket as devices, its package and its memory.

Rails: https://docs.nvidia.com/grace-perf-tuning-guide/power-thermals.html. "Grace" is the whole socket, "CPU" and
"SysIO" are parts of it, and what is left is memory; "Module" is the superchip with its GPU.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from ...model import Device, Meter, PowerReading
from ..counters import believed

UNCERTAINTY_RATIO = 0.05
MEMORY_UNCERTAINTY_RATIO = 0.1  # a difference
MAX_WATTS = 1000.0  # of a socket and of each of its rails
MODULE_MAX_WATTS = 20_000.0  # with its GPUs

MODULE = "module"  # the superchip, CPU and GPUs: no part of a socket

_RAIL = re.compile(r"^(Module|Grace|CPU|SysIO) Power Socket (\d+)$", re.IGNORECASE)
_PACKAGE = ("cpu", "sysio")


def rail_of(info: str) -> tuple[str, str] | None:
    """(rail, socket) from an ACPI meter's ``power1_oem_info``: ("grace", "0"). None: not a meter of Grace."""
    match = _RAIL.match(info)
    return None if match is None else (match[1].lower(), match[2])


def meter(rail: str, socket: str, source: str) -> Meter:
    """A rail as it is shown beside the devices, and never added to them."""
    if rail == MODULE:
        return Meter(f"module-{socket}", source, None, (), UNCERTAINTY_RATIO, MODULE_MAX_WATTS)
    return Meter(f"{rail}-{socket}", source, f"package-{socket}", (), UNCERTAINTY_RATIO, MAX_WATTS)


class Socket:
    """One socket: which rails it has, whether or not they can be read now, decides what its devices are.

    With all three, cpu and sysio are the package and the rest is memory. Without one of those two the package is the
    whole socket; without "grace" it is what there is of them, and memory is not known.
    """

    def __init__(self, number: str, rails: Collection[str], source: str, idle_watts: float | None) -> None:
        self._parts = [rail for rail in _PACKAGE if rail in rails]
        self._has_whole = "grace" in rails
        self._split = self._has_whole and len(self._parts) == len(_PACKAGE)
        self._package = Device("cpu", f"package-{number}", source, UNCERTAINTY_RATIO, idle_watts, MAX_WATTS)
        self._memory = Device("dram", f"dram-{number}", source, MEMORY_UNCERTAINTY_RATIO, None, MAX_WATTS)

    def readings(self, microwatts: Mapping[str, int], at_ns: int) -> list[PowerReading]:
        """The devices' power from the rails that could be read.

        A device that needs a rail which is missing this time is left out, never made of the others: the package would
        take memory in for a while, which somebody else may count.
        """
        whole = microwatts.get("grace")
        parts = [microwatts[rail] for rail in self._parts if rail in microwatts]
        inner = _total(parts) if len(parts) == len(self._parts) else None
        package = inner if self._split or not self._has_whole else whole
        if package is None:
            return []
        if not self._split or whole is None:
            return [PowerReading(self._package, package, at_ns)]
        package, memory = _divided(whole, package)
        return [PowerReading(self._package, package, at_ns), PowerReading(self._memory, memory, at_ns)]


def _refused(values: Sequence[int]) -> int | None:
    """One of them that cannot be, if there is one. Whoever is made of it gets it as it is, to be refused as well."""
    return next((value for value in values if believed(value, MAX_WATTS) is None), None)


def _total(parts: Sequence[int]) -> int:
    refused = _refused(parts)
    return sum(parts) if refused is None else refused


def _divided(whole: int, inner: int) -> tuple[int, int]:
    """(package, memory) of a socket."""
    refused = _refused((inner, whole))
    if refused is not None:
        return inner, refused
    inner = min(inner, whole)  # the rails are not read at one moment
    return inner, whole - inner
