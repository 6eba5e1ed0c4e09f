"""Which sensor's steps are booked for which device: by preference and by usable steps, with substitutes. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from ..model import Device, EnergyReading, EnergyStep
from .announcements import Announcements
from .claims import Claims
from .intake import Intake, Taken
from .layout import Samples
from .presence import Presence
from .resets import Resets
from .steps import claim_of_key, sensor_of
from .substitutes import substitute

_BOARD = ("cpu", "dram")  # components that one sensor measures as a whole
_NAMES = {
    "cpu": "package-",
    "dram": "dram-",
}  # names of devices of which only the name was ever read


class Ownership:
    """Settles which sensor measures what in each sample, and makes the devices' steps."""

    def __init__(
        self,
        order: Iterable[str],
        surely_gone: Callable[[str], bool],
        intake: Intake,
        resets: Resets,
        announcements: Announcements,
    ) -> None:
        self.claims = Claims(order, surely_gone)
        self.presence = Presence()
        self.owned: dict[str, Device] = {}  # claim -> a device of it that its owner delivered now
        self.changed: set[str] = set()  # claims that changed their owner in this sample
        self.stand_ins: dict[str, str] = {}  # key of a device without usable steps -> its substitute's source
        self.refused: list[EnergyStep] = []  # at the last read, steps that were not believed
        self._settled: tuple[object, ...] | None = None  # the input of the last decision
        self._surely_gone = surely_gone
        self._intake = intake
        self._resets = resets
        self._announcements = announcements

    def settle(self, taken: Sequence[Taken], now_ns: int) -> None:
        """Decide which sensor measures what. Nothing changes while the same sources deliver without new faults."""
        settled = (self._intake.layout, self._intake.delivery.version, self._intake.hidden)
        if self._settled is not None and settled == self._settled:
            self.claims.seen(self.owned, now_ns)
            self.changed = set()
            return
        delivered: dict[str, dict[str, Device]] = {}  # claim -> sensor -> one of its devices
        useful: set[tuple[str, str]] = set()
        for item in taken:
            place = item.place
            if isinstance(place.of, Device):
                delivered.setdefault(place.claim, {})[place.slot.name] = place.of
                if not self._intake.delivery.fault(place.key):
                    useful.add((place.claim, place.slot.name))
        self.owned, self.changed = {}, set()
        for claim, sensors in delivered.items():
            useless = [sensor for sensor in sensors if (claim, sensor) not in useful]
            former = self.claims.settle(claim, sensors, now_ns, useless)
            owner = self.claims.owner(claim)
            if former is not None and owner is not None:
                # From now on both count the same energy.
                self._intake.tracks.forget(former, claim)
                self.presence.drop(self.presence.keys_of(former, claim))
                self.changed.add(claim)
                self._announcements.handover(claim, owner, former)
            if owner in sensors:
                self.owned[claim] = sensors[owner]
        self._settled = settled if self._is_steady(delivered, useful) else None

    def _is_steady(
        self, delivered: Mapping[str, Mapping[str, Device]], useful: Collection[tuple[str, str]]
    ) -> bool:
        """Whether every claim is with its best delivering sensor: then the passing of time changes nothing."""
        for claim, sensors in delivered.items():
            best = min(
                (sensor for sensor in sensors if (claim, sensor) in useful),
                key=self.claims.order,
                default=None,
            )
            if self.claims.owner(claim) != best:
                return False
        return True

    def book(
        self, taken: Sequence[Taken], samples: Samples, now_ns: int
    ) -> tuple[list[EnergyStep], list[Device]]:
        """Steps of the devices, and those that wait for a slow meter."""
        steps: list[EnergyStep] = []
        spare: list[EnergyStep] = []
        self.refused = []
        waiting: list[Device] = []
        if self._intake.hidden:
            self.presence.drop(self._intake.hidden)
        for item in taken:
            place = item.place
            if not place.claim:
                continue
            mine = self.claims.owner(place.claim) == place.slot.name
            if mine:
                self.presence.note(place.key, now_ns)
                waits = item.advance is None and self._intake.tracks.waits(place.key, now_ns)
                if waits and isinstance(place.of, Device):
                    waiting.append(place.of)
            step = self._step(item, mine)
            if step is not None and place.claim not in self.changed:
                (steps if mine else spare).append(step)
        failing = any(sample.failures for _, sample in samples)
        if failing or self._intake.delivery.faults:
            steps += self._substitutes(taken, samples, spare, now_ns)
        return steps, waiting

    def _step(self, item: Taken, mine: bool) -> EnergyStep | None:
        advance, of = item.advance, item.place.of
        if advance is None or advance.step is None or not isinstance(of, Device):
            return None
        step = advance.step
        if step.reset:
            if mine:
                self._resets.note(of, isinstance(item.reading, EnergyReading))
                self.refused.append(EnergyStep(of, 0, step.nanoseconds))
            return None
        if not item.usable:
            return None
        if mine:
            self._resets.believed(of)
        return EnergyStep(of, step.microjoules, step.nanoseconds, advance.missed, advance.slept_ns)

    def _substitutes(
        self, taken: Sequence[Taken], samples: Samples, spare: Sequence[EnergyStep], now_ns: int
    ) -> list[EnergyStep]:
        """Steps for packages and memories that their owner does not deliver while it delivers others."""
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
                        self._intake.tracks.drop(key)  # a substitute books its energy meanwhile
                    break
        return steps

    def _wanting(
        self, taken: Sequence[Taken], samples: Samples, now_ns: int
    ) -> tuple[list[tuple[str, str, str, str]], dict[tuple[str, str], int]]:
        """Component, name, owner and key of devices without usable steps; and the number of devices of each owner."""
        wanting: list[tuple[str, str, str, str]] = []
        beside: dict[tuple[str, str], int] = {}
        for item in taken:
            place, sensor = item.place, item.place.slot.name
            if place.claim not in _BOARD or self.claims.owner(place.claim) != sensor:
                continue
            beside[place.claim, sensor] = beside.get((place.claim, sensor), 0) + 1
            if self._intake.delivery.fault(place.key):
                wanting.append((place.claim, place.of.name, sensor, place.key))
        for slot, sample in samples:
            for name in sample.failures:
                for component in _BOARD:
                    key, owner = f"device|{slot.name}|{component}|{name}", (component, slot.name)
                    known = self.presence.knows(key) or name.startswith(_NAMES[component])
                    if owner in beside and known and not self._intake.has_twin(key):
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
        """After a restart, expect the devices back whose hardware counters went on."""
        for key in self._intake.tracks.devices():
            if self.claims.owner(claim_of_key(key)) == sensor_of(key):
                self.presence.note(key, now_ns - 1)  # not now: it has still to be read
