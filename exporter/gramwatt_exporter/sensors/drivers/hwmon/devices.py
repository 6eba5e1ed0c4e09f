"""Devices made of several channels, and which driver measures the CPU's packages where several do.

A Ryzen may show its package three times: by zenergy, as the PPT of its graphics, by the regulators that zenpower reads.
One of them counts, the others are shown as meters.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from ....model import Component, Device, EnergyReading, Meter, PowerReading, Reading
from ...counters import believed
from .. import grace
from . import rails as hwmon_rails
from .channel import Channel

# Counters before power, the package's own meter before one that its firmware models, regulators last.
_PREFERRED = (
    "amd_energy",
    "zenergy",
    "amd_hsmp_hwmon",
    "fam15h_power",
    "grace",
    "apm_xgene",
    "ibmpowernv",
    "amdgpu",
    "rail",
    "zenpower",
)
_UNCERTAINTY_RATIO = {"zenpower": 0.15}  # without the losses and the rails that are not of cores and SoC
_MAX_WATTS = 1000.0
_MODULE_MAX_WATTS = 20_000.0

Values = Mapping[Channel, int]


class Whole(Protocol):
    """What is made of channels: the driver family, and readings from the values of this tick."""

    family: str
    members: Sequence[Channel]
    packages: int  # how many packages of a CPU it is

    def readings(self, values: Values, at_ns: int) -> Sequence[Reading]: ...


class Sum:
    """A device or meter that is the sum of its members. While one of them cannot be read there is no sum."""

    def __init__(self, family: str, of: Device | Meter, members: Sequence[Channel]) -> None:
        self.family = family
        self.members = members
        self.packages = int(isinstance(of, Device) and of.component == "cpu")
        self.of = of

    def readings(self, values: Values, at_ns: int) -> Sequence[Reading]:
        """The sum of what the members show; a value that is refused is handed on, to be refused of the sum as well."""
        shown = [values[member] for member in self.members if member in values]
        if len(shown) < len(self.members):
            return []
        if all(member.energy for member in self.members):
            return [EnergyReading(self.of, sum(shown), at_ns)]
        if any(member.energy for member in self.members):
            return []  # nothing adds joules to watts
        refused = next((value for value in shown if believed(value, self.of.max_watts) is None), None)
        return [PowerReading(self.of, sum(shown) if refused is None else refused, at_ns)]


class GraceSocket:
    """A socket of NVIDIA Grace by its rails."""

    family = "grace"
    packages = 1

    def __init__(
        self, number: str, members: Sequence[Channel], source_name: str, idle_watts: float | None
    ) -> None:
        self.members = members
        self._rails = {member: member.part.name for member in members if member.part is not None}
        self._socket = grace.Socket(number, set(self._rails.values()), source_name, idle_watts)

    def readings(self, values: Values, at_ns: int) -> Sequence[Reading]:
        """Its package and its memory."""
        rails = {rail: values[member] for member, rail in self._rails.items() if member in values}
        return self._socket.readings(rails, at_ns)


class Wholes:
    """The devices that the channels make together, by what exists, whether or not it can be read now."""

    def __init__(
        self, channels: Sequence[Channel], source_name: str, idle_watts: float | None, preferred_so_far: str
    ) -> None:
        self._source, self._idle_watts = source_name, idle_watts
        present = {channel.part for channel in channels if channel.gone_ns is None}
        # One that went away is missing from what it is a part of, unless it stands elsewhere now.
        found = [c for c in channels if c.part is not None and (c.gone_ns is None or c.part not in present)]
        self._all: list[Whole] = [*self._numbered(found), *self._rails(found)]
        self.family = self._family(found, preferred_so_far)
        self.aside = {
            channel: _beside(channel)
            for channel in found
            if isinstance(channel.of, Device)
            and channel.part is not None
            and channel.part.family != self.family
        }
        counted = [whole for whole in self._all if not whole.packages or whole.family == self.family]
        self.counted: Sequence[Whole] = counted
        self.members = {member for whole in counted for member in whole.members}

    def _numbered(self, channels: Iterable[Channel]) -> list[Whole]:
        """Sockets of Grace and packages of several parts."""
        groups: dict[tuple[str, str], list[Channel]] = {}
        for channel in channels:
            part = channel.part
            if part is not None and part.family != "rail" and isinstance(channel.of, Meter):
                groups.setdefault((part.family, part.number), []).append(channel)
        made: list[Whole] = []
        for (family, number), members in groups.items():
            if family == "grace":
                made.append(GraceSocket(number, members, self._source, self._idle_watts))
                continue
            parts: dict[str, list[Channel]] = {}
            for member in members:
                assert member.part is not None
                parts.setdefault("memory" if member.part.name == "memory" else "package", []).append(member)
            package, memory = parts.get("package", []), parts.get("memory", [])
            if any(member.part is not None and member.part.name != "io" for member in package):
                made.append(self._sum(family, "cpu", f"package-{int(number)}", package))
            if memory:
                made.append(self._sum(family, "dram", f"dram-{int(number)}", memory))
        return made

    def _rails(self, channels: Iterable[Channel]) -> list[Whole]:
        """Components by their rails; a module's total where no rail feeds all of it."""
        rails = [(c, c.part.name) for c in channels if c.part is not None and c.part.family == "rail"]
        made: list[Whole] = []
        names: dict[Component, str] = {"cpu": "package-0", "gpu": "gpu-0", "dram": "dram-0"}
        for component, name in names.items():
            members = hwmon_rails.members(rails, component)
            if members:
                made.append(self._sum("rail", component, name, members))
        if any(hwmon_rails.is_system(rail) for _, rail in rails) and not any(
            hwmon_rails.is_around(rail) for _, rail in rails
        ):
            members = [channel for channel, rail in rails if not hwmon_rails.is_counted_elsewhere(rail)]
            module = Meter(
                "module", self._source, None, ("cpu", "dram", "gpu"), hwmon_rails.UNCERTAINTY_RATIO,
                _MODULE_MAX_WATTS,
            )  # fmt: skip
            made.append(Sum("rail", module, members))
        return made

    def _sum(self, family: str, component: Component, name: str, members: Sequence[Channel]) -> Sum:
        ratio = _UNCERTAINTY_RATIO.get(family, 0.1)
        return Sum(
            family, Device(component, name, self._source, ratio, self._idle_watts, _MAX_WATTS), members
        )

    def _family(self, channels: Iterable[Channel], preferred_so_far: str) -> str:
        """The drivers that measure the most packages, of several the preferred ones; "" for none."""
        packages: dict[str, int] = {}
        for whole in self._all:
            if whole.packages and all(member.fd >= 0 for member in whole.members):
                packages[whole.family] = packages.get(whole.family, 0) + 1
        for channel in channels:
            if isinstance(channel.of, Device) and channel.part is not None and channel.fd >= 0:
                family = channel.part.family
                packages[family] = packages.get(family, 0) + 1
        if not packages:
            return preferred_so_far
        return min(packages, key=lambda family: (-packages[family], _rank(family)))


def _rank(family: str) -> int:
    """The place in the order; a counter of a driver that is not known here comes first."""
    return _PREFERRED.index(family) if family in _PREFERRED else -1


def _beside(channel: Channel) -> Meter:
    """A package that another driver measures, as a meter."""
    of, part = channel.of, channel.part
    assert isinstance(of, Device)
    assert part is not None
    name = f"{part.family}-{of.name}"
    return Meter(name, of.source, of.name, (), of.uncertainty_ratio, of.max_watts)
