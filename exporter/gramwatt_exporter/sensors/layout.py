"""The devices and meters that the sensors deliver, worked out anew only when they change. Pure.

A sensor gives the same Device and Meter objects with every sample, so all that follows from them is kept.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from ..model import Device, EnergyReading, Meter, Sample
from .claims import claim_of
from .steps import key_of
from .supervisor import Supervisor
from .timeline import MODELLED

Samples = Sequence[tuple[Supervisor, Sample]]


class Place(Struct):
    """One device or meter of one sensor."""

    slot: Supervisor
    of: Device | Meter
    key: str
    claim: str  # "" for a meter
    around: bool  # a meter that surrounds devices
    judged: bool  # whether its steps are judged; those of a model are not
    draws: bool  # it draws power at every moment in which the machine is awake; inner parts (uncore) may not
    whole: int = -1  # index of the device that it is part of


class Layout:
    """The places in the order of the readings."""

    def __init__(self, samples: Samples) -> None:
        self.places: list[Place] = []
        for slot, sample in samples:
            self.places += [_place(slot, reading.of) for reading in sample.readings]
        self.ids = identities(samples)
        self.around = [place.of for place in self.places if isinstance(place.of, Meter) and place.around]
        self.parts = [index for index in range(len(self.places)) if self._find_whole(index)]
        self.doors = _several_counters(samples)  # two may be one: they are compared

    def _find_whole(self, index: int) -> bool:
        part = self.places[index]
        if not isinstance(part.of, Meter) or part.of.part_of is None:
            return False
        for number, place in enumerate(self.places):
            if place.slot is part.slot and place.claim and place.of.name == part.of.part_of:
                part.whole = number
                return True
        return False


def identities(samples: Samples) -> list[int]:
    """Identifies a layout by its objects, as long as these are kept."""
    return [id(reading.of) for _, sample in samples for reading in sample.readings]


def _place(slot: Supervisor, of: Device | Meter) -> Place:
    if isinstance(of, Device):
        draws = of.component in ("cpu", "dram")
        return Place(slot, of, key_of(of), claim_of(of), False, slot.name != MODELLED, draws)
    around = bool(of.covers)
    return Place(slot, of, key_of(of), "", around, True, around)


def _several_counters(samples: Samples) -> bool:
    """Whether a sensor has several counters of packages or memories: two of them may be one counter."""
    for _, sample in samples:
        components = [
            reading.of.component
            for reading in sample.readings
            if isinstance(reading, EnergyReading) and isinstance(reading.of, Device)
        ]
        if components.count("cpu") > 1 or components.count("dram") > 1:
            return True
    return False
