"""Which sensor's steps are booked for which device: by preference, by what they bring, and who stands in. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ..model import Device, EnergyStep
from .announcements import Announcements
from .claims import Claims, claim_of
from .intake import Intake, Samples, Taken
from .presence import Presence
from .resets import Resets
from .substitutes import substitute
from .tracks import claim_of_key, sensor_of

_BOARD = ("cpu", "dram")  # components that one sensor measures as a whole


class Ownership:
    """Settles who measures what in each sample, and makes the devices' steps."""

    def __init__(
        self,
        order: Iterable[str],
        surely_gone: Callable[[str], bool],
        intake: Intake,
        resets: Resets,
        says: Announcements,
    ) -> None:
        self.claims = Claims(order, surely_gone)
        self.presence = Presence()
        self.owned: dict[str, Device] = {}  # claim -> a device of it that its owner delivered now
        self.changed: set[str] = set()  # claims that went to another sensor now
        self.stand_ins: dict[
            str, str
        ] = {}  # key of a device that brings nothing -> the source that stands in
        self._surely_gone = surely_gone
        self._intake = intake
        self._resets = resets
        self._says = says

    def settle(self, taken: Sequence[Taken], now_ns: int) -> None:
        """Decide who measures what."""
        delivered: dict[str, dict[str, Device]] = {}  # claim -> sensor -> one of its devices
        useful: set[tuple[str, str]] = set()
        for item in taken:
            of = item.reading.of
            if isinstance(of, Device):
                claim = claim_of(of)
                delivered.setdefault(claim, {})[item.slot.name] = of
                if not self._intake.delivery.fault(item.key):
                    useful.add((claim, item.slot.name))
        self.owned, self.changed = {}, set()
        for claim, sensors in delivered.items():
            useless = [sensor for sensor in sensors if (claim, sensor) not in useful]
            former = self.claims.settle(claim, sensors, now_ns, useless)
            owner = self.claims.owner(claim)
            if former is not None and owner is not None:
                self._intake.tracks.forget(
                    former, claim
                )  # what it counts from now on, another one counts too
                self.presence.drop(self.presence.keys_of(former, claim))
                self.changed.add(claim)
                self._says.handover(claim, owner, former)
            if owner in sensors:
                self.owned[claim] = sensors[owner]

    def book(
        self, taken: Sequence[Taken], samples: Samples, now_ns: int
    ) -> tuple[list[EnergyStep], list[Device]]:
        """Steps of the devices, and those that wait for a slow meter."""
        steps: list[EnergyStep] = []
        spare: list[EnergyStep] = []
        waiting: list[Device] = []
        if self._intake.hidden:
            self.presence.drop(self._intake.hidden)
        for item in taken:
            of = item.reading.of
            if not isinstance(of, Device):
                continue
            claim = claim_of(of)
            mine = self.claims.owner(claim) == item.slot.name
            if mine:
                self.presence.note(item.key, now_ns)
                if item.advance is None and self._intake.tracks.waits(item.key, now_ns):
                    waiting.append(of)
            step = self._step(item, of, mine)
            if step is not None and claim not in self.changed:
                (steps if mine else spare).append(step)
        return steps + self._substitutes(taken, samples, spare, now_ns), waiting

    def _step(self, item: Taken, of: Device, mine: bool) -> EnergyStep | None:
        advance = item.advance
        if advance is None or advance.step is None:
            return None
        step = advance.step
        if step.reset:
            if mine:
                self._resets.note(of)
            return None
        if not item.usable:
            return None
        if mine:
            self._resets.believed(of)
        return EnergyStep(of, step.microjoules, step.nanoseconds, advance.missed, advance.slept_ns)

    def _substitutes(
        self, taken: Sequence[Taken], samples: Samples, spare: Sequence[EnergyStep], now_ns: int
    ) -> list[EnergyStep]:
        """Steps for packages and memories that their owner does not bring while it brings others."""
        wanting, beside = self._wanting(taken, samples, now_ns)
        steps = []
        self.stand_ins = {}
        for component, name, sensor, key in wanting:
            others = {step.device.source for step in spare if step.device.component == component}
            for source in sorted(others, key=self.claims.order):
                step = substitute(component, name, beside[component, sensor], spare, source)
                if step is not None:
                    steps.append(step)
                    self.stand_ins[key] = source
                    if self.presence.overdue(key, now_ns):
                        self._intake.tracks.drop(key)  # what it counts meanwhile is booked by this
                    break
        return steps

    def _wanting(
        self, taken: Sequence[Taken], samples: Samples, now_ns: int
    ) -> tuple[list[tuple[str, str, str, str]], dict[tuple[str, str], int]]:
        """Component, name, owner and key of devices that bring nothing; and how many devices each owner has."""
        wanting: list[tuple[str, str, str, str]] = []
        beside: dict[tuple[str, str], int] = {}
        for item in taken:
            of, sensor = item.reading.of, item.slot.name
            if not isinstance(of, Device) or self.claims.owner(of.component) != sensor:
                continue
            beside[of.component, sensor] = beside.get((of.component, sensor), 0) + 1
            if self._intake.delivery.fault(item.key):
                wanting.append((of.component, of.name, sensor, item.key))
        for slot, sample in samples:
            for name in sample.failures:
                for component in _BOARD:
                    key, owner = f"device|{slot.name}|{component}|{name}", (component, slot.name)
                    if owner in beside and self.presence.knows(key):
                        beside[owner] += 1
                        if self.presence.overdue(key, now_ns):
                            wanting.append((component, name, slot.name, key))
        return wanting, beside

    def goes_on(self, key: str) -> bool:
        """Whether the sensor of a device still measures it and may come back."""
        sensor = sensor_of(key)
        mine = self.claims.owner(claim_of_key(key)) == sensor
        return mine and not self._surely_gone(sensor) and key in self._intake.tracks

    def restore(self, now_ns: int) -> None:
        """After a restart the devices that the hardware went on counting are expected to come back."""
        for key in self._intake.tracks.devices():
            if self.claims.owner(claim_of_key(key)) == sensor_of(key):
                self.presence.note(key, now_ns - 1)  # not now: it has still to be read
