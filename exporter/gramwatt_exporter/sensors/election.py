"""Which meter surrounds the machine: the widest one that delivers, follows its parts and shows at least their sum.
Pure.

Boards and controllers differ in what they measure, so names say little: ``psys`` is the whole laptop on one board and
8 W beside the package on another. The meter that shows most beyond the devices, over the same time, is the widest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec import Struct

from ..model import Component, Meter, MeterStep
from .claims import HOLD_SECONDS
from .steps import key_of, sensor_of
from .timeline import Timeline

FIRST_WAIT_SECONDS = 15  # seconds that the first election waits for sensors that still open
DELIVERS_SECONDS = 30  # after so long without a step (or 3 of its intervals) a meter does not deliver
BLOCK_SECONDS = 30  # means are compared over blocks of at least so long
YOUNG_SECONDS = 60  # so long after the start, over blocks of at least
YOUNG_BLOCK_SECONDS = 10
# A controller shows means of up to a minute: while the load falls it seems wider than it is. It is wider when it shows
# more than even the largest change of the load explains, or more in so many blocks in a row.
WIDER_BLOCKS = 4
LEAST_BINS = 4  # bins of 5 s from which the change of the load is known
_SWING_BINS = 36  # the change of the load over so many bins: three minutes
FOLLOW_SECONDS = 120  # within so long a meter must follow a change of its parts
FORGET_SECONDS = 600
MARGIN_RATIO = 0.03  # a meter is wider if it shows more by this share, and at least by
MARGIN_WATTS = 1.0
YOUNG_MARGIN_RATIO = 0.1  # the same while a block has not ended: meters lag behind the load by seconds
YOUNG_MARGIN_WATTS = 2.0
BELOW_RATIO = 0.95  # a meter that shows less than this share of its measured parts does not surround them
BELOW_BLOCKS = 2  # so many blocks in a row, or
BELOW_BLOCKS_LAGGING = 4  # so many where a load that rises may explain it
FOLLOW_WATTS = 10.0  # parts whose power moved by this much, and by
FOLLOW_RATIO = 0.1  # this share of what the meter shows, move the meter
_BIN_NS = 5_000_000_000
_SECOND = 1_000_000_000
_ALL: tuple[Component, ...] = ("cpu", "dram", "gpu")


class Candidate(Struct):
    """One meter that surrounds devices, and what it showed."""

    meter: Meter
    order: int  # among the sensors' readings
    seen_ns: int  # when it was delivered last
    begun_ns: int  # when its counting began
    at_ns: int  # of its last reading taken into account
    good_ns: int  # of its last step with energy
    energy: int = 0  # since begun_ns
    looks: int = 0  # readings with news: a beginning, a refused value, a step
    slowest_ns: int = 0  # longest time between two steps
    beyond_watts: float | None = None  # more than all devices, mean of the last block
    watts: float = 0.0  # shown, of the same
    shows_nothing: bool = False  # its first value is 0 W or refused
    constant: bool = False  # it did not move when its parts did
    is_below: bool = False  # it shows less than its parts
    below: int = 0  # blocks in a row in which it was below its parts
    block: list[int] = []  # ns, energy, all parts, measured parts that it covers
    wider: int = 0  # blocks in a row in which it showed more than the meter in use
    judged: bool = True  # whether its last block was counted for that
    loads: list[float] = []  # watts of its parts in the last bins
    follow: list[float] = []  # seconds, bins, lowest and highest of it and of its parts
    bin: list[int] = []  # ns, energy, parts

    @property
    def unfit(self) -> str:
        """Why it cannot be chosen: "constant", "below" (its parts); "" if it can."""
        return "constant" if self.constant else "below" if self.is_below else ""

    def delivers(self, now_ns: int) -> bool:
        """Whether it still delivers energy."""
        return now_ns - self.good_ns <= max(DELIVERS_SECONDS * _SECOND, 3 * self.slowest_ns)

    def settled(self, young: bool) -> bool:
        """Whether its mean spans enough time to be compared."""
        if self.beyond_watts is not None:
            return True
        return young and bool(self.block) and self.block[0] >= YOUNG_BLOCK_SECONDS * _SECOND

    @property
    def swing(self) -> float:
        """Watts by which its parts changed lately."""
        return max(self.loads) - min(self.loads) if self.loads else 0.0

    @property
    def beyond(self) -> float:
        """Watts beyond the devices: of the last block, else of the one that has begun."""
        if self.beyond_watts is not None:
            return self.beyond_watts
        return (self.block[1] - self.block[2]) * 1e3 / self.block[0] if self.block and self.block[0] else 0.0


class Election:
    """Judges every meter around the machine and chooses one, by its key; "" for none."""

    def __init__(self) -> None:
        self.key = ""
        self.candidates: dict[str, Candidate] = {}
        self._held_ns = 0  # the chosen one keeps its place after this moment for HOLD_SECONDS
        self._first_ns: int | None = None

    @property
    def chosen(self) -> Candidate | None:
        """The meter in use, if it has been delivered since the start."""
        return self.candidates.get(self.key)

    def keep(self, key: str, now_ns: int) -> None:
        """Restore the choice after a restart; the meter has HOLD_SECONDS to come back."""
        self.key, self._held_ns = key, now_ns

    def present(self, meters: Iterable[Meter], now_ns: int) -> None:
        """These were delivered now."""
        for order, meter in enumerate(meters):
            key = key_of(meter)
            candidate = self.candidates.get(key)
            if candidate is None:
                self.candidates[key] = Candidate(meter, order, now_ns, now_ns, now_ns, now_ns)
            else:
                candidate.meter, candidate.seen_ns, candidate.order = meter, now_ns, order
            if key == self.key:
                self._held_ns = now_ns
            if self._first_ns is None:
                self._first_ns = now_ns
        for key, candidate in list(self.candidates.items()):
            if now_ns - candidate.seen_ns > FORGET_SECONDS * _SECOND:
                del self.candidates[key]

    def begin(self, meter: Meter, at_ns: int, shows_nothing: bool = False) -> None:
        """Its counting begins with a reading of this moment. The reading may be useless: 0 W, or refused."""
        candidate = self.candidates.get(key_of(meter))
        if candidate is not None:
            candidate.shows_nothing = shows_nothing
            candidate.begun_ns = candidate.at_ns = at_ns
            candidate.energy, candidate.bin = 0, []
            candidate.looks += 1

    def note(self, step: MeterStep, at_ns: int, devices: Timeline | None) -> None:
        """A step of the meter up to this moment; ``devices`` is None while they cannot be compared with it."""
        candidate = self.candidates.get(key_of(step.meter))
        if candidate is None:
            return
        since, candidate.at_ns = candidate.at_ns, at_ns
        candidate.energy += step.microjoules
        candidate.looks += 1
        if step.missed and at_ns - step.nanoseconds < candidate.begun_ns:  # of before the exporter's start
            candidate.energy, candidate.begun_ns = 0, at_ns
        if step.microjoules > 0:
            if not step.missed:
                candidate.slowest_ns = max(
                    candidate.slowest_ns, min(at_ns - candidate.good_ns, step.nanoseconds)
                )
            candidate.good_ns = at_ns
        if devices is None or step.missed:
            candidate.block, candidate.bin, candidate.follow = [], [], []
            return
        everything = devices.at(at_ns, _ALL).since(devices.at(since, _ALL)).booked
        covers = candidate.meter.covers
        measured = devices.at(at_ns, covers).since(devices.at(since, covers)).measured
        _judge(candidate, step, everything, measured)

    def elect(self, now_ns: int, surely_gone: Callable[[str], bool], more_to_come: bool) -> str:
        """Choose; ``more_to_come``: a sensor is still being opened. Returns why the former choice was dropped."""
        usable = [
            c
            for c in self.candidates.values()
            if not c.unfit and c.energy > 0 and c.delivers(now_ns)
            and (c.seen_ns == now_ns or not surely_gone(c.meter.source))
        ]  # fmt: skip
        best = _widest(usable)
        if not self.key:
            if best is None and len(self.candidates) == 1 and self._first_ns == now_ns:
                only = next(iter(self.candidates.values()))  # preferred without a step
                best = None if only.shows_nothing else only
            if best is not None and not self._waits(now_ns, more_to_come):
                self._choose(best, now_ns)
            return ""
        why = self._lost(now_ns, surely_gone)
        if why:
            other = _widest([c for c in usable if key_of(c.meter) != self.key])
            if other is not None:
                self._choose(other, now_ns)
            elif why in ("below", "constant"):
                self.key = ""
            else:
                return ""
            return why
        return self._replaced_by_wider(best, now_ns)

    def young(self, now_ns: int) -> bool:
        """Whether the first choice may still change: it was made with few values."""
        return self._first_ns is not None and now_ns - self._first_ns <= YOUNG_SECONDS * _SECOND

    def _replaced_by_wider(self, best: Candidate | None, now_ns: int) -> str:
        current = self.chosen
        if current is not None:
            self._compare_blocks(current)
        if best is None or current is None or best is current or current.seen_ns != now_ns:
            return ""
        young = self.young(now_ns)
        if not (best.settled(young) and current.settled(young)):
            return ""
        surely = (
            len(best.loads) >= LEAST_BINS and best.beyond > current.beyond + _margin(current) + best.swing
        )
        if not surely and best.wider < WIDER_BLOCKS:
            return ""
        self._choose(best, now_ns)
        return "narrow"

    def _compare_blocks(self, current: Candidate) -> None:
        """Count for how many blocks each of the others has shown more than the one in use."""
        for candidate in self.candidates.values():
            if not candidate.judged and current.beyond_watts is not None:
                candidate.judged = True
                is_wider = candidate.beyond > current.beyond + _margin(current)
                candidate.wider = candidate.wider + 1 if is_wider else 0

    def _choose(self, candidate: Candidate, now_ns: int) -> None:
        for other in self.candidates.values():
            other.wider = 0
        self.key, self._held_ns = key_of(candidate.meter), now_ns

    def _waits(self, now_ns: int, more_to_come: bool) -> bool:
        if self._first_ns is None or now_ns - self._first_ns > FIRST_WAIT_SECONDS * _SECOND:
            return False
        young = any(c.looks < 2 and c.seen_ns == now_ns for c in self.candidates.values())
        return more_to_come or (young and len(self.candidates) > 1)

    def _lost(self, now_ns: int, surely_gone: Callable[[str], bool]) -> str:
        current = self.chosen
        if current is not None and current.unfit:
            return current.unfit
        if surely_gone(sensor_of(self.key)) and (current is None or current.seen_ns != now_ns):
            return "gone"
        if now_ns - self._held_ns > HOLD_SECONDS * _SECOND:
            return "gone"
        if current is not None and current.seen_ns == now_ns:
            nothing_yet = current.energy <= 0 and current.looks >= 3
            if nothing_yet or not current.delivers(now_ns):
                return "still"
        return ""


def _widest(candidates: list[Candidate]) -> Candidate | None:
    """The meter that shows most; of equal ones, the first in the order of sensors."""
    if not candidates:
        return None
    most = max(candidates, key=lambda c: c.beyond)
    equal = [c for c in candidates if c.beyond >= most.beyond - _margin(most)]
    return min(equal, key=lambda c: (-len(c.meter.covers), c.order))


def _margin(candidate: Candidate) -> float:
    if candidate.beyond_watts is not None:
        return max(MARGIN_WATTS, MARGIN_RATIO * candidate.watts)
    block = candidate.block
    shown = block[1] * 1e3 / block[0] if block and block[0] else 0.0
    return max(YOUNG_MARGIN_WATTS, YOUNG_MARGIN_RATIO * shown)


def _judge(candidate: Candidate, step: MeterStep, everything: int, measured: int) -> None:
    """Add a step to the running block, and to the longer check whether the meter follows its parts."""
    block = candidate.block = candidate.block or [0, 0, 0, 0]
    for index, amount in enumerate((step.nanoseconds, step.microjoules, everything, measured)):
        block[index] += amount
    if block[0] >= BLOCK_SECONDS * _SECOND:
        candidate.beyond_watts = (block[1] - block[2]) * 1e3 / block[0]
        candidate.watts = block[1] * 1e3 / block[0]
        missing = (BELOW_RATIO * block[3] - block[1]) * 1e3 / block[0] - MARGIN_WATTS
        candidate.below = candidate.below + 1 if missing > 0 else 0
        blocks = BELOW_BLOCKS if missing > candidate.swing else BELOW_BLOCKS_LAGGING
        candidate.block, candidate.judged = [], False
        if candidate.below >= blocks:
            candidate.is_below = True
        elif not candidate.below:
            candidate.is_below = False
    _follow(candidate, step, everything)


def _follow(candidate: Candidate, step: MeterStep, parts: int) -> None:
    bin_ = candidate.bin = candidate.bin or [0, 0, 0]
    for index, amount in enumerate((step.nanoseconds, step.microjoules, parts)):
        bin_[index] += amount
    if bin_[0] < _BIN_NS:
        return
    shown, drawn = bin_[1] * 1e3 / bin_[0], bin_[2] * 1e3 / bin_[0]
    candidate.loads = [*candidate.loads[1 - _SWING_BINS :], drawn]
    seconds, bins, low, high, parts_low, parts_high = candidate.follow or (0, 0, shown, shown, drawn, drawn)
    low, high, parts_low, parts_high = (
        min(low, shown), max(high, shown), min(parts_low, drawn), max(parts_high, drawn),
    )  # fmt: skip
    seconds, bins = seconds + bin_[0] / 1e9, bins + 1
    candidate.bin = []
    candidate.follow = [seconds, bins, low, high, parts_low, parts_high]
    if seconds < FOLLOW_SECONDS or bins < 6:
        return
    candidate.follow = []
    moved = parts_high - parts_low
    if moved >= max(FOLLOW_WATTS, FOLLOW_RATIO * high):
        candidate.constant = high - low < 0.02 * moved
