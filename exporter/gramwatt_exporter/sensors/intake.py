"""From readings to steps, for every sensor alike: a counter seen twice is left out, each step is judged. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from ..model import EnergyReading, Reading
from .announcements import Announcements
from .delivery import Delivery, PartOfWhole
from .layout import Layout, Place, Samples, identities
from .mirrors import Mirrors
from .resets import Resets
from .steps import POWER_GAP_SECONDS, Advance, Histories
from .suspends import Suspends


class Taken(Struct):
    """One reading and its step."""

    place: Place
    reading: Reading
    advance: Advance | None  # None: the same reading as before
    usable: bool  # whether its step may be booked


class Intake:
    """Keeps the last reading of every counter and power value."""

    def __init__(
        self,
        suspends: Suspends,
        packages: Callable[[], int | None],
        resets: Resets,
        announcements: Announcements,
    ) -> None:
        self.tracks = Histories()
        self.delivery = Delivery()
        self.layout = Layout(())
        self.hidden: dict[str, str] = {}  # device -> the first device with the same counter
        self._suspends = suspends
        self._mirrors = Mirrors(packages)
        self._parts = PartOfWhole()
        self._resets = resets
        self._announcements = announcements
        self._tick = 0
        self._read_ns: int | None = None

    def take(self, samples: Samples, now_ns: int) -> list[Taken]:
        """All readings, each counter once."""
        self._tick += 1
        # The exporter was stopped (a debugger, docker pause, a hanging disk): power was not measured, counters went on.
        stalled = self._read_ns is not None and now_ns - self._read_ns > POWER_GAP_SECONDS * 1_000_000_000
        self._read_ns = now_ns
        if identities(samples) != self.layout.ids:
            self.layout = Layout(samples)
        layout = self.layout
        if layout.doors or self.hidden:
            self._find_mirrors(samples, now_ns)
        readings = [reading for _, sample in samples for reading in sample.readings]
        taken = [
            self._step(place, reading, now_ns, stalled)
            for place, reading in zip(layout.places, readings, strict=True)
        ]
        if layout.parts:
            self._compare_parts(taken, now_ns)
        if self.hidden:
            taken = [item for item in taken if item.place.key not in self.hidden]
        return taken

    def state(self, now_ns: int) -> dict[str, dict[str, Any]]:
        """The raw counters to save, but for unusable ones: another source booked their energy."""
        faults = self.delivery.faults
        return {key: value for key, value in self.tracks.state(now_ns).items() if key not in faults}

    def restore(self, tracks: Histories) -> None:
        """Restore the counters of before a restart."""
        self.tracks = tracks
        self._mirrors.counted_before = frozenset(tracks.devices())

    def has_twin(self, key: str) -> bool:
        """Whether another device shows the same counter."""
        return self._mirrors.has_twin(key)

    def _find_mirrors(self, samples: Samples, now_ns: int) -> None:
        hidden: dict[str, str] = {}
        for _, sample in samples:
            if len(sample.readings) > 1:
                hidden |= self._mirrors.settle(sample.readings, now_ns)
        if hidden or self.hidden:
            for key in hidden.keys() ^ self.hidden.keys():
                self.tracks.drop(key)
            # When the first device cannot be read any more, the second one counts in its place, the gap included.
            delivered = {place.key for place in self.layout.places}
            for key in self.hidden.keys() - hidden.keys():
                if key in delivered and self.hidden[key] not in delivered:
                    self.tracks.drop(self.hidden[key])
            self._announcements.mirrors(hidden)
            self.hidden = hidden
        self.layout.doors = not self._mirrors.all_apart

    def _step(self, place: Place, reading: Reading, now_ns: int, stalled: bool) -> Taken:
        asleep, doubtful = self._suspends.at(reading.at_ns)
        advance = self.tracks.advance(reading, self._tick, asleep, doubtful, stalled, place.key)
        step = None if advance is None else advance.step
        if step is None or not place.judged:
            return Taken(place, reading, advance, True)
        usable = self.delivery.note(place.key, place.draws, step.microjoules, step.reset, now_ns)
        return Taken(place, reading, advance, usable)

    def _compare_parts(self, taken: list[Taken], now_ns: int) -> None:
        """No inner meter shows more than the device it is part of."""
        for index in self.layout.parts:
            part = taken[index]
            whole = taken[part.place.whole]
            of_whole, of_part = _counted(whole), _counted(part)
            if of_whole is None or of_part is None:
                continue
            (nanoseconds, energy), (_, part_energy) = of_whole, of_part
            key = whole.place.key
            below = self._parts.compare(key, part.place.key, nanoseconds, energy, part_energy)
            if below is None:
                continue
            self.delivery.below(key, below, now_ns)
            if below:
                whole.usable = False
                self._resets.count(whole.place.of)


def _counted(item: Taken) -> tuple[int, int] | None:
    """Nanoseconds and microjoules of a counter's step; None where it is none."""
    step = None if item.advance is None else item.advance.step
    if step is None or not isinstance(item.reading, EnergyReading):
        return None
    return step.nanoseconds, 0 if step.reset else step.microjoules
