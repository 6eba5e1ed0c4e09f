"""All sensors as one: every device once, by its best source, with wraps, resets and gaps removed."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from ..model import (
    Device,
    DeviceMemory,
    DeviceUse,
    EnergyReading,
    EnergyStep,
    MergedSample,
    Meter,
    MeterStep,
    Sensor,
)
from .announcements import Announcements
from .claims import claim_of
from .delivery import Fault
from .intake import Intake, Taken
from .layout import Samples
from .ownership import Ownership
from .platform_rest import PlatformRest
from .resets import Resets
from .steps import Histories, sensor_of
from .supervisor import Logger, Supervisor
from .suspends import Suspends
from .timeline import MODELLED

SLOW_OPEN_WAIT_SECONDS = 0.25  # seconds that the exporter's start waits for sensors that open slowly
OPEN_WAIT_SECONDS = 3.0  # seconds for all others: a hanging driver may hold one


class SensorSet:
    """Reads every sensor once per call of ``read``; one failing sensor never stops the others.

    ``boottime_ns`` is CLOCK_BOOTTIME. ``awake_ns`` (CLOCK_MONOTONIC), where given, shows by its difference to the
    former that the machine slept: hardware counters may be lost then. ``wanted`` are sensors that the user switched on:
    that one of them is absent is a warning. ``packages`` is what Mirrors asks.
    In a MergedSample, ``resets`` are totals since the ledger began, every SensorState's ``failures`` since the start.
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
        self.slots = [
            Supervisor(sensor, order, log, sensor.name in wanted) for order, sensor in enumerate(sensors)
        ]
        self.around = PlatformRest()
        self.taken: list[Taken] = []  # result of the last read
        self._announced: tuple[object, ...] = ()  # the layout that was judged last
        self._now = boottime_ns
        self._announcements = Announcements(log)
        self._resets = Resets(log)
        self._suspends = Suspends(boottime_ns, awake_ns or boottime_ns)
        self._by_name = {slot.name: slot for slot in self.slots}
        self.intake = Intake(self._suspends, packages, self._resets, self._announcements)
        self.ownership = Ownership(
            self._by_name, self._surely_gone, self.intake, self._resets, self._announcements
        )

    def _surely_gone(self, sensor: str) -> bool:
        slot = self._by_name.get(sensor)
        return slot is None or slot.surely_gone

    def open(self) -> None:
        """Open every sensor. Those that may take long go on in the background."""
        now = self._now()
        for slot in self.slots:
            slot.open(now, first=True)
        began = time.monotonic()
        for slot in self.slots:
            patience = SLOW_OPEN_WAIT_SECONDS if slot.opens_slowly else OPEN_WAIT_SECONDS
            slot.await_open(max(0.0, began + patience - time.monotonic()), now)

    def close(self) -> None:
        """Close every sensor that is open."""
        for slot in self.slots:
            slot.close()

    def read(self) -> MergedSample:
        """Read every sensor and merge. Devices without a previous reading give no step."""
        now = self._now()
        self._suspends.before(now)
        samples = self._read_all(now)
        self._suspends.after()
        for device in [device for _, sample in samples for device in sample.mended]:
            self._resets.mended(device)
        taken = self.taken = self.intake.take(samples, now)
        self.around.seen(self.intake.layout.around, now)
        self.ownership.settle(taken, now)
        steps, waiting = self.ownership.book(taken, samples, now)
        meters = self._book_meters(taken)
        steps, rest = self._surround(steps, meters, now)
        if rest is not None:
            steps.append(rest)
        elif self._rest_waits(now) and self.around.device is not None:
            waiting.append(self.around.device)
        self._announce(samples, taken)
        return MergedSample(
            steps,
            [step for step, _ in meters],
            _uses(samples, self.ownership.owned),
            [slot.state() for slot in self.slots],
            dict(self._resets.totals),
            waiting,
            {name: ns for _, sample in samples for name, ns in sample.known_until.items()},
            self.ownership.refused,
            _memory(samples),
        )

    def _read_all(self, now: int) -> Samples:
        samples = []
        for slot in self.slots:
            if not slot.up:
                slot.revive(now)
            sample = slot.read(now) if slot.up else None
            if sample is not None:
                samples.append((slot, sample))
        return samples

    # --- meters

    def _book_meters(self, taken: Sequence[Taken]) -> list[tuple[MeterStep, int]]:
        meters: list[tuple[MeterStep, int]] = []
        for item in taken:
            of, advance = item.place.of, item.advance
            if item.place.claim or advance is None or not isinstance(of, Meter):
                continue
            step = advance.step
            if step is not None and step.reset:
                self._resets.note(of, isinstance(item.reading, EnergyReading))
            if step is None or step.reset or (of.covers and not item.usable and step.microjoules > 0):
                self.around.begin(item.reading)
                continue
            self._resets.believed(of)
            booked = MeterStep(of, step.microjoules, step.nanoseconds, advance.missed)
            meters.append((booked, item.reading.at_ns))
        return meters

    def _surround(
        self, steps: Sequence[EnergyStep], meters: Sequence[tuple[MeterStep, int]], now: int
    ) -> tuple[list[EnergyStep], EnergyStep | None]:
        """The devices as they fit into the meter around the machine, and what it shows beyond them."""
        around, owners = self.around, self.ownership
        if not around.in_use:
            around.idle(now)
            return list(steps), None
        # The meter shows the rest of the machine: nothing of it is modelled beside that.
        if around.key:
            steps = [s for s in steps if s.device.component != "other" or s.device.source != MODELLED]
        unreadable = bool(around.key) and owners.presence.unreadable(now, around.covers, owners.goes_on)
        more_to_come = not around.key and any(slot.pending for slot in self.slots)
        comparable = owners.presence.same() and not owners.changed and not any(s.missed for s in steps)
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
        self._announcements.platform(around.election, around.change)
        self._announcements.bound(around.key, around.model_ratio)
        return bounded, rest

    def _rest_waits(self, now: int) -> bool:
        """Whether the meter around the machine is just slow, or waits. A call of a controller may fail now and then."""
        key = self.around.key
        slow = self.intake.tracks.waits(key, now) and not self._surely_gone(sensor_of(key))
        return self.around.holds or slow

    # --- what is said

    def _announce(self, samples: Samples, taken: Sequence[Taken]) -> None:
        intake = self.intake
        state = (intake.layout, intake.delivery.version, len(taken), *self.ownership.changed)
        if intake.delivery.faults or state != self._announced:
            self._announced = state
            self._judge(samples, taken)
        for slot, _ in samples:
            if slot.has_notes:
                slot.pass_on_notes(self.ownership.claims.of(slot.name))

    def _judge(self, samples: Samples, taken: Sequence[Taken]) -> None:
        """Say which sensors deliver, what for, and what of it cannot be used."""
        faults: dict[str, list[Fault]] = {slot.name: [] for slot, _ in samples}
        shows: dict[str, list[str]] = {slot.name: [] for slot, _ in samples}
        sound = set()
        for item in taken:
            place, sensor = item.place, item.place.slot.name
            if item.advance is not None and item.advance.step is not None and item.advance.step.reset:
                self._announced = ()  # no usable value yet
            elif not place.claim:
                shows[sensor].append(place.of.name)
            if not place.claim and not place.around:
                continue
            fault = self.intake.delivery.fault(place.key)
            self._announcements.fault(place.key, place.of, fault)
            if fault:
                faults[sensor].append(fault)
            else:
                sound.add(sensor)
        for slot, sample in samples:
            slot.judge(faults[slot.name], slot.name not in sound)
            measures = self.ownership.claims.of(slot.name)
            slot.announce(measures, [*shows[slot.name], *(use.device.name for use in sample.uses)])

    # --- keeping what was counted across restarts

    def state(self) -> dict[str, Any]:
        """What to save: raw counters, which sensor measures what, resets. JSON-able."""
        return {
            "counters": self.intake.state(self._now()),
            "faults": self.intake.delivery.state(),
            "owners": self.ownership.claims.state(),
            "resets": [[component, name, count] for (component, name), count in self._resets.totals.items()],
            "around": self.around.state(),
        }

    def go_on_counting_resets(self, totals: Mapping[tuple[str, str], int]) -> None:
        """From these, by (component or "meter", name): they are totals, on whatever boot the hardware counts now."""
        self._resets.go_on(totals)

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Go on from what was saved, before the first read, on the same boot only.

        Energy the hardware counted since then comes as steps marked ``missed``. Power and estimates have no gap energy:
        nothing was measured. Raises KeyError, TypeError, ValueError or AttributeError for a damaged state, and then
        changes nothing.
        """
        now = self._now()
        resets = {(str(component), str(name)): int(count) for component, name, count in saved["resets"]}
        tracks = Histories()
        tracks.restore(saved["counters"], now)
        around = PlatformRest.restored(saved["around"], now, tracks.__contains__)
        faults = dict(saved.get("faults", {}))
        self.ownership.claims.restore(saved["owners"], now)
        self.intake.delivery.restore(faults, now)
        self.intake.restore(tracks)
        self.around = around
        self._resets.go_on(resets)
        self.ownership.restore(now)


def _uses(samples: Samples, owned: Mapping[str, Device]) -> list[DeviceUse]:
    """Which processes used the devices: one use per device, whoever measures its energy."""
    uses: dict[str, DeviceUse] = {}
    for _, sample in samples:
        for use in sample.uses:
            claim = claim_of(use.device)
            device = owned.get(claim)
            if device is not None and claim not in uses:
                uses[claim] = use if use.device is device else replace(use, device=device)
    return list(uses.values())


def _memory(samples: Samples) -> dict[str, DeviceMemory]:
    """Memory in use by device: one sensor may know how much of it, another one whose it is."""
    memory: dict[str, DeviceMemory] = {}
    for _, sample in samples:
        for name, more in sample.memory.items():
            known = memory.get(name, more)
            used = more.used_bytes if known.used_bytes is None else known.used_bytes
            memory[name] = DeviceMemory(used, known.by_pid or more.by_pid)
    return memory
