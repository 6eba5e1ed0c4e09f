"""The true idle draw of each device: configured, known from its model, learned while idle, or unknown. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from .model import Device

IdleMethod = Literal["configured", "model", "learned", "none"]

# Learn only from samples that are truly quiet and long enough for the counter's own resolution to vanish.
QUIET_UTILISATION = 0.02
SHORTEST_NANOSECONDS = 900_000_000


class IdleBaseline:
    """Lowest power seen while a device was quiet, kept per device across restarts.

    A power, never an energy: what is booked as idle in one sample is at most what was drawn in it.
    """

    def __init__(self) -> None:
        self._learned: dict[str, int] = {}  # component/device -> microwatts

    def observe(self, device: Device, microjoules: int, nanoseconds: int, utilisation: float | None) -> None:
        """Learn from one sample. ``utilisation`` is 0..1, None when unknown (then nothing is learned)."""
        if (
            device.idle_watts is not None
            or utilisation is None
            or utilisation >= QUIET_UTILISATION
            or nanoseconds < SHORTEST_NANOSECONDS
        ):
            return
        power = microjoules * 1_000_000_000 // nanoseconds
        key = f"{device.component}/{device.name}"
        if power > 0 and power < self._learned.get(key, power + 1):
            self._learned[key] = power

    def of(self, device: Device) -> tuple[int | None, IdleMethod]:
        """Idle draw in microwatts and how it is known; (None, "none") when it is not."""
        if device.idle_watts is not None:
            method: IdleMethod = "model" if device.source == "estimate" else "configured"
            return round(device.idle_watts * 1_000_000), method
        learned = self._learned.get(f"{device.component}/{device.name}")
        return (None, "none") if learned is None else (learned, "learned")

    def state(self) -> dict[str, int]:
        """What to save."""
        return dict(self._learned)

    def restore(self, saved: Mapping[str, int]) -> None:
        """Take back what was saved."""
        self._learned.update(saved)
