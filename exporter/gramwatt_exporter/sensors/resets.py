"""Refused steps: always counted, and logged once for each counter until it brings a good step."""

from __future__ import annotations

from collections.abc import Mapping

from ..model import Device, Meter
from .supervisor import Logger


class Resets:
    """Totals since the ledger began, by (component or "meter", name)."""

    def __init__(self, log: Logger) -> None:
        self.totals: dict[tuple[str, str], int] = {}
        self._log = log
        self._doubted: set[Device | Meter] = set()

    def go_on(self, totals: Mapping[tuple[str, str], int]) -> None:
        """Set the totals, from a saved state."""
        self.totals = dict(totals)

    def count(self, of: Device | Meter) -> tuple[str, str]:
        """Count one refused step."""
        key = (of.component if isinstance(of, Device) else "meter", of.name)
        self.totals[key] = self.totals.get(key, 0) + 1
        return key

    def note(self, of: Device | Meter, counts: bool = True) -> None:
        """Count one refused step; log the first one. ``counts``: it is of a counter, else of power."""
        key = self.count(of)
        if of not in self._doubted:
            self._doubted.add(of)
            self._log.info(
                "counter was reset or its step is implausible: it is not booked"
                if counts
                else "power is implausible: it is not booked",
                source=of.source,
                what="/".join(key),
            )

    def mended(self, of: Device | Meter) -> None:
        """One more, in place of which the device's other source was booked."""
        component, name = self.count(of)
        self._log.info(
            "counter was reset, stood still or its step is implausible: what the device shows besides is booked",
            source=of.source,
            what=f"{component}/{name}",
        )

    def believed(self, of: Device | Meter) -> None:
        """A counter brought a good step: its next refused one is logged again."""
        if self._doubted:
            self._doubted.discard(of)
