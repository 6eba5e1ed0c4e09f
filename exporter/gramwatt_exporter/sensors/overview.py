"""Every sensor, every counter it found, what each is used for, and why. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from ..model import Device, Meter, PowerReading
from .announcements import FAULTS, WHY_LOST
from .claims import claim_of
from .intake import Taken
from .model_bound import BOUNDED_UNCERTAINTY_RATIO
from .ownership import Ownership
from .sensor_set import SensorSet
from .steps import claim_of_key, key_of, name_of, sensor_of
from .supervisor import Supervisor
from .timeline import MODELLED

Use = str  # "counted", "other", "shown" or "not used"


class SensorRow(Struct, frozen=True):
    """One sensor: whether it delivers; if not, the reason and the fix."""

    sensor: str
    state: str  # "delivers", or the reason of gramwatt_sensor_up
    message: str = ""
    fix: str = ""


class MeterRow(Struct, frozen=True):
    """One counter or power value that was found."""

    sensor: str
    name: str
    claims: str  # what it measures: "cpu", "part of package-0", "around cpu, dram, gpu"
    use: Use
    why: str
    watts: float | None  # None: nothing usable was read
    uncertainty_ratio: float


class Overview(Struct, frozen=True):
    """All sensors and counters, in the order of preference."""

    sensors: Sequence[SensorRow]
    meters: Sequence[MeterRow]


class Looks:
    """Reads the sensor set several times and keeps the energy of every counter in between."""

    def __init__(self, sensor_set: SensorSet) -> None:
        self._sensor_set = sensor_set
        self._energy: dict[str, tuple[int, int]] = {}  # key -> microjoules and nanoseconds
        self._taken: dict[str, Taken] = {}

    def look(self) -> None:
        """Read every sensor once."""
        self._sensor_set.read()
        for item in self._sensor_set.taken:
            self._taken[item.place.key] = item
            step = None if item.advance is None else item.advance.step
            if step is not None and not step.reset:
                energy, time = self._energy.get(item.place.key, (0, 0))
                self._energy[item.place.key] = (energy + step.microjoules, time + step.nanoseconds)

    def waits(self) -> bool:
        """Whether a sensor is still being opened."""
        return any(slot.pending and slot.reason != "error" for slot in self._sensor_set.slots)

    def overview(self) -> Overview:
        """The overview so far."""
        sensors = [
            SensorRow(slot.name, slot.state().reason or "delivers", _message(slot), slot.fix)
            for slot in self._sensor_set.slots
        ]
        watts = {key: self._watts(item) for key, item in self._taken.items()}
        around = self._around(watts)
        meters = [self._row(item, watts[key], around) for key, item in self._taken.items()]
        order = {slot.name: slot.order for slot in self._sensor_set.slots}
        meters += [self._second_door(key, first) for key, first in self._sensor_set.intake.hidden.items()]
        return Overview(sensors, sorted(meters, key=lambda row: order.get(row.sensor, 0)))

    def _watts(self, item: Taken) -> float | None:
        if isinstance(item.reading, PowerReading):
            step = None if item.advance is None else item.advance.step
            return None if step is not None and step.reset else item.reading.microwatts / 1e6
        energy, time = self._energy.get(item.place.key, (0, 0))
        return energy * 1e3 / time if time else None

    def _around(self, watts: Mapping[str, float | None]) -> str:
        """Key of the meter that makes ``other``, or would: comparing meters takes the exporter some seconds."""
        if self._sensor_set.around.key:
            return self._sensor_set.around.key
        shown = {
            key: watts.get(key) or 0.0
            for key in self._sensor_set.around.election.candidates
            if watts.get(key)
        }
        return max(shown, key=shown.__getitem__, default="")

    def _row(self, item: Taken, watts: float | None, around: str) -> MeterRow:
        of = item.reading.of
        claims = of.component if isinstance(of, Device) else _claims_of(of)
        if isinstance(of, Device):
            use, why = _use_of_device(item, of, self._sensor_set.ownership)
        else:
            use, why = self._use_of_meter(of, around)
        sigma = of.uncertainty_ratio
        ratio = self._sensor_set.around.model_ratio
        if use == "counted" and of.source == MODELLED and watts is not None and ratio < 1.0:
            watts, sigma = watts * ratio, min(sigma, BOUNDED_UNCERTAINTY_RATIO)
            why = f"{why}; bounded by what {name_of(around)} leaves"
        fault = self._sensor_set.intake.delivery.fault(item.place.key)
        if not fault and watts is None:
            why = f"{why}; no value that can be believed was read" if item.advance is not None else why
        elif not fault and watts == 0 and isinstance(of, Device) and of.component in ("cpu", "dram"):
            why = f"{why}; it has not moved while this looked: the exporter gives it up after 20 s"
        if fault:
            why = FAULTS[fault]
        return MeterRow(item.place.slot.name, of.name, claims, use, why, watts, sigma)

    def _use_of_meter(self, of: Meter, around: str) -> tuple[Use, str]:
        if not of.covers:
            hidden = self._sensor_set.intake.hidden
            if any(name_of(key) == of.part_of for key in hidden):
                return "shown", f"it is part of {of.part_of}, which is counted under another name"
            if of.part_of and of.part_of == name_of(around):
                return "shown", f"it is part of {of.part_of}, which makes 'other'"
            if of.part_of:
                return "shown", f"it is part of {of.part_of}, which is counted"
            return "shown", "what it spans is not known: added, it might count energy twice"
        if key_of(of) == around:
            return "other", "the rest of the machine is what it shows beyond the devices inside it"
        candidate = self._sensor_set.around.election.candidates.get(key_of(of))
        if candidate is not None and candidate.unfit:
            return "shown", WHY_LOST[candidate.unfit]
        if around:
            return "shown", f"one meter stands for the rest of the machine: {name_of(around)}"
        return "shown", "it shows no energy"

    def _second_door(self, key: str, first: str) -> MeterRow:
        why = f"the same counter as {name_of(first)}: counted once"
        return MeterRow(sensor_of(key), name_of(key), claim_of_key(key), "not used", why, None, 0.0)


def _use_of_device(item: Taken, of: Device, owners: Ownership) -> tuple[Use, str]:
    owner = owners.claims.owner(claim_of(of))
    if owner == item.place.slot.name:
        stand_in = owners.stand_ins.get(item.place.key)
        if stand_in:
            return "not used", f"{stand_in} stands in for it"
        return "counted", f"the first source of {of.component} that delivers"
    return "not used", f"{owner} measures {of.component}" if owner else "nothing was read twice"


def _message(slot: Supervisor) -> str:
    """Why a sensor does not deliver, or what of it cannot be read."""
    broken = ", ".join(f"{device} ({reason})" for device, reason in slot.broken.items())
    return slot.message or (f"not readable: {broken}" if broken else "")


def _claims_of(of: Meter) -> str:
    if of.covers:
        return f"around {', '.join(of.covers)}"
    return f"part of {of.part_of}" if of.part_of else "not known"
