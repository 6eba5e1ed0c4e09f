"""What the kernel's powercap class lists: zones, what each one is, and the doors through which one counter is seen.

Layout: https://docs.kernel.org/power/powercap/powercap.html. The flat directory /sys/class/powercap lists every
zone; the nesting of the names (``intel-rapl:0:1``) says which socket a zone belongs to. ``enabled`` is about
power limits, not counting, and is 0 on many servers: it is ignored.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import replace

from ....errors import Denied, NotHere
from ....model import Component, Device, Meter
from . import powercap_names

# Measured, not modelled, since Haswell; it follows external meters closely (Khan et al., "RAPL in Action", ACM TOMPECS
# 3(2), 2018). Makers state no figure: 5 % is the project's.
UNCERTAINTY_RATIO = 0.05
MASKED_FIX = (
    "the container runtime hides powercap: mount the host's /sys read-only elsewhere (-v /sys:/host/sys:ro)"
    " and set --path.sysfs=/host/sys"
)
# A package draws more than its long-term limit for seconds (turbo): twice the highest limit that it states is possible.
TURBO_FACTOR = 2.0

_ZONE = re.compile(r"^(?P<control>[^:]+):(?P<path>\d+(?::\d+)*)$")
_RAPL = re.compile(r"^(?:intel|amd)-rapl(?:-|$)")  # controls whose zones have Intel's names
_PACKAGE = re.compile(r"^package-(\d+)(?:-die-(\d+))?$")
_FILES = ("energy_uj", "power_uw")  # the better first
_WHOLE: tuple[Component, ...] = ("cpu", "dram", "gpu")


class Zone(Struct):
    """One counter (or power value) behind one directory; ``twins`` are other directories that show the same one."""

    of: Device | Meter
    path: Path
    labels: list[tuple[Path, str]]  # of its directory and of the one it lies in, when it was found
    wraps_at: int | None
    control: str
    fd: int = -1  # -1: it failed last time
    twins: list[Zone] = field(default_factory=list)
    value: int | None = None  # seen last, where there are twins to compare with
    moved_ns: int = 0  # when it last showed another value
    reads: int = 0  # since then

    @property
    def counts(self) -> bool:
        """Whether it shows energy, not power."""
        return self.path.name == "energy_uj"

    def read(self) -> int:
        """Microjoules (or microwatts). Opens the file again where that fails. Raises OSError and ValueError."""
        if self.fd >= 0:
            try:
                return number(os.pread(self.fd, 32, 0))
            except (OSError, ValueError):
                # The driver was reloaded: the old descriptor is dead or shows nothing, the path may live.
                self.close()
        self.open()
        try:
            return number(os.pread(self.fd, 32, 0))
        except OSError:
            self.close()
            raise

    def open(self) -> None:
        """Open its file, if the same zone still stands there. Raises OSError."""
        if any(_label(folder) != label for folder, label in self.labels):
            raise OSError(errno.ENODEV, "another zone has this number now", str(self.path))
        self.fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)

    def close(self) -> None:
        """Close its file."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def note(self, value: int | None, now_ns: int) -> None:
        """Remember when it last showed another value; None: it could not be read."""
        if value is not None and value != self.value:
            self.value, self.moved_ns, self.reads = value, now_ns, 0
        else:
            self.moved_ns = self.moved_ns or now_ns
            self.reads += 1


class Found(Struct):
    """What one look at the directory brought."""

    zones: list[Zone]
    listed: list[str]  # names of the directories
    nameless: list[str]  # directories of zones that do not say what they are


def key(of: Device | Meter) -> tuple[str, str]:
    """What distinguishes one zone from another."""
    return (type(of).__name__, of.name)


def list_names(root: Path) -> list[str]:
    """Names of the directories. Raises NotHere or Denied."""
    try:
        return sorted(entry.name for entry in root.iterdir())
    except FileNotFoundError:
        raise NotHere(f"{root} does not exist") from None
    except PermissionError:
        raise Denied(f"no permission to list {root}", MASKED_FIX) from None


class Makings(Struct, frozen=True):
    """What the nouns of all zones are made with."""

    source: str
    max_watts: float  # what a package draws at most
    idle_watts: float | None


class _Listed(Struct, frozen=True, order=True):
    """One zone in the order in which zones are taken: those of the MSR before those seen through MMIO."""

    mmio: bool
    control: str
    path: str
    label: str


def discover(root: Path, makings: Makings) -> Found:
    """Every zone that has a counter or a power value, each once. Raises NotHere or Denied."""
    listed, nameless, masked = list_names(root), [], False
    labelled: list[_Listed] = []
    for name in listed:
        match = _ZONE.match(name)
        if match is None or not _measures(root, match["control"], name):
            continue
        try:
            label = _label(root / name)
        except OSError:
            masked |= (root / name).is_symlink() and not (root / name).exists()
            nameless.append(name)
            continue
        mmio = match["control"].endswith("-mmio")
        labelled.append(_Listed(mmio, match["control"], match["path"], label))
    if masked and not labelled:
        raise Denied(f"the zones of {root} lead nowhere", MASKED_FIX)
    labels = {(zone.control, zone.path): zone.label for zone in labelled}
    named = _named(labels, makings)
    zones: dict[tuple[str, str], Zone] = {}
    for item in sorted(labelled):
        zone = _zone(root, item, labels, named, makings)
        first = zones.setdefault(key(zone.of), zone)
        if first is not zone and first.counts == zone.counts:
            first.twins.append(zone)  # one hardware counter, seen through two doors
    return Found(list(zones.values()), listed, nameless)


def _measures(root: Path, control: str, name: str) -> bool:
    """Whether a zone of this control type shows energy or power; many only limit it."""
    if _RAPL.match(control):
        return True
    return control not in powercap_names.MODELS and any((root / name / file).exists() for file in _FILES)


def _zone(
    root: Path,
    item: _Listed,
    labels: Mapping[tuple[str, str], str],
    named: Mapping[tuple[str, str], Device | Meter],
    makings: Makings,
) -> Zone:
    folder = root / f"{item.control}:{item.path}"
    outer = item.path.split(":", 1)[0]
    above = labels.get((item.control, outer), "") if ":" in item.path else ""
    of = named.get((item.control, item.path)) or _noun(item.label, item.path, above, makings)
    if isinstance(of, Device) and of.component == "cpu":
        of = replace(of, max_watts=_stated(folder, makings.max_watts))
    file = next((folder / file for file in _FILES if (folder / file).exists()), folder / _FILES[0])
    seen = [(folder, item.label), *([(root / f"{item.control}:{outer}", above)] if above else [])]
    return Zone(of, file, seen, _wrap(folder), item.control)


def _named(labels: Mapping[tuple[str, str], str], makings: Makings) -> dict[tuple[str, str], Device | Meter]:
    """The zones of control types whose names are firmware's, by control and path."""
    controls: dict[str, dict[str, str]] = {}
    for (control, path), label in labels.items():
        if not _RAPL.match(control):
            controls.setdefault(control, {})[path] = label
    nouns: dict[tuple[str, str], Device | Meter] = {}
    for control, zones in controls.items():
        for path, role in powercap_names.roles(control, zones).items():
            if role.component is not None:
                idle = makings.idle_watts if role.component == "cpu" else None
                nouns[control, path] = Device(
                    role.component, role.name, makings.source, UNCERTAINTY_RATIO, idle, makings.max_watts
                )
            else:
                covers = _WHOLE if role.around else ()
                most = (4 if role.around else 1) * makings.max_watts
                nouns[control, path] = Meter(role.name, makings.source, role.part_of, covers, max_watts=most)
    return nouns


def _noun(label: str, path: str, above: str, makings: Makings) -> Device | Meter:
    """What a zone with one of Intel's names is; ``above`` labels the zone it lies in, "" for an outermost one."""
    source, most = makings.source, makings.max_watts
    if _PACKAGE.match(label):
        return Device("cpu", label, source, UNCERTAINTY_RATIO, makings.idle_watts, most)
    suffix = above.removeprefix("package-") or path.split(":", 1)[0]
    if label == "dram":
        # sysfs nests dram under its package, yet the package's counter does not contain it.
        return Device("dram", f"dram-{suffix}", source, UNCERTAINTY_RATIO, None, most)
    if label.startswith("psys"):
        # What the platform meter spans is the board maker's choice; taken as everything, so that
        # "other" is never too large.
        return Meter(label, source, covers=_WHOLE, uncertainty_ratio=0.1, max_watts=4 * most)
    return Meter(f"{label}-{suffix}", source, part_of=above or None, max_watts=most)


def _stated(folder: Path, max_watts: float) -> float:
    """What a zone can draw at most by the limits that it states; ``max_watts`` where it states none."""
    highest = 0
    for constraint in range(3):
        for file in ("max_power_uw", "power_limit_uw"):
            with contextlib.suppress(OSError, ValueError):
                highest = max(highest, number((folder / f"constraint_{constraint}_{file}").read_bytes()))
    return min(max_watts, TURBO_FACTOR * highest / 1e6) if highest else max_watts


def _label(zone: Path) -> str:
    return (zone / "name").read_text(encoding="utf-8", errors="replace").strip()


def _wrap(zone: Path) -> int | None:
    with contextlib.suppress(OSError, ValueError):
        return number((zone / "max_energy_range_uj").read_bytes()) or None
    return None


def number(text: bytes) -> int:
    """A value as a file shows it. Raises ValueError."""
    value = int(text)
    if value < 0:
        raise ValueError("neither a counter nor a power is negative")
    return value
