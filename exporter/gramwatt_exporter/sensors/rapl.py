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
from ..model import Device, EnergyReading, Meter, Sample

# Measured, not modelled, since Haswell; it follows external meters closely (Khan et al., "RAPL in Action", ACM TOMPECS
# 3(2), 2018). Makers state no figure: 5 % is the project's.
UNCERTAINTY_RATIO = 0.05

_ZONE = re.compile(r"^(?P<control>intel-rapl(?:-mmio)?|amd-rapl|dtpm-rapl):(?P<path>\d+(?::\d+)*)$")
_PACKAGE = re.compile(r"^package-(\d+)(?:-die-(\d+))?$")
_DENIED = (errno.EACCES, errno.EPERM)

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
    wraps_at: int | None
    fd: int = -1


class Rapl:
    """Reads every zone's ``energy_uj``. Files stay open: one pread per zone and tick.

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

    def open(self) -> None:
        """Find the zones and open their counters."""
        self.close()
        denied = None
        for zone in self._discover():
            try:
                zone.fd = os.open(zone.path, os.O_RDONLY | os.O_CLOEXEC)
                os.pread(zone.fd, 32, 0)
            except OSError as error:
                if error.errno in _DENIED:
                    denied = zone.path
                if zone.fd >= 0:
                    os.close(zone.fd)
                    zone.fd = -1
                continue
            self._zones.append(zone)
        if not self._zones:
            if denied is not None:
                raise Denied(f"no permission to read {denied}", FIX)
            raise NotHere(f"no readable energy counter under {self._root}")

    def read(self) -> Sample:
        """One EnergyReading per zone."""
        readings: list[EnergyReading] = []
        failures: dict[str, str] = {}
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
            return Sample(readings, failures=failures)
        if denied is not None:
            raise Denied(f"no permission to read {denied}", FIX)
        if not self._root.is_dir():
            raise NotHere(f"{self._root} has gone")
        raise TryAgain(f"no counter under {self._root} can be read: {failures}")

    def close(self) -> None:
        """Close the counters."""
        for zone in self._zones:
            if zone.fd >= 0:
                os.close(zone.fd)
                zone.fd = -1
        self._zones = []

    @staticmethod
    def _value(zone: _Zone) -> int:
        if zone.fd >= 0:
            try:
                return _number(os.pread(zone.fd, 32, 0))
            except OSError:
                # The driver was reloaded: the old descriptor is dead, the path may live.
                os.close(zone.fd)
                zone.fd = -1
        zone.fd = os.open(zone.path, os.O_RDONLY | os.O_CLOEXEC)
        return _number(os.pread(zone.fd, 32, 0))

    def _discover(self) -> list[_Zone]:
        try:
            names = sorted(entry.name for entry in self._root.iterdir())
        except FileNotFoundError:
            raise NotHere(f"{self._root} does not exist") from None
        except PermissionError:
            raise Denied(f"no permission to list {self._root}", MASKED_FIX) from None
        found: list[
            tuple[bool, str, str, str]
        ] = []  # seen through MMIO, control, path, label: MSR zones sort first
        masked = False
        for name in names:
            match = _ZONE.match(name)
            if match is None:
                continue
            try:
                label = (self._root / name / "name").read_text(encoding="utf-8", errors="replace").strip()
            except OSError:
                zone = self._root / name
                masked |= zone.is_symlink() and not zone.exists()
                continue
            found.append((match["control"].endswith("-mmio"), match["control"], match["path"], label))
        if masked and not found:
            raise Denied(f"the zones of {self._root} lead nowhere", MASKED_FIX)
        packages = {(control, path): label for _, control, path, label in found if ":" not in path}
        zones = []
        taken: set[tuple[str, str]] = set()
        for _, control, path, label in sorted(found):
            above = packages.get((control, path.split(":", 1)[0]), "") if ":" in path else ""
            of = self._noun(label, path, above)
            key = (type(of).__name__, of.name)
            if key in taken:
                continue  # an MMIO zone whose MSR twin came first: one hardware counter, seen through two doors
            taken.add(key)
            folder = self._root / f"{control}:{path}"
            zones.append(_Zone(of, folder / "energy_uj", _wrap(folder)))
        return zones

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


def _wrap(zone: Path) -> int | None:
    with contextlib.suppress(OSError, ValueError):
        return _number((zone / "max_energy_range_uj").read_bytes()) or None
    return None


def _number(text: bytes) -> int:
    value = int(text)
    if value < 0:
        raise ValueError("a counter cannot be negative")
    return value
