"""From raw counters and power values to energy steps: wraps, resets, integration. Pure.

Integers only (microjoules, microwatts, nanoseconds): what is not booked now is carried, so no microjoule is lost
or invented by rounding.
"""

from __future__ import annotations

from functools import cache

from msgspec import Struct

_REGISTER = 1 << 32  # values of a RAPL energy register

# A step is believed up to this share above what the device can draw, plus the energy of the time by which a
# counter's refresh may lag behind our clock (NVML refreshes every 20-100 ms, RAPL every 1 ms).
HEADROOM_PERCENT = 120
REFRESH_SLACK_NS = 200_000_000
# A counter that shows another value for so long was reset. As long as a device is waited for (claims.HOLD_SECONDS).
DOUBT_NS = 60_000_000_000
# In s2idle a package's counter runs on, at some tenths of a watt; in deeper states it stops or begins again at 0.
ASLEEP_PERCENT = 5  # of what the device can draw awake


def plausible(microjoules: int, nanoseconds: int, max_watts: float | None) -> bool:
    """Whether a device of at most ``max_watts`` can draw this energy in this time (None: always True)."""
    if max_watts is None:
        return True
    # W * ns = nJ; / 1000 = uJ
    bound = round(max_watts * 1000) * (nanoseconds + REFRESH_SLACK_NS) * HEADROOM_PERCENT // 100_000_000
    return microjoules <= bound


def believed(microwatts: int, max_watts: float | None) -> int | None:
    """The power value, or None where it is negative or more than a device of ``max_watts`` can draw (None: no
    limit)."""
    if microwatts < 0 or (max_watts is not None and microwatts > max_watts * 10_000 * HEADROOM_PERCENT):
        return None
    return microwatts


@cache
def register_unit(wraps_at: int) -> int | None:
    """Nanojoules that one count of a RAPL register stands for, whose largest value in microjoules is ``wraps_at``.

    These registers count to 2**32 in a unit that Linux keeps in whole nanojoules (15,258 or 61,035, say); it shows the
    product, cut off below the microjoule (rapl_unit_xlate in drivers/powercap/intel_rapl_common.c). None when no unit
    gives that largest value: not such a register.
    """
    unit = -(-wraps_at * 1_000 // (_REGISTER - 1))
    return unit if unit > 1_000 and (_REGISTER - 1) * unit // 1_000 == wraps_at else None


def _nanojoules(microjoules: int, unit: int | None) -> int:
    """What a register held when Linux showed this value: with a unit above 1 uJ just one count can have."""
    if unit is not None:
        exact = -(-microjoules * 1_000 // unit) * unit
        if exact // 1_000 == microjoules:
            return exact
    return microjoules * 1_000


def difference(previous: int, current: int, wraps_at: int | None) -> int | None:
    """Nanojoules from one raw value in microjoules to the next, one wrap removed; None when the counter was reset.

    ``wraps_at`` is the largest value the counter shows. After it comes 0, one unit of the register later, or 1 uJ.
    """
    unit = None if wraps_at is None else register_unit(wraps_at)
    drawn = _nanojoules(current, unit) - _nanojoules(previous, unit)
    if current >= previous:
        return drawn
    if wraps_at is None or previous > wraps_at:
        return None
    return drawn + (_REGISTER * unit if unit is not None else (wraps_at + 1) * 1_000)


class Step(Struct, frozen=True):
    """Outcome of one new raw value: energy and time since the last one, or a reset (then energy is 0).

    ``mended``: refused values before it were misreadings, and the step spans their time, too.
    """

    microjoules: int
    nanoseconds: int
    reset: bool = False
    mended: bool = False


class Doubt(Struct):
    """The last value before one that was refused: a counter that comes back to it was never reset."""

    microjoules: int
    at_ns: int
    carry_nj: int
    refused: int  # the value, in microjoules
    booked: int = 0  # microjoules since then
    until_ns: int = 0  # up to which they are booked

    def ended_by(self, microjoules: int, at_ns: int, max_watts: float | None) -> Step | None:
        """The step since then, where the counter has come back. Else it was reset, or leapt for good."""
        low = self.refused < self.microjoules
        if microjoules < self.microjoules or not (low or microjoules < self.refused):
            return None
        drawn = microjoules - self.microjoules
        if not plausible(drawn, at_ns - self.at_ns, max_watts):
            return None
        return Step(max(0, drawn - self.booked), at_ns - max(self.at_ns, self.until_ns), mended=True)


class Counter(Struct):
    """Last raw value of one hardware counter; the remainder below 1 uJ is carried to the next step."""

    microjoules: int
    at_ns: int
    carry_nj: int = 0
    doubt: Doubt | None = None

    def advance(
        self,
        microjoules: int,
        at_ns: int,
        wraps_at: int | None = None,
        max_watts: float | None = None,
        suspended_ns: int = 0,
    ) -> Step | None:
        """Take the next raw value. None when no time has passed (the same reading seen twice).

        A value that went backwards without room for a wrap, or a step beyond what the device can draw, is a
        reset: the energy is not booked and counting goes on from the new value. Where the counter comes back to where
        it was within a minute (one read showed 0, say), what it counted since then is booked, and nothing twice.
        ``suspended_ns`` is the part of the time the machine slept: counters may lose their value then, so going
        backwards is a reset, not a wrap, and little is drawn.
        """
        elapsed = at_ns - self.at_ns
        if elapsed <= 0:
            return None
        asleep = suspended_ns > 0
        doubt = self.doubt
        if doubt is not None:
            if asleep or at_ns - doubt.at_ns > DOUBT_NS:
                self.doubt = doubt = None
            elif (mended := doubt.ended_by(microjoules, at_ns, max_watts)) is not None:
                self.microjoules, self.at_ns, self.carry_nj = microjoules, at_ns, doubt.carry_nj
                self.doubt = None
                return mended
        drawn = difference(self.microjoules, microjoules, None if asleep else wraps_at)
        before, before_ns = self.microjoules, self.at_ns
        self.microjoules, self.at_ns = microjoules, at_ns
        energy, carry = divmod((drawn or 0) + self.carry_nj, 1_000)
        at_full_power = max(0, elapsed - suspended_ns) + suspended_ns * ASLEEP_PERCENT // 100
        if drawn is None or not plausible(energy, at_full_power, max_watts):
            if doubt is None and not asleep:
                self.doubt = Doubt(before, before_ns, self.carry_nj, microjoules)
            self.carry_nj = 0
            return Step(0, elapsed, reset=True)
        self.carry_nj = carry
        if doubt is not None:
            doubt.booked, doubt.until_ns = doubt.booked + energy, at_ns
        return Step(energy, elapsed)


class Integrator(Struct):
    """Power values -> energy by the trapezoid rule; the remainder below 1 uJ is carried to the next step.

    None stands for a value that is not ``believed``: neither the time before it nor the time after it is booked.
    """

    microwatts: int | None
    at_ns: int
    carry: int = 0  # in units of 1 uW * 1 ns / 2

    def advance(self, microwatts: int | None, at_ns: int) -> Step | None:
        """Take the next power value. None when no time has passed, and where counting begins anew."""
        elapsed = at_ns - self.at_ns
        if elapsed <= 0:
            return None
        former = self.microwatts
        self.microwatts, self.at_ns = microwatts, at_ns
        if microwatts is None:
            self.carry = 0
            return Step(0, elapsed, reset=True)
        if former is None:
            return None
        energy, self.carry = divmod((former + microwatts) * elapsed + self.carry, 2_000_000_000)
        return Step(energy, elapsed)

    def jump(self, microwatts: int, at_ns: int) -> None:
        """Go on from here without booking the time between: nothing was measured."""
        self.microwatts, self.at_ns = microwatts, at_ns
