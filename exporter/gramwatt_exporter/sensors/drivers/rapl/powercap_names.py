"""What the zones of a powercap control type are whose names firmware gives (Arm's SCMI), by those names. Pure.

Intel's and AMD's zones have names of their own, which rapl knows. Zones of SCMI form a tree, and one that lies in
another is a part of it (Arm's DEN0056, "Powercap management protocol"). dtpm is the kernel's energy model and no meter:
https://docs.kernel.org/power/powercap/dtpm.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from ....model import Component

MODELS = ("dtpm",)  # control types that compute their energy
LONGEST_NAME = 60

Kind = Literal["machine", "package", "cpu", "dram", "gpu", "other"]

# The first kind of which a word is in the name: "memory-of-cpu0" is memory, "gpu_soc" is the GPU.
_WORDS: tuple[tuple[Kind, frozenset[str]], ...] = (
    ("machine", frozenset({"system", "sys", "platform", "board", "total", "node", "machine", "psys"})),
    ("dram", frozenset({"dram", "ddr", "lpddr", "mem", "memory", "hbm"})),
    ("gpu", frozenset({"gpu", "gfx", "mali"})),
    ("package", frozenset({"soc", "package", "pkg", "socket", "chip"})),
    (
        "cpu",
        frozenset({"cpu", "cpus", "cluster", "clusters", "big", "little", "prime", "core", "cores", "ap"}),
    ),
)


class Role(Struct, frozen=True):
    """``component`` of a device, else a meter: ``around`` the machine, or a part of the zone named ``part_of``."""

    name: str
    component: Component | None = None
    around: bool = False
    part_of: str | None = None


def kind_of(label: str) -> Kind:
    """What a name says: "scmi-package-0" is a package, "cpu_cluster1" and "BIG" are CPUs."""
    words = {word for word in re.split(r"[^a-z]+", label.lower()) if word}
    return next((kind for kind, known in _WORDS if words & known), "other")


def roles(control: str, labels: Mapping[str, str]) -> dict[str, Role]:
    """What each zone of one control type is, by its path ("0", "0:1"); ``labels`` are the zones' names by path.

    Packages beside CPU clusters are the devices, as the clusters are parts of them. Only a zone that lies in no device
    becomes one, so nothing is counted twice.
    """
    kinds = {path: kind_of(label) for path, label in labels.items()}
    found: dict[str, Role] = {}
    taken: set[str] = set()
    has_package = "package" in kinds.values()
    numbers = _package_numbers({path: labels[path] for path, kind in kinds.items() if kind == "package"})
    for path in sorted(labels, key=lambda path: (path.count(":"), [int(part) for part in path.split(":")])):
        kind, inside = kinds[path], _device_above(path, found)
        name = _plain(labels[path]) or f"{control}-{path.replace(':', '-')}"
        component: Component | None = None
        if inside is None and control not in MODELS:
            if kind == "package":
                component, name = "cpu", f"package-{numbers[path]}"
            elif kind == "cpu":
                component = None if has_package else "cpu"
            elif kind in ("dram", "gpu"):
                component = "dram" if kind == "dram" else "gpu"
        if component is None:
            name = f"{control}-{name}"
        while name in taken:
            name = f"{name}-{path.replace(':', '-')}"
        taken.add(name)
        around = kind == "machine" and ":" not in path and control not in MODELS
        found[path] = Role(name, component, around, inside)
    return found


def _device_above(path: str, found: Mapping[str, Role]) -> str | None:
    """The device that a zone lies in, directly or not."""
    while ":" in path:
        path = path.rsplit(":", 1)[0]
        role = found.get(path)
        if role is not None and (role.component is not None or role.part_of is not None):
            return role.name if role.component is not None else role.part_of
    return None


def _package_numbers(labels: Mapping[str, str]) -> dict[str, int]:
    """The number of each package: that of its name where all have one of their own, else its place in the order."""
    named = {path: re.search(r"(\d+)\D*$", label) for path, label in labels.items()}
    numbers = {path: int(match[1]) for path, match in named.items() if match is not None}
    if len(set(numbers.values())) == len(labels):
        return numbers
    return {
        path: index for index, path in enumerate(sorted(labels, key=lambda p: [int(x) for x in p.split(":")]))
    }


def _plain(label: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", label.lower()).strip("-")[:LONGEST_NAME].rstrip("-")
