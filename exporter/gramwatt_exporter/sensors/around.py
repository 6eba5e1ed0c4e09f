"""The rest of the machine: what one meter around the devices shows beyond them, as the device ``other``. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ..counters import Beyond
from ..model import Component, Device, EnergyStep, Meter, MeterStep, Reading
from .claims import HOLD_SECONDS
from .tracks import key_of, sensor_of

_SECOND = 1_000_000_000


class Around:
    """Of all surrounding meters the one that spans most; two would count the rest of the machine twice.

    One that goes away keeps its place as a sensor keeps its claims: for HOLD_SECONDS, unless its sensor is surely
    gone. Then the one that spans most of the others takes it.
    """

    def __init__(self) -> None:
        self._key = ""
        self._covers: tuple[Component, ...] = ()
        self._seen_ns = 0  # when it was last delivered
        self._at_ns = 0  # of the last reading taken into account
        self._begin_ns: int | None = None  # when its counting began, in this tick
        self._counts_since_ns: int | None = None  # when it began last; None: not known, before a restart
        self._beyond = Beyond()
        self._device: Device | None = None  # what it made last

    def elect(self, readings: Iterable[Reading], now_ns: int, surely_gone: Callable[[str], bool]) -> None:
        """Choose among what was delivered; ``surely_gone`` tells of a sensor whether it will not come back soon."""
        best: Meter | None = None
        present = False
        for reading in readings:
            of = reading.of
            if not isinstance(of, Meter) or not of.covers:
                continue
            present = present or key_of(of) == self._key
            if best is None or len(of.covers) > len(best.covers):
                best = of
        if present:
            self._seen_ns = now_ns
        lost = not present and self._lost(now_ns, surely_gone)
        if best is not None and (lost or len(best.covers) > len(self._covers)):
            self._key, self._covers, self._seen_ns = key_of(best), best.covers, now_ns
            self._beyond, self._counts_since_ns, self._device = Beyond(), None, None

    def _lost(self, now_ns: int, surely_gone: Callable[[str], bool]) -> bool:
        return now_ns - self._seen_ns > HOLD_SECONDS * _SECOND or surely_gone(sensor_of(self._key))

    def begin(self, reading: Reading) -> None:
        """A meter's counting begins with this reading: its first, or the first after a reset or a gap."""
        if key_of(reading.of) == self._key:
            self._begin_ns = reading.at_ns

    def rest(
        self, steps: Sequence[EnergyStep], meters: Sequence[tuple[MeterStep, int]], now_ns: int
    ) -> EnergyStep | None:
        """Energy beyond the covered devices since the meter's last reading; ``meters`` come with their time."""
        if not self._key:
            return None
        covered = [step for step in steps if step.device.component in self._covers]
        self._beyond.cover(sum(step.microjoules for step in covered if not step.missed), now_ns)
        own = next(((step, at_ns) for step, at_ns in meters if key_of(step.meter) == self._key), None)
        if self._begin_ns is None and own is not None and not self._beyond.begun:
            # Chosen while it counts: of before, the devices' energy is not known here.
            (_, self._begin_ns), own = own, None
        if self._begin_ns is not None:  # after the devices' energy up to that moment
            self._beyond.begin(self._begin_ns)
            self._counts_since_ns = self._at_ns = self._begin_ns
            self._begin_ns = None
        missed = sum(self._counted_too(step, now_ns) for step in covered if step.missed)
        if missed:
            self._beyond.cover(missed, now_ns)
        return None if own is None else self._step(*own)

    def _counted_too(self, step: EnergyStep, now_ns: int) -> int:
        """Of energy that passed unseen up to now (uJ), the part since the meter counts, as if drawn evenly.

        What a device drew before, while the exporter was down, the meter does not show: taken from it, that would
        silence the rest of the machine for as long.
        """
        if self._counts_since_ns is None:
            return step.microjoules
        together = min(max(0, now_ns - self._counts_since_ns), step.nanoseconds)
        return step.microjoules * together // max(1, step.nanoseconds)

    def _step(self, step: MeterStep, at_ns: int) -> EnergyStep:
        meter = step.meter
        energy = self._beyond.surround(step.microjoules, at_ns)
        elapsed, self._at_ns = at_ns - self._at_ns, at_ns
        self._device = Device(
            "other", meter.name, meter.source, meter.uncertainty_ratio, None, meter.max_watts
        )
        # A call of a slow controller fails now and then; what is missed for longer has no power to show.
        missed = step.missed and elapsed > HOLD_SECONDS * _SECOND
        return EnergyStep(self._device, energy, max(1, elapsed), missed)

    def state(self) -> list[Any]:
        """What to save."""
        return [self._key, list(self._covers), self._at_ns, self._beyond.state(), self._counts_since_ns]

    @classmethod
    def restored(cls, saved: Sequence[Any], now_ns: int) -> Around:
        """Go on from what was saved; the meter has the usual time to come back."""
        around = cls()
        key, covers, at_ns, beyond, *more = saved  # an older state ends here
        around._key, around._covers, around._at_ns = str(key), tuple(covers), int(at_ns)
        around._seen_ns = now_ns
        around._counts_since_ns = int(more[0]) if more and more[0] is not None else None
        around._beyond = Beyond.restored(beyond)
        return around

    @property
    def device(self) -> Device | None:
        """The rest of the machine, as the present meter showed it last."""
        return self._device

    @property
    def key(self) -> str:
        """The meter in use, as in the tracks; "" for none."""
        return self._key
