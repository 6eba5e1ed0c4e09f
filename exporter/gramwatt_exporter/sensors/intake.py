"""From what the sensors read to steps, whoever measures what: repeated counters left out, each step judged. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct

from ..model import Device, EnergyReading, Meter, Reading, Sample
from .announcements import Announcements
from .delivery import Delivery, PartOfWhole
from .mirrors import Mirrors
from .resets import Resets
from .slot import Slot
from .suspends import Suspends
from .timeline import MODELLED
from .tracks import POWER_GAP_SECONDS, Advance, Tracks, key_of

Samples = Sequence[tuple[Slot, Sample]]


class Taken(Struct):
    """One reading and what became of it."""

    slot: Slot
    reading: Reading
    key: str
    advance: Advance | None  # None: the same reading as before
    usable: bool  # whether its step may be booked


class Intake:
    """Keeps what was read last of everything."""

    def __init__(
        self, suspends: Suspends, packages: Callable[[], int | None], resets: Resets, says: Announcements
    ) -> None:
        self.tracks = Tracks()
        self.delivery = Delivery()
        self.hidden: dict[str, str] = {}  # second doors to a counter -> the first
        self.suspends = suspends
        self._mirrors = Mirrors(packages)
        self._parts = PartOfWhole()
        self._resets = resets
        self._says = says
        self._tick = 0
        self._read_ns: int | None = None

    def take(self, samples: Samples, now_ns: int) -> list[Taken]:
        """Everything that was read, without the second doors to a counter."""
        self._tick += 1
        # Stopped (a debugger, docker pause, a disk that hangs): power was not measured, counters went on.
        stalled = self._read_ns is not None and now_ns - self._read_ns > POWER_GAP_SECONDS * 1_000_000_000
        self._read_ns = now_ns
        self._find_mirrors(samples, now_ns)
        taken = [
            self._step(slot, reading, key, now_ns, stalled)
            for slot, sample in samples
            for reading in sample.readings
            if (key := key_of(reading.of)) not in self.hidden
        ]
        self._compare_parts(taken, now_ns)
        return taken

    def _find_mirrors(self, samples: Samples, now_ns: int) -> None:
        hidden: dict[str, str] = {}
        for _, sample in samples:
            if len(sample.readings) > 1:
                hidden |= self._mirrors.settle(sample.readings, now_ns)
        if hidden or self.hidden:
            for key in hidden.keys() - self.hidden.keys():
                self.tracks.drop(key)
            self._says.mirrors(hidden)
            self.hidden = hidden

    def _step(self, slot: Slot, reading: Reading, key: str, now_ns: int, stalled: bool) -> Taken:
        asleep, doubtful = self.suspends.at(reading.at_ns)
        advance = self.tracks.advance(reading, self._tick, asleep, doubtful, stalled)
        step = None if advance is None else advance.step
        if step is None or slot.name == MODELLED:
            return Taken(slot, reading, key, advance, True)
        usable = self.delivery.note(key, reading.of, step.microjoules, step.reset, now_ns)
        return Taken(slot, reading, key, advance, usable)

    def _compare_parts(self, taken: Sequence[Taken], now_ns: int) -> None:
        """No inner meter shows more than the device it is part of."""
        wholes: dict[tuple[str, str], Taken] | None = None
        for part in taken:
            of = part.reading.of
            if not isinstance(of, Meter) or of.part_of is None:
                continue
            if wholes is None:
                wholes = {
                    (t.slot.name, t.reading.of.name): t for t in taken if isinstance(t.reading.of, Device)
                }
            whole = wholes.get((part.slot.name, of.part_of))
            if whole is not None:
                self._compare(whole, part, now_ns)

    def _compare(self, whole: Taken, part: Taken, now_ns: int) -> None:
        of_whole, of_part = _counted(whole), _counted(part)
        if of_whole is None or of_part is None:
            return
        (nanoseconds, energy), (_, part_energy) = of_whole, of_part
        below = self._parts.compare(whole.key, part.key, nanoseconds, energy, part_energy)
        if below is None:
            return
        self.delivery.below(whole.key, below, now_ns)
        if below:
            whole.usable = False
            self._resets.count(whole.reading.of)


def _counted(item: Taken) -> tuple[int, int] | None:
    """Nanoseconds and microjoules of a counter's step; None where it is none."""
    step = None if item.advance is None else item.advance.step
    if step is None or not isinstance(item.reading, EnergyReading):
        return None
    return step.nanoseconds, 0 if step.reset else step.microjoules
