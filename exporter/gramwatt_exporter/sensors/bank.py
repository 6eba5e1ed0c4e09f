"""All sensors as one: every device once, by its best source, with wraps, resets and gaps removed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from ..model import BankSample, Device, DeviceUse, EnergyStep, Meter, MeterStep, Reading, Sample, Sensor
from .around import Around
from .claims import Claims, claim_of
from .slot import Logger, Slot
from .tracks import POWER_GAP_SECONDS, Suspends, Tracks, key_of, sensor_of

SLOW_OPEN_WAIT_SECONDS = 0.25  # what the start of the exporter waits for sensors that open slowly


class Bank:
    """Reads every sensor once per call of ``read``; one failing sensor never stops the others.

    ``boottime_ns`` is CLOCK_BOOTTIME. ``awake_ns`` (CLOCK_MONOTONIC), where given, shows by its difference to the
    former that the machine slept: hardware counters may be lost then.
    In a BankSample, ``resets`` are totals since the ledger began, every SensorState's ``failures`` since the start.
    """

    def __init__(
        self,
        sensors: Sequence[Sensor],
        boottime_ns: Callable[[], int],
        log: Logger,
        awake_ns: Callable[[], int] | None = None,
    ) -> None:
        self._slots = [Slot(sensor, order, log) for order, sensor in enumerate(sensors)]
        self._now = boottime_ns
        self._log = log
        self._tick = 0
        self._by_name = {slot.name: slot for slot in self._slots}
        self._claims = Claims(self._by_name, self._surely_gone)
        self._tracks = Tracks()
        self._suspends = Suspends(boottime_ns, awake_ns or boottime_ns)
        self._around = Around()
        self._read_ns: int | None = None
        self._stalled = False
        self._resets: dict[tuple[str, str], int] = {}
        self._doubted: set[Device | Meter] = set()  # whose last reading was no step, and said so

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
        self._stalled = self._read_ns is not None and now - self._read_ns > POWER_GAP_SECONDS * 1_000_000_000
        self._read_ns = now
        self._suspends.before(now)
        samples = self._read_all(now)
        self._suspends.after()
        owned = self._settle_claims(samples, now)
        delivered = (reading for _, sample in samples for reading in sample.readings)
        self._around.elect(delivered, now, self._surely_gone)
        steps: list[EnergyStep] = []
        meters: list[tuple[MeterStep, int]] = []
        waiting: list[Device] = []
        for slot, sample in samples:
            slot.pass_on_notes(self._claims.of(slot.name))
            for reading in sample.readings:
                self._take(slot, reading, now, steps, meters, waiting)
        rest = self._around.rest(steps, meters, now)
        if rest is not None:
            steps.append(rest)
        elif self._rest_waits(now) and self._around.device is not None:
            waiting.append(self._around.device)
        return BankSample(
            steps,
            [step for step, _ in meters],
            _uses(samples, owned),
            [slot.state() for slot in self._slots],
            dict(self._resets),
            waiting,
            {name: ns for _, sample in samples for name, ns in sample.known_until.items()},
        )

    def _rest_waits(self, now: int) -> bool:
        """Whether the meter around the machine is just slow. A call of a controller may fail now and then."""
        key = self._around.key
        return self._tracks.waits(key, now) and not self._surely_gone(sensor_of(key))

    def _read_all(self, now: int) -> list[tuple[Slot, Sample]]:
        samples = []
        for slot in self._slots:
            if not slot.up:
                slot.revive(now)
            sample = slot.read(now) if slot.up else None
            if sample is not None:
                samples.append((slot, sample))
        return samples

    def _settle_claims(self, samples: Sequence[tuple[Slot, Sample]], now: int) -> dict[str, Device]:
        """Decide who measures what; returns the device of every claim that its owner delivered."""
        delivered: dict[str, dict[str, Device]] = {}  # claim -> sensor -> one of its devices
        for slot, sample in samples:
            for reading in sample.readings:
                if isinstance(reading.of, Device):
                    delivered.setdefault(claim_of(reading.of), {})[slot.name] = reading.of
        owned = {}
        for claim, sensors in delivered.items():
            former = self._claims.settle(claim, sensors, now)
            owner = self._claims.owner(claim)
            if former is not None:
                self._tracks.forget(former, claim)  # what it counts from now on, another one counts too
                self._log.info("measured by another sensor now", what=claim, sensor=owner, before=former)
            if owner in sensors:
                owned[claim] = sensors[owner]
        return owned

    def _take(
        self,
        slot: Slot,
        reading: Reading,
        now: int,
        steps: list[EnergyStep],
        meters: list[tuple[MeterStep, int]],
        waiting: list[Device],
    ) -> None:
        """Turn one reading into a step of its device or meter."""
        of = reading.of
        if isinstance(of, Device) and self._claims.owner(claim_of(of)) != slot.name:
            return
        asleep, doubtful = self._suspends.at(reading.at_ns)
        advance = self._tracks.advance(reading, self._tick, asleep, doubtful, self._stalled)
        if advance is None:
            if isinstance(of, Device) and self._tracks.waits(key_of(of), now):
                waiting.append(of)
            return
        step = advance.step
        if step is None or step.reset:
            if step is not None:
                self._note_reset(of)
            if isinstance(of, Meter):
                self._around.begin(reading)
            return
        if self._doubted:
            self._doubted.discard(of)
        if isinstance(of, Device):
            steps.append(EnergyStep(of, step.microjoules, step.nanoseconds, advance.missed, advance.slept_ns))
        else:
            meters.append((MeterStep(of, step.microjoules, step.nanoseconds, advance.missed), reading.at_ns))

    def _note_reset(self, of: Device | Meter) -> None:
        key = (of.component if isinstance(of, Device) else "meter", of.name)
        self._resets[key] = self._resets.get(key, 0) + 1
        if of not in self._doubted:
            self._doubted.add(of)
            self._log.info(
                "counter was reset or shows what cannot be, its step is not booked",
                source=of.source,
                what="/".join(key),
            )

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
        around = Around.restored(saved["around"], now)
        tracks = Tracks()
        tracks.restore(saved["counters"], now)
        self._claims.restore(saved["owners"], now)
        self._tracks, self._resets = tracks, resets
        if around.key in tracks:  # else it is a meter of power, without energy for the gap: begin anew
            self._around = around


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
