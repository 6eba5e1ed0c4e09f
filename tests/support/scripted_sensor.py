"""A sensor whose answers a test sets, and what to ask of a sensor set's sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gramwatt_exporter.model import (
    Device,
    DeviceUse,
    EnergyReading,
    MergedSample,
    Meter,
    PowerReading,
    Reading,
    Sample,
    SensorState,
)

J = 1_000_000  # microjoules


class Scripted:
    """A sensor whose answers the test sets: readings, or an error to raise."""

    def __init__(self, name: str, clock: Any) -> None:
        self.name = name
        self.clock = clock
        self.opening: Exception | None = None
        self.reading: Exception | None = None
        self.answer: Sample | None = None  # given as it is, with its own times
        self.microjoules: dict[Device | Meter, int] = {}
        self.power: dict[Device | Meter, int] = {}
        self.uses: Sequence[DeviceUse] = ()
        self.failures: dict[str, str] = {}
        self.notes: list[str] = []
        self.notes_by_component: dict[str, list[str]] = {}
        self.opened = 0

    def open(self) -> None:
        self.opened += 1
        if self.opening is not None:
            raise self.opening

    def read(self) -> Sample:
        if self.reading is not None:
            raise self.reading
        if self.answer is not None:
            return self.answer
        readings: list[Reading] = [EnergyReading(of, uj, self.clock()) for of, uj in self.microjoules.items()]
        readings += [PowerReading(of, uw, self.clock()) for of, uw in self.power.items()]
        return Sample(readings, self.uses, dict(self.failures))

    def close(self) -> None:
        pass


def cpu(source: str, name: str = "package-0", max_watts: float | None = None) -> Device:
    return Device("cpu", name, source, 0.05, None, max_watts)


def booked(sample: MergedSample) -> dict[tuple[str, str, str], int]:
    return {(s.device.component, s.device.name, s.device.source): s.microjoules for s in sample.steps}


def state_of(sample: MergedSample, name: str) -> SensorState:
    return next(s for s in sample.sensors if s.name == name)
