"""The idle draw of every device: configured, quiet, fitted or by its model, kept over restarts.

It is a power. The idle energy booked in a sample is at most the energy drawn in it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ..log import FieldLogger
from ..model import Device
from .classes import IdleClass
from .device import Seen
from .methods import Change, Idle, IdleMethod

# A CPU package is quiet while fewer CPUs than this are busy, however many it has: one busy CPU wakes all of it.
QUIET_CPUS = 0.1
# Share of a GPU's most power that is in doubt while its idle draw is not known: few GPUs draw more when idle.
_GPU_SHARE = 0.15
_MOST_SIGMA = 1.0  # of a logarithm; a larger one says nothing more

_LOG = FieldLogger("gramwatt_exporter.idle")


class Classes(Protocol):
    """Gives the class of a device; see machine.py."""

    def of(self, device: Device) -> IdleClass | None: ...


class NoClasses:
    """No classes: no idle draw is known before a device is measured quiet."""

    def of(self, device: Device) -> IdleClass | None:  # noqa: ARG002 - the protocol's
        """None."""
        return None


class IdleBook:
    """Single writer: the sampler."""

    def __init__(self, classes: Classes | None = None, wall_clock: Callable[[], float] = time.time) -> None:
        self._classes = classes or NoClasses()
        self._wall_clock = wall_clock
        self._seen: dict[str, Seen] = {}  # by component/device
        self._known: dict[str, Idle] = {}
        self._unknown: dict[str, tuple[Device, Idle]] = {}  # since the last step, of GPUs
        self._since: dict[str, tuple[str, float]] = {}  # before a restart: method and since when
        self._changes: list[Change] = []

    # --- learning

    def observe(
        self,
        device: Device,
        microjoules: int,
        nanoseconds: int,
        utilisation: float | None,
        busy_cpus: float | None = None,
    ) -> None:
        """Learn from one step of a device whose idle draw is not configured.

        ``utilisation`` is 0..1, None when unknown. A CPU package is quiet when few CPUs are busy (``busy_cpus``). A
        device without that (a GPU) is quiet while its utilisation is 0; its power is not fitted to its load.
        """
        if device.idle_watts is not None:
            return
        key = _key(device)
        seen = self._seen.get(key)
        if seen is None:
            seen = self._seen[key] = Seen()
        self._unknown.pop(key, None)
        if busy_cpus is None:
            due = seen.add(microjoules, nanoseconds, None, quiet=utilisation is not None and utilisation <= 0)
        else:
            due = seen.add(microjoules, nanoseconds, utilisation, quiet=busy_cpus < QUIET_CPUS)
        if due:
            self._settle(key, device, seen)

    def interrupt(self, device: Device) -> None:
        """A step came that must not be learned from: the machine slept, or no sample was taken."""
        seen = self._seen.get(_key(device))
        if seen is not None:
            seen.interrupt()

    def _settle(self, key: str, device: Device, seen: Seen) -> None:
        found = seen.known(self._classes.of(device))
        if found is None:
            return
        estimate, method = found
        microwatts = round(estimate.watts * 1_000_000)
        sigma = round(microwatts * min(_MOST_SIGMA, estimate.sigma))
        before = self._known.get(key)
        if before is not None and before.method == method:
            if before.microwatts != microwatts or before.sigma != sigma:
                self._known[key] = Idle(microwatts, method, sigma, before.since)
            return
        saved, since = self._since.pop(key, ("", 0.0))
        since = since if saved == method else self._wall_clock()
        self._known[key] = Idle(microwatts, method, sigma, since)
        if before is not None and before.microwatts is not None:
            self._changes.append(Change(device.component, before.microwatts, microwatts))
            _LOG.info(
                "idle draw is known by another method now; what was booked stays as it is",
                device=f"{device.component} {device.name}",
                method=method,
                watts=f"{microwatts / 1e6:.1f}",
                before=f"{before.microwatts / 1e6:.1f} ({before.method})",
            )

    # --- what is known

    def of(self, device: Device) -> tuple[int | None, IdleMethod]:
        """The idle draw in microwatts (None while unknown), and the method."""
        known = self.known(device)
        return known.microwatts, known.method

    def known(self, device: Device) -> Idle:
        """The idle draw now, with its uncertainty."""
        if device.idle_watts is not None:
            method: IdleMethod = "model" if device.source == "estimate" else "configured"
            return Idle(round(device.idle_watts * 1_000_000), method)
        if device.component == "dram":  # idle is its unused capacity (attribution.py)
            return Idle(None, "residence")
        key = _key(device)
        known = self._known.get(key)
        if known is not None:
            return known
        # A GPU that is always in use is asked about several times in a sample, and each answer takes a fit.
        unknown = self._unknown.get(key)
        if unknown is not None and unknown[0] is device:
            return unknown[1]
        self._settle(key, device, self._seen.get(key) or Seen())
        known = self._known.get(key)
        if known is not None:
            return known
        answer = Idle(None, "none", self._doubt(device))
        if device.component == "gpu":
            self._unknown[key] = device, answer
        return answer

    def _doubt(self, device: Device) -> int:
        """One sigma (uW) of an unknown idle draw: it lies between 0 and the lowest power seen."""
        seen = self._seen.get(_key(device))
        lowest = seen.lowest.microwatts() if seen is not None else None
        if device.component != "gpu" or lowest is None:
            return 0
        most = lowest if device.max_watts is None else round(_GPU_SHARE * device.max_watts * 1_000_000)
        return min(lowest, most) // 2

    def take_changes(self) -> list[Change]:
        """Changes of method since the last call."""
        changes, self._changes = self._changes, []
        return changes

    # --- over restarts

    def state(self) -> dict[str, Any]:
        """What to save."""
        saved: dict[str, Any] = {}
        for key, seen in self._seen.items():
            known = self._known.get(key)
            entry = saved[key] = seen.state()
            if known is not None:
                entry |= {"method": known.method, "since": known.since}
        return saved

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Restore the saved state, also of earlier versions. Raises TypeError, ValueError, KeyError or AttributeError
        when it is damaged, and then changes nothing."""
        seen = {str(key): Seen.restored(value) for key, value in saved.items()}
        since = {
            str(key): (str(value["method"]), float(value["since"]))
            for key, value in saved.items()
            if isinstance(value, Mapping) and "method" in value
        }
        self._seen.update(seen)
        self._unknown.clear()
        self._since.update(since)


def _key(device: Device) -> str:
    return f"{device.component}/{device.name}"
