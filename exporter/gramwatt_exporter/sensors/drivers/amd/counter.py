"""Whether the energy counter of an AMD GPU is believed: it is compared with the integral of power first. Pure.

The energy counter of some parts is wrong: it stands still, or counts in another unit.
"""

from __future__ import annotations

from msgspec import Struct

from ...standing_still import CounterCheck

CHECK_NS = 10_000_000_000  # how long counter and power are compared
CHECK_GAP_NS = 30_000_000_000  # between two reads power may have been anything: they are 10 s apart at most
CHECK_FACTOR = 2  # they may differ by: power is sampled once a tick, so only gross errors show
_SECOND = 1_000_000_000


class _Check(Struct):
    """Energy counter and power side by side, in uJ, uW and ns of CLOCK_BOOTTIME."""

    energy: int  # at the start
    since_ns: int
    asleep_ns: int  # since boot
    power: int  # at the last read
    at_ns: int
    area: int = 0  # uW * ns


class CounterTrial:
    """Takes each counter value with the power beside it; after the comparison it looks now and then.

    Ask ``wants_power`` first; ``refuted_by`` returns "" or what speaks against the counter.
    """

    def __init__(self) -> None:
        self._check: _Check | None = None
        self._checked = False
        self._later = CounterCheck()  # of a counter that stops after it was checked

    def wants_power(self, microjoules: int, at_ns: int) -> bool:
        """Whether the power of this moment is needed."""
        return not self._checked or self._later.wants_power(microjoules, at_ns)

    def refuted_by(self, microjoules: int, microwatts: int, at_ns: int, asleep_ns: int) -> str:
        """Take both; ``asleep_ns`` is how long the machine has slept since boot."""
        if self._checked:
            return self._later.refuted_by(microwatts)
        check = self._check
        # Asleep, and in a long gap, power was not what it is at both ends.
        if check is None or asleep_ns - check.asleep_ns > _SECOND or at_ns - check.at_ns > CHECK_GAP_NS:
            self._check = _Check(microjoules, at_ns, asleep_ns, microwatts, at_ns)
            return ""
        check.area += (check.power + microwatts) * (at_ns - check.at_ns) // 2
        check.power, check.at_ns = microwatts, at_ns
        if at_ns - check.since_ns < CHECK_NS:
            return ""
        counted, integrated = microjoules - check.energy, check.area // _SECOND
        self._check, self._checked = None, True
        if integrated <= counted * CHECK_FACTOR <= integrated * CHECK_FACTOR**2:
            return ""
        return (
            f"its energy counter said {counted // 1_000_000} J where its power adds up to"
            f" {integrated // 1_000_000} J"
        )
