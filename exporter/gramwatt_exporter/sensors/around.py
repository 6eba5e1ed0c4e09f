"""The rest of the machine: what one meter around the devices shows beyond them, as the device ``other``. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ..counters import Beyond
from ..model import Component, Device, EnergyStep, Meter, MeterStep, Reading
from .tracks import key_of


class Around:
    """Of all surrounding meters the one that spans most; two would count the rest of the machine twice."""

    def __init__(self) -> None:
        self._key = ""
        self._covers: tuple[Component, ...] = ()
        self._at_ns = 0  # of the last reading taken into account
        self._beyond = Beyond()

    def elect(self, readings: Iterable[Reading]) -> None:
        """A meter that spans more than the one in use takes its place."""
        for reading in readings:
            if isinstance(reading.of, Meter) and len(reading.of.covers) > len(self._covers):
                self._key, self._covers = key_of(reading.of), reading.of.covers
                self._beyond = Beyond()

    def begin(self, reading: Reading) -> None:
        """A meter's counting begins with this reading: its first, or the first after a reset."""
        if key_of(reading.of) == self._key:
            self._beyond.begin(reading.at_ns)
            self._at_ns = reading.at_ns

    def rest(
        self, steps: Sequence[EnergyStep], meters: Sequence[tuple[MeterStep, int]], now_ns: int
    ) -> EnergyStep | None:
        """Energy beyond the covered devices since the meter's last reading; ``meters`` come with their time."""
        if not self._key:
            return None
        self._beyond.cover(sum(s.microjoules for s in steps if s.device.component in self._covers), now_ns)
        for step, at_ns in meters:
            meter = step.meter
            if key_of(meter) == self._key:
                energy = self._beyond.surround(step.microjoules, at_ns)
                elapsed, self._at_ns = at_ns - self._at_ns, at_ns
                device = Device(
                    "other", meter.name, meter.source, meter.uncertainty_ratio, None, meter.max_watts
                )
                return EnergyStep(device, energy, max(1, elapsed))
        return None

    def state(self) -> list[Any]:
        """What to save."""
        return [self._key, list(self._covers), self._at_ns, self._beyond.state()]

    @classmethod
    def restored(cls, saved: Sequence[Any]) -> Around:
        """Go on from what was saved."""
        around = cls()
        key, covers, at_ns, beyond = saved
        around._key, around._covers, around._at_ns = str(key), tuple(covers), int(at_ns)
        around._beyond = Beyond.restored(beyond)
        return around

    @property
    def key(self) -> str:
        """The meter in use, as in the tracks; "" for none."""
        return self._key
