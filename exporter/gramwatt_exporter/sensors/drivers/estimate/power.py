"""Watts of a machine without a meter, by component, at eleven loads, with one sigma. Pure.

Servers and machines with CPUs of their kinds: the wall power of the fitted table. The package is the part of it that
powercap would show, memory is modelled by its modules, and ``other`` is the rest: fans, disks, the board, and what the
power supply loses. Of desktops, laptops and boards there is no such list: their package draws its thermal design power,
and the rest is a few watts; their sigma is wide.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from msgspec import Struct

from . import memory_model
from .machine import Machine
from .package import package_sigma, package_watts, small_share
from .table import LOADS, ClassFit, Table, at, region, wall_watts

_GIGABYTE = 1 << 30
# Of the wall power at least so much is neither package nor memory: what a power supply of 94 % loses.
LEAST_OTHER = 0.06
# A TDP that is not known, by cores: Xeons of one generation have 70 W with 4, 105 W with 14, 205 W with 28 cores.
_LEAST_TDP, _TDP_BY_CORES = 15.0, 0.6
# One sigma of what the package and memory need, when that is more than the wall power of the class leaves them.
_NEED_SIGMA = 0.3
# Of the wall power at rest, memory draws at most so much.
MOST_MEMORY = 0.35
# What is not known of the host of a guest: how many chips it has, how full it is, and who else is on it.
GUEST_SIGMA = 0.25
# A feature that had to be taken as typical.
MISSING_SIGMA = {"tdp": 0.08, "mhz": 0.05, "memory": 0.08, "cores": 0.1}
# Of machines for which there is no list of measured ones: watts of the rest, what the supply loses, the package's share
# at idle, sigma by region. Desktop: board, disk and fan 15 W, a supply of 85 %. Laptop: 3 W without its screen.
# Board: a Raspberry Pi 5 draws 2.7 W at rest and 8 W at full load, of which 1 W is neither its CPU nor its memory
# (geerlingguy/sbc-reviews).
_RESTS = {
    "desktop": (15.0, 0.15, 0.21, (0.4, 0.4, 0.35, 0.35)),
    "laptop": (3.0, 0.12, 0.12, (0.5, 0.5, 0.45, 0.45)),
    "board": (1.0, 0.1, 0.2, (0.4, 0.4, 0.35, 0.35)),
}
# Watts of a busy core of a board's CPU.
_CORE_WATTS = {
    "cortex-a35": 0.3, "cortex-a53": 0.5, "cortex-a55": 0.5, "cortex-a57": 1.4, "cortex-a72": 1.0,
    "cortex-a73": 1.1, "cortex-a75": 1.3, "cortex-a76": 1.4, "cortex-a78ae": 1.5, "carmel": 2.0,
}  # fmt: skip
_ANY_CORE_WATTS = 1.0


class Power(Struct, frozen=True):
    """Watts of the whole machine at the loads 0, 0.1 ... 1, and sigma by region (see table.py)."""

    cpu: tuple[float, ...]
    dram: float
    other: tuple[float, ...]
    sigma: tuple[float, float, float, float]  # of the sum
    cpu_sigma: tuple[float, float, float, float]
    how: str  # for a person: where it is from
    missing: tuple[str, ...] = ()  # features that had to be taken as typical

    def at(self, load: float) -> Point:
        """At a load of 0..1."""
        place = region(load)
        cpu, other = at(self.cpu, load), at(self.other, load)
        return Point(load, cpu, self.dram, other, self.sigma[place], self.cpu_sigma[place])


class Point(Struct, frozen=True):
    """Watts at one load."""

    load: float
    cpu: float
    dram: float
    other: float
    sigma_ratio: float
    cpu_sigma_ratio: float

    @property
    def wall(self) -> float:
        """The sum."""
        return self.cpu + self.dram + self.other


def power_of(machine: Machine, table: Table) -> Power:
    """What the machine draws."""
    if machine.guest:
        return _of_share(machine, table)
    # Intel's small Xeons are its desktop CPUs under another name, and among the servers of the list. AMD's are not.
    listed = machine.identity.vendor == "intel" and machine.identity.table_class in table.classes
    if machine.kind == "server" or (machine.kind == "desktop" and listed):
        return _of_server(machine, table)
    return _of_other_kind(machine)


def class_of(machine: Machine, table: Table) -> tuple[str, ClassFit]:
    """The class of the table; of its vendor where the CPU is newer than the table; else of all recent ones."""
    for name in (machine.identity.table_class, machine.identity.vendor, "any"):
        if name in table.classes:
            return name, table.classes[name]
    raise ValueError("the table has no class 'any'")


# --- servers


def _of_server(machine: Machine, table: Table) -> Power:
    name, fit = class_of(machine, table)
    features, missing = _features(machine, fit)
    wall = wall_watts(fit, features)
    dram = machine.memory_watts or _memory_watts(machine, features["memory"]) * features["chips"]
    cpu = package_watts(fit, features, table.package, machine.identity.vendor)
    sigma = _wider(fit.sigma, [MISSING_SIGMA[feature] for feature in missing])
    own_sigma = package_sigma(sigma, features, table.package)
    return _composed(wall, cpu, dram, sigma, own_sigma, small_share(features), _how(name, fit), missing)


def _features(machine: Machine, fit: ClassFit) -> tuple[dict[str, float], tuple[str, ...]]:
    topology = machine.topology
    typical = fit.typical
    chips = topology.chips
    cores = topology.cores / chips if topology.cores else topology.threads / chips / typical["threads"]
    found: dict[str, float | None] = {
        "cores": max(1.0, cores),
        "memory": machine.memory_bytes / _GIGABYTE / chips if machine.memory_bytes else None,
        "mhz": machine.mhz,
        "tdp": machine.tdp_watts,
    }
    missing = tuple(name for name, value in found.items() if value is None)
    features = {name: typical[name] if value is None else value for name, value in found.items()}
    size = features["cores"] / typical["cores"]
    if machine.tdp_watts is None:  # of one generation, packages of fewer cores may draw less
        features["tdp"] = max(_LEAST_TDP, typical["tdp"] * size**_TDP_BY_CORES)
    if machine.memory_bytes is None and size < 1:
        features["memory"] = typical["memory"] * size
    return {"chips": float(chips), **features}, missing


def _composed(
    wall: Sequence[float],
    cpu: Sequence[float],
    dram: float,
    sigma: tuple[float, float, float, float],
    cpu_sigma: tuple[float, float, float, float],
    small: float,
    how: str,
    missing: tuple[str, ...],
) -> Power:
    """Components that sum to the wall's power; the package and memory leave something to the rest.

    Full load is the wall's: no package draws more than that. Where at less load the package needs more than the class
    draws at the wall, both are estimates: the sum lies between them, each weighted by its variance. On a small machine
    the package is most of the wall power, and what it needs holds.
    """
    dram = min(dram, MOST_MEMORY * wall[0])
    idle, full = cpu[0], max(cpu[0], wall[-1] * (1 - LEAST_OTHER) - dram)
    if cpu[-1] > full:
        cpu = [idle + (c - idle) * (full - idle) / (cpu[-1] - idle) for c in cpu]
    sums = []
    for load, own, package in zip(LOADS, wall, cpu, strict=True):
        need = (package + dram) / (1 - LEAST_OTHER)
        sums.append(own + max(0.0, need - own) * max(small, _weight(sigma[region(load)])))
    fitting = tuple(min(c, w * (1 - LEAST_OTHER) - dram) for c, w in zip(cpu, sums, strict=True))
    other = tuple(w - c - dram for w, c in zip(sums, fitting, strict=True))
    return Power(fitting, dram, other, sigma, cpu_sigma, how, missing)


def _weight(sigma: float) -> float:
    """Of what is needed, beside an estimate of this sigma."""
    return sigma**2 / (sigma**2 + _NEED_SIGMA**2)


def _how(name: str, fit: ClassFit) -> str:
    if name in ("amd", "intel", "any"):
        vendors = {"amd": "AMD's", "intel": "Intel's", "any": "all"}
        return f"a CPU that the table lacks, from {vendors[name]} of {fit.years[0]} and later"
    return f"{fit.machines} servers of class {name} in SPECpower"


def _wider(
    sigma: tuple[float, float, float, float], more: Sequence[float]
) -> tuple[float, float, float, float]:
    a, b, c, d = (math.hypot(each, *more) for each in sigma)
    return a, b, c, d


def _memory_watts(machine: Machine, gigabytes: float) -> float:
    """Of one chip's memory where it is not known."""
    generation = memory_model.generation_of(machine.identity.year, machine.identity.table_class)
    size = int(gigabytes * _GIGABYTE)
    return memory_model.dimms(size) * memory_model.dimm_watts(size / memory_model.dimms(size), generation)


# --- guests


def _of_share(machine: Machine, table: Table) -> Power:
    """A part of a usual host: its threads by the guest's CPUs, memory by the guest's size."""
    name, fit = class_of(machine, table)
    typical = fit.typical
    features = {key: typical[key] for key in ("chips", "cores", "memory", "mhz", "tdp")}
    if machine.tdp_watts is not None:
        features["tdp"] = machine.tdp_watts
    threads = features["chips"] * features["cores"] * typical["threads"]
    share = machine.topology.threads / max(threads, machine.topology.threads)
    wall = wall_watts(fit, features)
    cpu = package_watts(fit, features, table.package, machine.identity.vendor)
    host_dram = _memory_watts(machine, features["memory"]) * features["chips"]
    own_sigma = package_sigma(fit.sigma, features, table.package)
    whole = _composed(wall, cpu, host_dram, fit.sigma, own_sigma, small_share(features), "", ())
    generation = memory_model.generation_of(machine.identity.year, machine.identity.table_class)
    size = machine.memory_bytes or int(features["memory"] * features["chips"] * share * _GIGABYTE)
    return Power(
        tuple(share * watts for watts in whole.cpu),
        memory_model.guest_watts(size, generation),
        tuple(share * watts for watts in whole.other),
        _wider(fit.sigma, [GUEST_SIGMA]),
        _wider(own_sigma, [GUEST_SIGMA]),
        f"{machine.topology.threads} of {threads:.0f} threads of a usual host, {_how(name, fit)}",
    )


# --- desktops, laptops, boards


def _of_other_kind(machine: Machine) -> Power:
    rest, loss, idle_share, sigma = _RESTS[machine.kind]
    cores = machine.topology.cores or machine.topology.threads
    if machine.tdp_watts is not None and machine.kind != "board":
        full, how = machine.tdp_watts * machine.topology.chips, machine.tdp_how
    else:
        each = _CORE_WATTS.get(machine.identity.architecture, _ANY_CORE_WATTS)
        each = each if machine.kind == "board" else _CLIENT_CORE_WATTS[machine.kind]
        full, how = cores * each, f"{each:g} W per core"
    idle = idle_share * full
    cpu = tuple(idle + (full - idle) * curve(load) for load in LOADS)
    dram = machine.memory_watts or 0.0
    other = tuple((c + dram + rest) / (1 - loss) - c - dram for c in cpu)
    unsure = () if machine.tdp_watts is not None or machine.kind == "board" else ("tdp",)
    sigma = _wider(sigma, [_NO_TDP_SIGMA] if unsure else [])
    return Power(cpu, dram, other, sigma, sigma, f"{machine.kind}: {how}", unsure)


def curve(utilisation: float) -> float:
    """Share of the span from idle to full power at a utilisation of 0..1: Fan, Weber and Barroso, "Power Provisioning
    for a Warehouse-sized Computer" (ISCA 2007)."""
    u = min(1.0, max(0.0, utilisation))
    return float(2 * u - u**1.4)


_NO_TDP_SIGMA = 0.3
_CLIENT_CORE_WATTS = {"desktop": 8.0, "laptop": 4.0}
