"""Power of GPUs without an energy counter, read several times a second between two reads of the sensor, integrated.

A GPU works in bursts: the mean of two values five seconds apart may be half or twice what it drew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from ....model import Device, EnergyReading, PowerReading, Reading
from ...power_reader import LONGEST_SECONDS, PowerReader
from ...threads import Repeater
from .channel import Channel
from .devices import Wholes
from .files import Source, text

MakeRepeater = Callable[[Callable[[], float], str], Repeater]

_ZERO_ERROR = 500_000  # uW: a shunt's zero is a little off


class _Watched(Struct):
    device: Device
    sources: tuple[Source, ...]
    reader: PowerReader
    last: EnergyReading | None = None


class Between:
    """``watch`` says which channels there are, ``instead`` gives the energy of a GPU in place of its power.

    ``count`` reads once and returns the seconds to wait: it is called by the repeater, or by a test that moves the
    clock. The files are opened at each read, so that no other thread can close them meanwhile.
    """

    def __init__(self, now_ns: Callable[[], int], repeater: MakeRepeater) -> None:
        self._now = now_ns
        self._make = repeater
        self._repeater: Repeater | None = None
        self._watched: dict[str, _Watched] = {}
        self._beside: list[PowerReader] = []  # the power beside counters
        self._refused = 0  # of those that are watched no longer

    @property
    def refused(self) -> int:
        """Power values that were not believed so far."""
        return self._refused + sum(watched.reader.refused for watched in self._watched.values())

    def watch(self, channels: Iterable[Channel], wholes: Wholes) -> None:
        """From now on these; one that was watched with the same files goes on."""
        there = [c for c in channels if c.gone_ns is None]
        found = [(c.of, [c]) for c in there if c.part is None and not c.energy and c.going_on is None]
        self._beside = [c.beside for c in there if c.beside is not None and not _may_sleep(c)]
        for whole in wholes.counted:
            of = getattr(whole, "of", None)
            if of is not None and not any(member.energy for member in whole.members):
                found.append((of, list(whole.members)))
        watched = {}
        for of, members in found:
            if isinstance(of, Device) and of.component == "gpu" and not any(map(_may_sleep, members)):
                sources = tuple(_source(member) for member in members)
                before = self._watched.get(of.name)
                same = before is not None and before.sources == sources
                watched[of.name] = before if before is not None and same else self._begin(of, sources)
        self._refused = self.refused
        kept = [item for name, item in watched.items() if self._watched.get(name) is item]
        self._refused -= sum(item.reader.refused for item in kept)
        self._watched = watched
        if (watched or self._beside) and self._repeater is None:
            self._repeater = self._make(self.count, "hwmon-gpu-power")

    def _begin(self, of: Device, sources: tuple[Source, ...]) -> _Watched:
        power = partial(_power, sources)
        reader = PowerReader(power, self._now, of.max_watts, of.uncertainty_ratio or 0.1)
        return _Watched(of, sources, reader)

    def count(self) -> float:
        """Read all of them once."""
        readers = [item.reader for item in self._watched.values()] + self._beside
        return max((reader.step() for reader in readers), default=LONGEST_SECONDS)

    def now(self) -> None:
        """Read all of them up to now, at the beginning of a read of the sensor."""
        if self._repeater is not None:
            self._repeater.once()

    def reads(self, beside: PowerReader) -> bool:
        """Whether this power beside a counter is read here."""
        return beside in self._beside

    def instead(self, readings: Sequence[Reading]) -> list[Reading]:
        """The readings, with the energy of the watched GPUs."""
        if not self._watched or self._repeater is None:
            return list(readings)
        return [self._energy(reading) for reading in readings]

    def _energy(self, reading: Reading) -> Reading:
        watched = self._watched.get(reading.of.name)
        if watched is None or not isinstance(reading, PowerReading) or not isinstance(reading.of, Device):
            return reading
        points = watched.reader.drain()
        if points:
            ratio = watched.reader.uncertainty_ratio
            if ratio != watched.device.uncertainty_ratio:
                watched.device = replace(watched.device, uncertainty_ratio=ratio)
            at_ns, microjoules = points[-1]
            watched.last = EnergyReading(watched.device, microjoules, at_ns, own=True)
        return watched.last or reading

    def close(self) -> None:
        """No more reads; what was counted is not of what is found next."""
        if self._repeater is not None:
            self._repeater.stop()
        self._refused, self._repeater, self._watched, self._beside = self.refused, None, {}, []


def power_beside(channel: Channel, now_ns: Callable[[], int]) -> PowerReader | None:
    """What integrates the power beside a GPU's counter; None where there is none."""
    of, witness = channel.of, channel.source.witness
    if channel.going_on is None or channel.check is None or witness is None or not isinstance(of, Device):
        return None
    power = partial(_power, (Source("power", witness),))
    return PowerReader(power, now_ns, of.max_watts, of.uncertainty_ratio)


def _source(channel: Channel) -> Source:
    """Its files; where its counter gave way to its power, that one."""
    return (
        channel.source if channel.instead is None else Source("power", channel.instead, channel.source.label)
    )


def _may_sleep(channel: Channel) -> bool:
    """Whether its GPU may be suspended: each read makes its driver put that off (pm_runtime_mark_last_busy in
    amdgpu_pm.c), so it is read once a sample and not more often."""
    return text(channel.chip.folder / "device" / "power" / "control") == "auto"


def _power(sources: Iterable[Source]) -> int:
    """Microwatts of all of them together. Raises OSError, ValueError."""
    total = 0
    for source in sources:
        value = int(source.path.read_bytes())
        if source.scale != 1:
            value = round(value * source.scale)
        if source.amperes is not None:
            value *= int(source.amperes.read_bytes())
        total += 0 if -_ZERO_ERROR <= value < 0 else value
    return total
