"""All sensors as one: every device once, by its best source, with wraps, resets and gaps removed."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ..model import BankSample, Device, DeviceUse, EnergyReading, EnergyStep, Meter, MeterStep, Reading, Sample, Sensor
from .announcements import Announcements
from .around import Around
from .claims import Claims, claim_of
from .delivery import Delivery, Fault, PartOfWhole
from .mirrors import Mirrors
from .presence import Presence
from .slot import Logger, Slot
from .substitutes import substitute
from .suspends import Suspends
from .timeline import MODELLED
from .tracks import POWER_GAP_SECONDS, Advance, Tracks, claim_of_key, key_of, sensor_of

SLOW_OPEN_WAIT_SECONDS = 0.25  # what the start of the exporter waits for sensors that open slowly


class Taken(Struct):
    """One reading and what became of it."""

    slot: Slot
    reading: Reading
    key: str
    advance: Advance | None
    usable: bool


class Bank:
    """Reads every sensor once per call of ``read``; one failing sensor never stops the others.

    ``boottime_ns`` is CLOCK_BOOTTIME. ``awake_ns`` (CLOCK_MONOTONIC), where given, shows by its difference to the
    former that the machine slept: hardware counters may be lost then. ``wanted`` are sensors that the user switched on:
    that one of them is absent is a warning. ``packages`` is what Mirrors asks.
    In a BankSample, ``resets`` are totals since the ledger began, every SensorState's ``failures`` since the start.
    """

    def __init__(
        self,
        sensors: Sequence[Sensor],
        boottime_ns: Callable[[], int],
        log: Logger,
        awake_ns: Callable[[], int] | None = None,
        wanted: Collection[str] = (),
        packages: Callable[[], int | None] = lambda: None,
    ) -> None:
        self._slots = [Slot(sensor, order, log, sensor.name in wanted) for order, sensor in enumerate(sensors)]
        self._now = boottime_ns
        self._log = log
        self._says = Announcements(log)
        self._tick = 0
        self._by_name = {slot.name: slot for slot in self._slots}
        self._claims = Claims(self._by_name, self._surely_gone)
        self._tracks = Tracks()
        self._suspends = Suspends(boottime_ns, awake_ns or boottime_ns)
        self._delivery = Delivery()
        self._parts = PartOfWhole()
        self._mirrors = Mirrors(packages)
        self._presence = Presence()
        self._around = Around()
        self._read_ns: int | None = None
        self._resets: dict[tuple[str, str], int] = {}
        self._doubted: set[Device | Meter] = set()  # whose last reading was no step, and said so
        self._taken: list[Taken] = []  # of the last read, for `overview`
        self._hidden: dict[str, str] = {}  # second doors to a counter -> the first

    def _surely_gone(self, sensor: str) -> bool:
        slot = self._by_name.get(sensor)
        return slot is None or slot.surely_gone

    def open(self) -> None:
        """Open every sensor. Those that may take long go on in the background."""
        now = self._now()
        for slot in self._slots:
            slot.open(now)
        deadline = time.monotonic() + SLOW_OPEN_WAIT_SECONDS
        for slot in self._slots:
            slot.await_open(max(0.0, deadline - time.monotonic()), now)

    def close(self) -> None:
        """Close every sensor that is open."""
        for slot in self._slots:
            slot.close()

    def read(self) -> BankSample:
        """Read every sensor and merge. Devices without a previous reading give no step: nothing is known yet."""
        self._tick += 1
        now = self._now()
        # Stopped (a debugger, docker pause, a disk that hangs): power was not measured, counters went on.
        stalled = self._read_ns is not None and now - self._read_ns > POWER_GAP_SECONDS * 1_000_000_000
        self._read_ns = now
        self._suspends.before(now)
        samples = self._read_all(now)
        self._suspends.after()
        self._find_mirrors(samples, now)
        self._around.seen((reading for _, sample in samples for reading in sample.readings), now)
        taken = self._taken = [
            self._take(slot, reading, key, now, stalled)
            for slot, sample in samples
            for reading in sample.readings
            if (key := key_of(reading.of)) not in self._hidden
        ]
        self._compare_parts(taken, now)
        owned, changed = self._settle_claims(taken, now)
        steps, spare, waiting = self._book_devices(taken, changed, now)
        steps += self._substitutes(taken, samples, spare, now)
        meters = self._book_meters(taken)
        comparable = not changed and self._presence.same() and not any(step.missed for step in steps)
        steps, rest = self._surround(steps, meters, now, comparable)
        if rest is not None:
            steps.append(rest)
        elif self._rest_waits(now) and self._around.device is not None:
            waiting.append(self._around.device)
        self._speak(samples, taken)
        return BankSample(
            steps,
            [step for step, _ in meters],
            _uses(samples, owned),
            [slot.state() for slot in self._slots],
            dict(self._resets),
            waiting,
        )

    def _rest_waits(self, now: int) -> bool:
        """Whether the meter around the machine is just slow, or waits. A call of a controller may fail now and then."""
        key = self._around.key
        return self._around.holds or (self._tracks.waits(key, now) and not self._surely_gone(sensor_of(key)))

    # --- reading

    def _read_all(self, now: int) -> list[tuple[Slot, Sample]]:
        samples = []
        for slot in self._slots:
            if not slot.up:
                slot.revive(now)
            sample = slot.read(now) if slot.up else None
            if sample is not None:
                samples.append((slot, sample))
        return samples

    def _find_mirrors(self, samples: Sequence[tuple[Slot, Sample]], now: int) -> None:
        hidden: dict[str, str] = {}
        for _, sample in samples:
            if len(sample.readings) > 1:
                hidden |= self._mirrors.settle(sample.readings, now)
        for key in hidden.keys() - self._hidden.keys():
            self._tracks.drop(key)
            self._presence.drop([key])
        if hidden or self._hidden:
            self._says.mirrors(hidden)
        self._hidden = hidden

    def _take(self, slot: Slot, reading: Reading, key: str, now: int, stalled: bool) -> Taken:
        """Turn one reading into a step, whoever measures the device."""
        asleep, doubtful = self._suspends.at(reading.at_ns)
        advance = self._tracks.advance(reading, self._tick, asleep, doubtful, stalled)
        step = None if advance is None else advance.step
        if step is None or slot.name == MODELLED:
            return Taken(slot, reading, key, advance, True)
        usable = self._delivery.note(key, reading.of, step.microjoules, step.reset, now)
        return Taken(slot, reading, key, advance, usable)

    def _compare_parts(self, taken: Sequence[Taken], now: int) -> None:
        """No inner meter shows more than the device it is part of."""
        wholes = {(t.slot.name, t.reading.of.name): t for t in taken if isinstance(t.reading.of, Device)}
        for part in taken:
            of = part.reading.of
            if not isinstance(of, Meter) or of.part_of is None:
                continue
            whole = wholes.get((part.slot.name, of.part_of))
            if whole is None or not _counts(whole) or not _counts(part):
                continue
            a, b = whole.advance.step, part.advance.step  # type: ignore[union-attr]
            below = self._parts.compare(whole.key, part.key, a.nanoseconds, a.microjoules, b.microjoules)  # type: ignore[union-attr]
            if below is not None:
                self._delivery.below(whole.key, below, now)
                if below:
                    whole.usable = False
                    self._count_reset(whole.reading.of)

    # --- who measures what

    def _settle_claims(self, taken: Sequence[Taken], now: int) -> tuple[dict[str, Device], set[str]]:
        """Decide who measures what; returns the device of every claim that its owner delivered, and what changed."""
        delivered: dict[str, dict[str, Device]] = {}  # claim -> sensor -> one of its devices
        useful: set[tuple[str, str]] = set()
        for item in taken:
            of = item.reading.of
            if isinstance(of, Device):
                claim = claim_of(of)
                delivered.setdefault(claim, {})[item.slot.name] = of
                if not self._delivery.fault(item.key):
                    useful.add((claim, item.slot.name))
        owned, changed = {}, set()
        for claim, sensors in delivered.items():
            useless = [sensor for sensor in sensors if (claim, sensor) not in useful]
            former = self._claims.settle(claim, sensors, now, useless)
            owner = self._claims.owner(claim)
            if former is not None and owner is not None:
                self._tracks.forget(former, claim)  # what it counts from now on, another one counts too
                self._presence.drop(self._presence.keys_of(former, claim))
                changed.add(claim)
                self._says.handover(claim, owner, former)
            if owner in sensors:
                owned[claim] = sensors[owner]
        return owned, changed

    def _book_devices(
        self, taken: Sequence[Taken], changed: Collection[str], now: int
    ) -> tuple[list[EnergyStep], list[EnergyStep], list[Device]]:
        """Steps of the devices by their owners, steps of the others, devices that wait for a slow meter."""
        steps: list[EnergyStep] = []
        spare: list[EnergyStep] = []
        waiting: list[Device] = []
        for item in taken:
            of, advance = item.reading.of, item.advance
            if not isinstance(of, Device):
                continue
            claim = claim_of(of)
            mine = self._claims.owner(claim) == item.slot.name
            if mine:
                self._presence.note(item.key, now)
            if advance is None:
                if mine and self._tracks.waits(item.key, now):
                    waiting.append(of)
                continue
            step = advance.step
            if step is None:
                continue
            if step.reset:
                if mine:
                    self._note_reset(of)
                continue
            if not item.usable or claim in changed:
                continue
            if mine and self._doubted:
                self._doubted.discard(of)
            (steps if mine else spare).append(
                EnergyStep(of, step.microjoules, step.nanoseconds, advance.missed, advance.slept_ns)
            )
        return steps, spare, waiting

    def _substitutes(
        self,
        taken: Sequence[Taken],
        samples: Sequence[tuple[Slot, Sample]],
        spare: Sequence[EnergyStep],
        now: int,
    ) -> list[EnergyStep]:
        """Steps for packages and memories that their owner does not bring while it brings others."""
        wanting: list[tuple[str, str, str, str]] = []  # component, name, owner, key
        beside: dict[tuple[str, str], int] = {}
        for item in taken:
            of = item.reading.of
            if isinstance(of, Device) and of.component != "gpu" and self._claims.owner(of.component) == item.slot.name:
                owner = (of.component, item.slot.name)
                beside[owner] = beside.get(owner, 0) + 1
                if self._delivery.fault(item.key):
                    wanting.append((of.component, of.name, item.slot.name, item.key))
        for slot, sample in samples:
            for name in sample.failures:
                for component in ("cpu", "dram"):
                    key = f"device|{slot.name}|{component}|{name}"
                    owner = (component, slot.name)
                    if owner in beside and key in self._tracks:
                        beside[owner] += 1
                        if self._presence.overdue(key, now):
                            wanting.append((component, name, slot.name, key))
        steps = []
        for component, name, sensor, key in wanting:
            others = {step.device.source for step in spare if step.device.component == component}
            for source in sorted(others, key=self._claims.order):
                step = substitute(component, name, beside[component, sensor], spare, source)
                if step is not None:
                    steps.append(step)
                    if self._presence.overdue(key, now):
                        self._tracks.drop(key)  # what it counted meanwhile is booked by this
                    break
        return steps

    # --- meters

    def _book_meters(self, taken: Sequence[Taken]) -> list[tuple[MeterStep, int]]:
        meters: list[tuple[MeterStep, int]] = []
        for item in taken:
            of, advance = item.reading.of, item.advance
            if not isinstance(of, Meter) or advance is None:
                continue
            step = advance.step
            if step is not None and step.reset:
                self._note_reset(of)
            if step is None or step.reset or (of.covers and not item.usable and step.microjoules > 0):
                self._around.begin(item.reading)
                continue
            if self._doubted:
                self._doubted.discard(of)
            meters.append((MeterStep(of, step.microjoules, step.nanoseconds, advance.missed), item.reading.at_ns))
        return meters

    def _surround(
        self, steps: list[EnergyStep], meters: Sequence[tuple[MeterStep, int]], now: int, comparable: bool
    ) -> tuple[list[EnergyStep], EnergyStep | None]:
        """The devices as they fit into the meter around the machine, and what it shows beyond them."""
        around = self._around
        unreadable = bool(around.key) and self._presence.unreadable(now, around.covers, self._goes_on)
        more_to_come = not around.key and any(slot.pending for slot in self._slots)
        bounded, models = around.bounded(steps)
        rest = around.rest(
            bounded,
            models,
            meters,
            now,
            lambda: around.election.elect(now, self._surely_gone, more_to_come),
            unreadable,
            comparable,
        )
        self._says.platform(around.election, around.change)
        self._says.bound(around.key, around.model_ratio)
        return bounded, rest

    def _goes_on(self, key: str) -> bool:
        """Whether the sensor of a device still measures it and may come back."""
        sensor = sensor_of(key)
        mine = self._claims.owner(claim_of_key(key)) == sensor
        return mine and not self._surely_gone(sensor) and key in self._tracks

    # --- what is said

    def _note_reset(self, of: Device | Meter) -> None:
        key = self._count_reset(of)
        if of not in self._doubted:
            self._doubted.add(of)
            self._log.info(
                "counter was reset or its step is implausible: it is not booked",
                source=of.source,
                what="/".join(key),
            )

    def _count_reset(self, of: Device | Meter) -> tuple[str, str]:
        key = (of.component if isinstance(of, Device) else "meter", of.name)
        self._resets[key] = self._resets.get(key, 0) + 1
        return key

    def _speak(self, samples: Sequence[tuple[Slot, Sample]], taken: Sequence[Taken]) -> None:
        faults: dict[str, list[Fault]] = {slot.name: [] for slot, _ in samples}
        sound = set()
        shows: dict[str, list[str]] = {}
        for item in taken:
            of = item.reading.of
            if isinstance(of, Meter):
                shows.setdefault(item.slot.name, []).append(of.name)
                if not of.covers:
                    continue
            fault = self._delivery.fault(item.key)
            self._says.fault(item.key, of, fault)
            if fault:
                faults[item.slot.name].append(fault)
            else:
                sound.add(item.slot.name)
        for slot, sample in samples:
            slot.judge(faults[slot.name], slot.name not in sound)
            measures = self._claims.of(slot.name)
            slot.announce(measures, [*shows.get(slot.name, ()), *(use.device.name for use in sample.uses)])
            slot.pass_on_notes(measures)

    # --- keeping what was counted across restarts

    def state(self) -> dict[str, Any]:
        """What to save: raw counters, who measures what, resets. JSON-able."""
        return {
            "counters": self._tracks.state(self._now()),
            "owners": self._claims.state(),
            "resets": [[component, name, count] for (component, name), count in self._resets.items()],
            "around": self._around.state(),
        }

    def go_on_counting_resets(self, totals: Mapping[tuple[str, str], int]) -> None:
        """From these, by (component or "meter", name): they are totals, on whatever boot the hardware counts now."""
        self._resets = dict(totals)

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Go on from what was saved, before the first read, on the same boot only.

        Energy the hardware counted since then comes as steps marked ``missed``. Power and estimates have no gap
        energy: nothing was measured. Raises KeyError, TypeError, ValueError or AttributeError for what is no state,
        and then changes nothing.
        """
        now = self._now()
        resets = {(str(component), str(name)): int(count) for component, name, count in saved["resets"]}
        tracks = Tracks()
        tracks.restore(saved["counters"], now)
        around = Around.restored(saved["around"], now, tracks.__contains__)
        self._claims.restore(saved["owners"], now)
        self._tracks, self._resets, self._around = tracks, resets, around
        for key in tracks.devices():
            if self._claims.owner(claim_of_key(key)) == sensor_of(key):
                self._presence.note(key, now - 1)  # not now: it has still to be read


def _counts(item: Taken) -> bool:
    """Whether it is a counter with a step."""
    step = None if item.advance is None else item.advance.step
    return isinstance(item.reading, EnergyReading) and step is not None and not step.reset


def _uses(samples: Sequence[tuple[Slot, Sample]], owned: Mapping[str, Device]) -> list[DeviceUse]:
    """Who used the devices: one use per device, whoever measures its energy."""
    uses: dict[str, DeviceUse] = {}
    for _, sample in samples:
        for use in sample.uses:
            claim = claim_of(use.device)
            device = owned.get(claim)
            if device is not None and claim not in uses:
                uses[claim] = use if use.device is device else replace(use, device=device)
    return list(uses.values())
