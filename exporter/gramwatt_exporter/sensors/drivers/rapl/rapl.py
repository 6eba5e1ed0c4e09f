"""Energy counters of CPUs through the kernel's powercap class: Intel, AMD, and any other control type (Arm's SCMI)."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Callable
from pathlib import Path

from ....errors import Denied, NotHere
from ....model import EnergyReading, PowerReading, Reading, Sample
from ...failures import nothing_readable
from ...looking import LookAgain
from .zones import MASKED_FIX, UNCERTAINTY_RATIO, Makings, Zone, discover, key, list_names

STILL_SECONDS = 10  # a counter that shows one value for so long, while its twin counts, gives way to the twin
UNREADABLE_SECONDS = 60  # a counter goes on while it cannot be read; after so long its twin is read instead
STILL_READS = 3

_DENIED = (errno.EACCES, errno.EPERM)
_SECOND = 1_000_000_000

FIX = (
    "energy_uj is readable by root only since Linux 5.10 (CVE-2020-8694): run the exporter as root or give it"
    " CAP_DAC_READ_SEARCH (systemd: AmbientCapabilities=CAP_DAC_READ_SEARCH). Leave the file's mode as it is:"
    " a world-readable counter leaks secrets between users."
)

__all__ = ["FIX", "MASKED_FIX", "UNCERTAINTY_RATIO", "Rapl"]


class Rapl:
    """Reads every zone's ``energy_uj`` (or ``power_uw``). Files stay open: one pread per zone and tick.

    A zone that cannot be read is in every sample's failures. The zones are looked for again soon when one fails, and
    every minute when other ones are listed than before. Where one counter is seen through two control types (MSR and
    MMIO), the first is read, and the other one where the first stands still.
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
        self._makings = Makings(self.name, max_watts, idle_watts)
        self._zones: list[Zone] = []
        self._nameless: list[str] = []  # directories of zones that do not say what they are
        self._listed: list[str] = []  # the zones' directories when they were last looked through
        self._looking = LookAgain()
        self.notes: list[str] = []  # for a person

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
        """One reading per zone."""
        readings: list[Reading] = []
        failures: dict[str, str] = dict.fromkeys(self._nameless, "lost")
        denied = None
        for index, zone in enumerate(self._zones):
            try:
                value = zone.read()
            except OSError as error:
                if error.errno in _DENIED:
                    denied = zone.path
                failures[zone.of.name] = "denied" if error.errno in _DENIED else "lost"
                value = None
            except ValueError:
                failures[zone.of.name] = "garbage"
                value = None
            if zone.twins:
                zone, value = self._compare(index, zone, value)
            if value is not None:
                failures.pop(zone.of.name, None)
                readings.append(self._reading(zone, value))
        if readings:
            if self._looking.due(self._now(), self._fails()):
                self._look_again()
            return Sample(readings, failures=failures)
        if denied is not None:
            raise Denied(f"no permission to read {denied}", FIX)
        if not self._root.is_dir():
            raise NotHere(f"{self._root} has gone")
        raise nothing_readable("counter", self._root, failures)

    def close(self) -> None:
        """Close the counters."""
        for zone in self._zones:
            _close(zone)
        self._zones = []

    def _reading(self, zone: Zone, value: int) -> Reading:
        if zone.counts:
            door = zone.control if zone.twins else ""
            return EnergyReading(zone.of, value, self._now(), zone.wraps_at, door=door)
        return PowerReading(zone.of, value, self._now())

    def _compare(self, index: int, zone: Zone, value: int | None) -> tuple[Zone, int | None]:
        """Read the other doors to one counter, too; take the first of them that counts where this one does not."""
        now = self._now()
        zone.note(value, now)
        best: tuple[Zone, int] | None = None
        for twin in zone.twins:
            try:
                shown = twin.read()
            except (OSError, ValueError):
                twin.note(None, now)
                continue
            fresh = twin.value is None
            twin.note(shown, now)
            if not fresh and twin.reads == 0 and best is None:
                best = (twin, shown)
        limit = STILL_SECONDS if value is not None else UNREADABLE_SECONDS
        if best is None or zone.reads < STILL_READS or now - zone.moved_ns <= limit * _SECOND:
            return zone, value
        twin, shown = best
        twin.twins = [zone, *(other for other in zone.twins if other is not twin)]
        zone.twins = []
        self._zones[index] = twin
        why = "stands still" if value is not None else "cannot be read"
        self.notes.append(
            f"{zone.control}:{zone.of.name} {why} while {twin.control} counts: that one is read now"
        )
        return twin, shown

    def _look_again(self) -> None:
        """Look for the zones again where one fails or other ones are listed."""
        with contextlib.suppress(OSError, NotHere, Denied):  # the next reads show what is left
            if self._fails() or list_names(self._root) != self._listed:
                self._look()

    def _fails(self) -> bool:
        return bool(self._nameless) or any(zone.fd < 0 for zone in self._zones)

    def _look(self) -> Path | None:
        """Bring the zones up to date: those that go on stay as they are, the others are opened.

        Returns a counter that may not be read, if there is one. The others that cannot be opened are tried by read.
        """
        self._looking.looked(self._now())
        found = discover(self._root, self._makings)
        self._listed, self._nameless = found.listed, found.nameless
        going = {key(zone.of): zone for zone in self._zones if zone.fd >= 0}
        new = {key(zone.of): zone for zone in found.zones if key(zone.of) not in going}
        stopped = [zone for zone in self._zones if key(zone.of) not in going and key(zone.of) not in new]
        denied = None
        for zone in new.values():
            try:
                zone.read()
            except OSError as error:
                if error.errno in _DENIED:
                    denied = zone.path
            except ValueError:
                pass  # there, though what it shows is no number just now
        self._zones = [*going.values(), *stopped, *new.values()]
        return denied


def _close(zone: Zone) -> None:
    zone.close()
    for twin in zone.twins:
        twin.close()
