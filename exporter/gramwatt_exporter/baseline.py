"""The true idle draw of each device: configured, known from its model, learned while idle, or unknown. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

from .model import Device

IdleMethod = Literal["configured", "model", "learned", "none"]

# Learn only from samples that are truly quiet and long enough for the counter's own resolution to vanish. One much
# longer than the longest sampling interval (10 s) was stalled: a virtual machine that its host stopped sees no suspend.
QUIET_UTILISATION = 0.02
SHORTEST_NANOSECONDS = 900_000_000
LONGEST_NANOSECONDS = 30_000_000_000

# The lowest power of the last 24 hours of quiet time counts, kept as the lowest of blocks of 3 hours: what hardware,
# firmware and fans draw changes, and one wrong value must not count for ever. Time that is not quiet forgets nothing.
BLOCK_NANOSECONDS = 3 * 3_600_000_000_000
BLOCKS = 8


class _Quiet(Struct):
    """The lowest power (microwatts) in each block of quiet time, the newest last, and how long that one is so far."""

    nanoseconds: int
    lowest: list[int]


class IdleBaseline:
    """Lowest power seen while a device was quiet, over its last day of quiet time, kept across restarts.

    A power, never an energy: what is booked as idle in one sample is at most what was drawn in it.
    """

    def __init__(self) -> None:
        self._learned: dict[str, _Quiet] = {}  # component/device

    def observe(self, device: Device, microjoules: int, nanoseconds: int, utilisation: float | None) -> None:
        """Learn from one sample. ``utilisation`` is 0..1, None when unknown (then nothing is learned)."""
        if (
            device.idle_watts is not None
            or utilisation is None
            or utilisation >= QUIET_UTILISATION
            or not SHORTEST_NANOSECONDS <= nanoseconds <= LONGEST_NANOSECONDS
        ):
            return
        power = microjoules * 1_000_000_000 // nanoseconds
        if power <= 0:
            return
        key = f"{device.component}/{device.name}"
        quiet = self._learned.get(key)
        if quiet is None:
            self._learned[key] = _Quiet(nanoseconds, [power])
        elif quiet.nanoseconds >= BLOCK_NANOSECONDS:
            quiet.nanoseconds = nanoseconds
            quiet.lowest = [*quiet.lowest[1 - BLOCKS :], power]
        else:
            quiet.nanoseconds += nanoseconds
            quiet.lowest[-1] = min(quiet.lowest[-1], power)

    def of(self, device: Device) -> tuple[int | None, IdleMethod]:
        """Idle draw in microwatts and how it is known; (None, "none") when it is not."""
        if device.idle_watts is not None:
            method: IdleMethod = "model" if device.source == "estimate" else "configured"
            return round(device.idle_watts * 1_000_000), method
        quiet = self._learned.get(f"{device.component}/{device.name}")
        return (None, "none") if quiet is None else (min(quiet.lowest), "learned")

    def state(self) -> dict[str, list[int]]:
        """What to save: for each device the nanoseconds of the newest block, then the lowest power of each."""
        return {key: [quiet.nanoseconds, *quiet.lowest] for key, quiet in self._learned.items()}

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Take back what was saved. Raises TypeError, ValueError or AttributeError when it is damaged, and then
        changes nothing."""
        self._learned.update({str(key): _restored(value) for key, value in saved.items()})


def _restored(saved: int | Sequence[int]) -> _Quiet:
    # A single number is of a ledger from before powers were forgotten.
    nanoseconds, *lowest = [0, saved] if isinstance(saved, int) else map(int, saved)
    if nanoseconds < 0 or not lowest or min(lowest) <= 0:
        raise ValueError("not the powers of a quiet device")
    return _Quiet(nanoseconds, lowest[-BLOCKS:])
