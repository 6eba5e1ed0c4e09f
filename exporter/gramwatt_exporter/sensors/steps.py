"""The last reading of every counter and power value; from one tick to the next they become steps. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from ..model import Device, EnergyReading, Meter, Reading
from .claims import HOLD_SECONDS
from .counters import Counter, Doubt, Integrator, Step, believed

KEEP_SECONDS = 86_400  # a counter not delivered for so long is forgotten at the next restart
POWER_GAP_SECONDS = 60  # power is integrated over a gap up to this long; beyond it nobody knows
_SECOND = 1_000_000_000


class _History(Struct):
    last: Counter | Integrator
    tick: int  # in which it was seen
    asleep_ns: int  # how long the machine had slept since boot
    doubtful: bool = False  # whether the last reading may be of the other side of a suspend
    step_ns: int = 0  # length of the last step; 0 when there is none
    repeats: bool = False  # it is reported more often than it is taken
    door: str = ""  # through which its counter was seen
    offset: int = 0  # of its last value to the hardware's own
    own: bool = False  # integrated by this process: it has no value for the next one


class Advance(Struct, frozen=True):
    """A step, whether it spans time in which nobody looked, and how much of it the machine was suspended.

    ``slept_ns`` is at least 1 where a suspend may touch it. Without a step counting begins with this reading.
    """

    step: Step | None
    missed: bool = False
    slept_ns: int = 0


_BEGINS = Advance(None)


def key_of(of: Device | Meter) -> str:
    """One name for one counter, also in the saved state."""
    if isinstance(of, Device):
        return f"device|{of.source}|{of.component}|{of.name}"
    return f"meter|{of.source}|{of.name}"


def sensor_of(key: str) -> str:
    """The name of the sensor in a key."""
    return key.partition("|")[2].partition("|")[0]


def name_of(key: str) -> str:
    """The name of the device or meter in a key."""
    return key.split("|", 3 if key.startswith("device|") else 2)[-1]


def claim_of_key(key: str) -> str:
    """What one sensor may claim of the device in a key, see claims.py."""
    _, _, component, name = key.split("|", 3)
    return f"gpu/{name}" if component == "gpu" else component


class Histories:
    """Keeps what was read last, by ``key_of``."""

    def __init__(self) -> None:
        self._tracks: dict[str, _History] = {}
        self._restored_ns = 0

    def __contains__(self, key: str) -> bool:
        return key in self._tracks

    def advance(
        self,
        reading: Reading,
        tick: int,
        asleep_ns: int,
        doubtful: bool = False,
        stalled: bool = False,
        key: str = "",
    ) -> Advance | None:
        """Take a reading. None for a repeated one; no step for the first one and over a gap without measurement.

        ``asleep_ns`` and ``doubtful`` are what ``Suspends.at`` says of its time; ``stalled`` says that no sensor at
        all was read for longer than power is bridged; ``key`` is the reading's, where it is known.
        """
        key = key or key_of(reading.of)
        track = self._tracks.get(key)
        counts = isinstance(reading, EnergyReading)
        door = reading.door if isinstance(reading, EnergyReading) else ""
        if (
            track is None
            or isinstance(track.last, Counter) != counts
            or reading.at_ns < track.last.at_ns
            or (door and track.door and door != track.door)
        ):
            begin = _begin(reading)
            track = self._tracks[key] = _History(begin, tick, asleep_ns, doubtful, door=door)
            if isinstance(reading, EnergyReading):
                track.offset, track.own = reading.offset, reading.own
            refused = isinstance(begin, Integrator) and begin.microwatts is None
            return Advance(Step(0, 0, reset=True)) if refused else _BEGINS
        track.door = door
        if isinstance(reading, EnergyReading):
            track.offset, track.own = reading.offset, reading.own
        missed = track.tick < tick - 1
        track.tick = tick
        elapsed = reading.at_ns - track.last.at_ns
        if elapsed == 0:
            track.repeats = True
            return None
        slept = asleep_ns - track.asleep_ns
        if slept > elapsed:  # it slept after this reading, older than the last sample: the next step spans it
            slept = 0
        else:
            track.asleep_ns = asleep_ns
        slept = slept if slept > _SECOND else 0  # the two clocks are not read at the same moment
        touched = slept
        if doubtful or track.doubtful:
            touched, track.doubtful = max(slept, 1), doubtful
        step: Step | None
        if isinstance(reading, EnergyReading):
            assert isinstance(track.last, Counter)
            limit = reading.of.max_watts
            step = track.last.advance(reading.microjoules, reading.at_ns, reading.wraps_at, limit, touched)
            if isinstance(reading.of, Device) and reading.of.component == "gpu":
                # Its driver judges by its power what a counter that begins anew left out.
                track.last.doubt = None
            elif step is not None and step.mended:
                if isinstance(reading.of, Device):
                    missed = True
                else:  # what is compared with a meter began anew when its value was refused
                    step = Step(0, step.nanoseconds, reset=True)
        else:
            assert isinstance(track.last, Integrator)
            power = believed(reading.microwatts, reading.of.max_watts)
            if power is not None and (
                slept or ((missed or stalled) and elapsed > POWER_GAP_SECONDS * _SECOND)
            ):
                track.last.jump(power, reading.at_ns)
                track.step_ns = 0
                return _BEGINS
            step = track.last.advance(power, reading.at_ns)
        track.step_ns = 0 if step is None or step.reset else elapsed
        return _BEGINS if step is None else Advance(step, missed, touched)

    def waits(self, key: str, now_ns: int) -> bool:
        """Whether this one is slow and its last step stands until the next: for HOLD_SECONDS, or twice its length."""
        track = self._tracks.get(key)
        return (
            track is not None
            and track.repeats
            and track.step_ns > 0
            and now_ns - track.last.at_ns <= max(HOLD_SECONDS * _SECOND, 2 * track.step_ns)
        )

    def devices(self) -> list[str]:
        """Keys of the devices among them."""
        return [key for key in self._tracks if key.startswith("device|")]

    def drop(self, key: str) -> None:
        """Forget one: its counting begins anew."""
        self._tracks.pop(key, None)

    def forget(self, sensor: str, claim: str) -> None:
        """Drop what a sensor counted for a claim: from now on another one measures it."""
        prefix = f"device|{sensor}|{claim.replace('/', '|', 1)}"
        for key in [key for key in self._tracks if key == prefix or key.startswith(prefix + "|")]:
            del self._tracks[key]

    def state(self, now_ns: int) -> dict[str, dict[str, Any]]:
        """What to save: raw counters. Power and estimates have no energy while nobody looks.

        Those that nobody has delivered for KEEP_SECONDS, while the exporter ran, are left out: they are gone.
        """
        since = now_ns - KEEP_SECONDS * _SECOND
        return {
            key: {
                "uj": track.last.microjoules - track.offset,
                "nj": track.last.carry_nj,
                "at": track.last.at_ns,
                "asleep": track.asleep_ns,
            }
            | ({"door": track.door} if track.door else {})
            | _doubt_state(track.last.doubt, track.offset)
            for key, track in self._tracks.items()
            if isinstance(track.last, Counter)
            and "|estimate|" not in key
            and not track.own
            and max(track.last.at_ns, self._restored_ns) >= since
        }

    def restore(self, saved: Mapping[str, Mapping[str, Any]], now_ns: int) -> None:
        """Go on from what was saved on this boot: the first reading gives a step marked as missed."""
        self._restored_ns = now_ns
        self._tracks = {
            str(key): _History(
                Counter(int(value["uj"]), int(value["at"]), int(value.get("nj", 0)), _doubt(value)),
                -1,
                int(value["asleep"]),
                door=str(value.get("door", "")),
            )
            for key, value in saved.items()
            if int(value["at"]) <= now_ns
        }


def _doubt_state(doubt: Doubt | None, offset: int) -> dict[str, list[int]]:
    if doubt is None:
        return {}
    before, refused = doubt.microjoules - offset, doubt.refused - offset
    return {"doubt": [before, doubt.at_ns, doubt.carry_nj, refused, doubt.booked, doubt.until_ns]}


def _doubt(value: Mapping[str, Any]) -> Doubt | None:
    """What earlier versions did not save. Raises TypeError or ValueError for a damaged one."""
    saved = value.get("doubt")
    return None if saved is None else Doubt(*(int(number) for number in saved))


def _begin(reading: Reading) -> Counter | Integrator:
    if isinstance(reading, EnergyReading):
        return Counter(reading.microjoules, reading.at_ns)
    return Integrator(believed(reading.microwatts, reading.of.max_watts), reading.at_ns)
