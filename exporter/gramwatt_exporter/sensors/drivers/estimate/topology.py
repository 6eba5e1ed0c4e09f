"""How many chips, cores and threads there are, and which CPU belongs to which package: cpuinfo, else sysfs.

On x86 one read of cpuinfo says it all; sysfs has a file per CPU and fact.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from msgspec import Struct

_ENTRY = re.compile(r"^processor\s*:\s*(\d+)\s*$", re.MULTILINE)
_IN_ENTRY = re.compile(r"^(physical id|core id|cpu cores|siblings)\s*:\s*(\d+)", re.MULTILINE)


class Topology(Struct, frozen=True):
    """``packages`` are the numbers of the CPUs by package, in the order of the packages. ``cores`` is 0 where
    nothing says it."""

    packages: Mapping[int, frozenset[int]]
    cores: int

    @property
    def chips(self) -> int:
        """Packages."""
        return max(1, len(self.packages))

    @property
    def threads(self) -> int:
        """CPUs, as the kernel numbers them."""
        return sum(map(len, self.packages.values())) or 1


def read_topology(cpuinfo: str, sysfs: Path, cpus: Iterable[int] = ()) -> Topology:
    """``cpus`` are those of procfs/stat, where the caller has read it."""
    entries = _entries(cpuinfo)
    numbers = set(cpus) or max(set(entries), _present(sysfs), key=len)
    packages: dict[int, set[int]] = {}
    cores: set[tuple[int, int | str]] = set()
    whole = True
    for cpu in sorted(numbers):
        entry = entries.get(cpu, {})
        folder = sysfs / "devices/system/cpu" / f"cpu{cpu}" / "topology"
        package = entry["physical id"] if "physical id" in entry else _integer(folder / "physical_package_id")
        package = max(0, package or 0)
        packages.setdefault(package, set()).add(cpu)
        core = entry["core id"] if "core id" in entry else _core(folder) if whole else None
        if core is None:
            whole = False  # then nobody looks for the others'
        else:
            cores.add((package, core))
    ordered = {package: frozenset(members) for package, members in sorted(packages.items())}
    return Topology(ordered, _cores(entries, ordered) or (len(cores) if whole else 0))


def _cores(entries: Mapping[int, Mapping[str, int]], packages: Mapping[int, frozenset[int]]) -> int:
    """By what cpuinfo says of the first CPU; 0 where it says nothing."""
    threads = sum(map(len, packages.values()))
    first = next(iter(entries.values()), {})
    each, siblings = first.get("cpu cores", 0), first.get("siblings", 0)
    if each and siblings:
        return min(threads, max(1, round(threads * each / siblings)))
    return min(threads, each * len(packages))


def _entries(cpuinfo: str) -> dict[int, dict[str, int]]:
    found: dict[int, dict[str, int]] = {}
    places = list(_ENTRY.finditer(cpuinfo))
    for index, place in enumerate(places):
        end = places[index + 1].start() if index + 1 < len(places) else len(cpuinfo)
        found[int(place[1])] = {m[1]: int(m[2]) for m in _IN_ENTRY.finditer(cpuinfo, place.end(), end)}
    return found


def _present(sysfs: Path) -> set[int]:
    """CPUs that are on: one that is off has no topology."""
    folders = (sysfs / "devices/system/cpu").glob("cpu[0-9]*/topology")
    return {int(folder.parent.name[3:]) for folder in folders if folder.parent.name[3:].isdigit()}


def _core(topology: Path) -> int | str | None:
    """Its number, or which CPUs share it."""
    number = _integer(topology / "core_id")
    if number is not None:
        return number
    for name in ("core_cpus_list", "thread_siblings_list"):
        with contextlib.suppress(OSError):
            return (topology / name).read_text().strip()
    return None


def _integer(path: Path) -> int | None:
    with contextlib.suppress(OSError, ValueError):
        return int(path.read_text())
    return None
