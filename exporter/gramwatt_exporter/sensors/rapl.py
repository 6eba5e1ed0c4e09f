"""Intel and AMD energy counters through the kernel's powercap class.

Layout: https://docs.kernel.org/power/powercap/powercap.html. The flat directory /sys/class/powercap lists every
zone; the nesting of the names (``intel-rapl:0:1``) says which socket a zone belongs to. ``enabled`` is about
power limits, not counting, and is 0 on many servers: it is ignored.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from ..errors import Denied, NotHere, TryAgain
from ..model import Component, Device, EnergyReading, Meter, Sample
from . import powercap_names

# Measured, not modelled, since Haswell; it follows external meters closely (Khan et al., "RAPL in Action", ACM TOMPECS
# 3(2), 2018). Makers state no figure: 5 % is the project's.
UNCERTAINTY_RATIO = 0.05

LOOK_AGAIN_SECONDS = 60  # for zones that came, or that fail and may have come back elsewhere

_ZONE = re.compile(r"^(?P<control>[^:]+):(?P<path>\d+(?::\d+)*)$")
_RAPL = re.compile(r"^(?:intel|amd)-rapl(?:-|$)")  # controls whose zones have the names of Intel's
_PACKAGE = re.compile(r"^package-(\d+)(?:-die-(\d+))?$")
_DENIED = (errno.EACCES, errno.EPERM)
_SECOND = 1_000_000_000

FIX = (
    "energy_uj is readable by root only since Linux 5.10 (CVE-2020-8694): run the exporter as root or give it"
    " CAP_DAC_READ_SEARCH (systemd: AmbientCapabilities=CAP_DAC_READ_SEARCH). Leave the file's mode as it is:"
    " a world-readable counter leaks secrets between users."
)
MASKED_FIX = (
    "the container runtime hides powercap: mount the host's /sys read-only elsewhere (-v /sys:/host/sys:ro)"
    " and set --path.sysfs=/host/sys"
)


class _Zone(Struct):
    of: Device | Meter
    path: Path
    labels: list[tuple[Path, str]]  # of its directory and of the one it lies in, when it was found
    wraps_at: int | None
    fd: int = -1  # -1: it failed last time

    def open(self) -> None:
        """Open its counter, if the same zone still stands there. Raises OSError."""
        if any(_label(folder) != label for folder, label in self.labels):
            raise OSError(errno.ENODEV, "another zone has this number now", str(self.path))
        self.fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)

    def close(self) -> None:
        """Close its counter."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


class Rapl:
    """Reads every zone's ``energy_uj``. Files stay open: one pread per zone and tick.

    A zone that cannot be read is in every sample's failures. Every minute the zones are looked for again when one fails
    or when other ones are listed than before.
    Raises NotHere (no powercap zones), Denied (zones nobody lets us read), TryAgain (all reads failed).
    """

    name = "rapl"

    def __init__(
        self,
        sysfs: str,
        boottime_ns: Callable[[], int],
        max_watts: float = 1000.0,
        idle_watts: float | None = None,
    ) -> None:
        self._root = Path(sysfs) / "class" / "powercap"
        self._now = boottime_ns
        self._max_watts = max_watts
        self._idle_watts = idle_watts
        self._zones: list[_Zone] = []
        self._nameless: list[str] = []  # directories of zones that do not say what they are
        self._listed: list[str] = []  # the zones' directories when they were last looked through
        self._look_ns = 0  # when to look again

    def open(self) -> None:
        """Find the zones and open their counters."""
        self.close()
        denied = self._look()
        if all(zone.fd < 0 for zone in self._zones):
            self.close()
            if denied is not None:
                raise Denied(f"no permission to read {denied}", FIX)
            raise NotHere(f"no readable energy counter under {self._root}")

    def read(self) -> Sample:
        """One EnergyReading per zone."""
        readings: list[EnergyReading] = []
        failures: dict[str, str] = dict.fromkeys(self._nameless, "lost")
        denied = None
        for zone in self._zones:
            try:
                value = self._value(zone)
            except OSError as error:
                if error.errno in _DENIED:
                    denied = zone.path
                failures[zone.of.name] = "denied" if error.errno in _DENIED else "lost"
            except ValueError:
                failures[zone.of.name] = "garbage"
            else:
                readings.append(EnergyReading(zone.of, value, self._now(), zone.wraps_at))
        if readings:
            if self._now() >= self._look_ns:
                self._look_again()
            return Sample(readings, failures=failures)
        if denied is not None:
            raise Denied(f"no permission to read {denied}", FIX)
        if not self._root.is_dir():
            raise NotHere(f"{self._root} has gone")
        raise TryAgain(f"no counter under {self._root} can be read: {failures}")

    def close(self) -> None:
        """Close the counters."""
        for zone in self._zones:
            zone.close()
        self._zones = []

    @staticmethod
    def _value(zone: _Zone) -> int:
        if zone.fd >= 0:
            try:
                return _number(os.pread(zone.fd, 32, 0))
            except OSError:
                zone.close()  # the driver was reloaded: the old descriptor is dead, the path may live
        zone.open()
        try:
            return _number(os.pread(zone.fd, 32, 0))
        except OSError:
            zone.close()
            raise

    def _look_again(self) -> None:
        """Look for the zones again where one fails or other ones are listed."""
        self._look_ns = self._now() + LOOK_AGAIN_SECONDS * _SECOND
        with contextlib.suppress(OSError, NotHere, Denied):  # the next reads show what is left
            fails = self._nameless or any(zone.fd < 0 for zone in self._zones)
            if fails or self._list() != self._listed:
                self._look()

    def _look(self) -> Path | None:
        """Bring the zones up to date: those that go on stay as they are, the others are opened.

        Returns a counter that may not be read, if there is one. The others that cannot be opened are tried by read.
        """
        self._look_ns = self._now() + LOOK_AGAIN_SECONDS * _SECOND
        going = {_key(zone.of): zone for zone in self._zones if zone.fd >= 0}
        new = {_key(zone.of): zone for zone in self._discover() if _key(zone.of) not in going}
        stopped = [zone for zone in self._zones if _key(zone.of) not in going and _key(zone.of) not in new]
        denied = None
        for zone in new.values():
            try:
                self._value(zone)
            except OSError as error:
                if error.errno in _DENIED:
                    denied = zone.path
            except ValueError:
                pass  # there, though what it shows is no number just now
        self._zones = [*going.values(), *stopped, *new.values()]
        return denied

    def _list(self) -> list[str]:
        """Names of the directories. Raises NotHere or Denied."""
        try:
            return sorted(entry.name for entry in self._root.iterdir())
        except FileNotFoundError:
            raise NotHere(f"{self._root} does not exist") from None
        except PermissionError:
            raise Denied(f"no permission to list {self._root}", MASKED_FIX) from None

    def _discover(self) -> list[_Zone]:
        self._listed = names = self._list()
        found: list[
            tuple[bool, str, str, str]
        ] = []  # seen through MMIO, control, path, label: MSR zones sort first
        self._nameless = []
        masked = False
        for name in names:
            match = _ZONE.match(name)
            if match is None or not self._measures(match["control"], name):
                continue
            try:
                label = _label(self._root / name)
            except OSError:
                zone = self._root / name
                masked |= zone.is_symlink() and not zone.exists()
                self._nameless.append(name)
                continue
            found.append((match["control"].endswith("-mmio"), match["control"], match["path"], label))
        if masked and not found:
            raise Denied(f"the zones of {self._root} lead nowhere", MASKED_FIX)
        named = self._named(found)
        packages = {(control, path): label for _, control, path, label in found if ":" not in path}
        zones = []
        taken: set[tuple[str, str]] = set()
        for _, control, path, label in sorted(found):
            outer = path.split(":", 1)[0]
            above = packages.get((control, outer), "") if ":" in path else ""
            of = self._noun(label, path, above) if _RAPL.match(control) else named[control, path]
            key = _key(of)
            if key in taken:
                continue  # an MMIO zone whose MSR twin came first: one hardware counter, seen through two doors
            taken.add(key)
            folder = self._root / f"{control}:{path}"
            labels = [(folder, label), *([(self._root / f"{control}:{outer}", above)] if above else [])]
            zones.append(_Zone(of, folder / "energy_uj", labels, _wrap(folder)))
        return zones

    def _measures(self, control: str, name: str) -> bool:
        """Whether a zone of this control type counts energy; many only limit power."""
        return bool(_RAPL.match(control)) or (
            control not in powercap_names.MODELS and (self._root / name / "energy_uj").exists()
        )

    def _named(self, found: list[tuple[bool, str, str, str]]) -> dict[tuple[str, str], Device | Meter]:
        """The zones of control types whose names are firmware's, by control and path."""
        labels: dict[str, dict[str, str]] = {}
        for _, control, path, label in found:
            if not _RAPL.match(control):
                labels.setdefault(control, {})[path] = label
        nouns: dict[tuple[str, str], Device | Meter] = {}
        for control, zones in labels.items():
            for path, role in powercap_names.roles(control, zones).items():
                if role.component is not None:
                    idle = self._idle_watts if role.component == "cpu" else None
                    limit = self._max_watts
                    nouns[control, path] = Device(
                        role.component, role.name, self.name, UNCERTAINTY_RATIO, idle, limit
                    )
                else:
                    covers: tuple[Component, ...] = ("cpu", "dram", "gpu") if role.around else ()
                    limit = 4 * self._max_watts if role.around else self._max_watts
                    nouns[control, path] = Meter(role.name, self.name, role.part_of, covers, max_watts=limit)
        return nouns

    def _noun(self, label: str, path: str, above: str) -> Device | Meter:
        """What a zone is; ``above`` is the label of the zone it lies in, "" for an outermost one."""
        if _PACKAGE.match(label):
            return Device("cpu", label, self.name, UNCERTAINTY_RATIO, self._idle_watts, self._max_watts)
        suffix = above.removeprefix("package-") or path.split(":", 1)[0]
        if label == "dram":
            # sysfs nests dram under its package, yet the package's counter does not contain it.
            return Device("dram", f"dram-{suffix}", self.name, UNCERTAINTY_RATIO, None, self._max_watts)
        if label.startswith("psys"):
            # What the platform meter spans is the board maker's choice; taken as everything, so that
            # "other" is never too large.
            return Meter(
                label,
                self.name,
                covers=("cpu", "dram", "gpu"),
                uncertainty_ratio=0.1,
                max_watts=4 * self._max_watts,
            )
        return Meter(f"{label}-{suffix}", self.name, part_of=above or None, max_watts=self._max_watts)


def _key(of: Device | Meter) -> tuple[str, str]:
    """What tells one zone from another."""
    return (type(of).__name__, of.name)


def _label(zone: Path) -> str:
    return (zone / "name").read_text(encoding="utf-8", errors="replace").strip()


def _wrap(zone: Path) -> int | None:
    with contextlib.suppress(OSError, ValueError):
        return _number((zone / "max_energy_range_uj").read_bytes()) or None
    return None


def _number(text: bytes) -> int:
    value = int(text)
    if value < 0:
        raise ValueError("a counter cannot be negative")
    return value
