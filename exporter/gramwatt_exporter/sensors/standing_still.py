"""Compares a counter with the power that its own device reports, or with a counter of a part. Pure.

A counter is believed by what it does. Some stand still, or count far less than the device draws, while the same device
states its power: NVIDIA/DCGM issue 171 (0 J at 247 W), kokkos/kokkos-tools issue 295 (a counter far below the power).
"""

from __future__ import annotations

from .counters import plausible

_SECOND = 1_000_000_000

DECIDE_NS = 10 * _SECOND  # a counter is judged over at least this long
LONGEST_GAP_NS = 30 * _SECOND  # after a longer gap the device may have slept: the comparison begins anew
USUAL_GAP_NS = 10 * _SECOND  # the longest sampling interval
SHORTEST_NS = _SECOND // 2  # counters are refreshed within 100 ms
STILL_LOOKS = 3  # powers that contradict a counter that does not move
LOW_LOOKS = 6  # powers that contradict one that moves: bursts between two looks are no contradiction
AGAIN_NS = 600 * _SECOND  # a counter that moves is compared so often
LEAST_MICROWATTS = 1_000_000  # a device below 1 W may be asleep, with a counter that rightly stands still
_FACTOR = 2


class CounterCheck:
    """Judges one counter. The caller asks ``wants_power`` at each read, and hands power in when it is wanted.

    The power is needed while the counter stands still, and in one comparison at the start and every ten minutes, so it
    costs no call otherwise. The lowest power seen is what counts: whatever happened between the looks, a device that
    never showed less than that drew about that much.
    """

    def __init__(self) -> None:
        self._energy: int | None = None  # when the comparison began
        self._since_ns = 0
        self._seen: int | None = None  # at the last look
        self._seen_ns = 0
        self._gap_ns = 0  # the longest between two looks so far
        self._lowest = 0
        self._looks = 0
        self._again_ns = 0  # a counter that moves is compared from then on
        self._stood: tuple[int, int, int] | None = (
            None  # since when, looks, lowest power: of one that stands still
        )

    def wants_power(self, microjoules: int, at_ns: int) -> bool:
        """Take the counter's value; whether the device's power is needed to judge it."""
        moved = self._seen is not None and microjoules != self._seen
        gap = at_ns - self._seen_ns
        if moved or gap > self._longest_gap():
            self._stood = (at_ns, 0, 0)
        if self._seen is None or microjoules < self._seen or gap > self._longest_gap():
            self._gap_ns = 0 if self._seen is None else min(gap, USUAL_GAP_NS)
            self._begin(microjoules, at_ns)
            return False
        if gap < SHORTEST_NS:
            return False
        if moved and at_ns < self._again_ns:
            self._begin(microjoules, at_ns)
            return False
        self._gap_ns = max(self._gap_ns, gap)
        self._seen, self._seen_ns = microjoules, at_ns
        return True

    def _longest_gap(self) -> int:
        """Three times the longest one so far: across a suspend, a counter stands still for a good reason."""
        return min(LONGEST_GAP_NS, 3 * self._gap_ns + _SECOND) if self._gap_ns else LONGEST_GAP_NS

    def refuted_by(self, microwatts: int) -> str:
        """Take the power at the moment of the last counter value: "" or what speaks against the counter."""
        assert self._energy is not None
        assert self._seen is not None
        against = self._stands_still(microwatts)
        if against:
            return against
        self._looks += 1
        self._lowest = microwatts if self._looks == 1 else min(self._lowest, microwatts)
        counted, elapsed = self._seen - self._energy, self._seen_ns - self._since_ns
        if elapsed < DECIDE_NS or self._looks < (LOW_LOOKS if counted else STILL_LOOKS):
            return ""
        drawn = self._lowest * elapsed // _SECOND
        lowest = self._lowest
        if counted:
            self._again_ns = self._seen_ns + AGAIN_NS
        self._begin(self._seen, self._seen_ns)
        if lowest < LEAST_MICROWATTS or counted * _FACTOR >= drawn:
            return ""
        return _against(counted, elapsed, lowest)

    def _stands_still(self, microwatts: int) -> str:
        """ "" or what speaks against a counter that moved and does not any longer."""
        if self._stood is None or self._stood[0] == self._seen_ns:
            return ""
        since_ns, looks, lowest = self._stood
        lowest = min(lowest, microwatts) if looks else microwatts
        self._stood = (since_ns, looks + 1, lowest)
        elapsed = self._seen_ns - since_ns
        if elapsed < DECIDE_NS or looks + 1 < STILL_LOOKS or lowest < LEAST_MICROWATTS:
            return ""
        return _against(0, elapsed, lowest)

    def _begin(self, microjoules: int, at_ns: int) -> None:
        self._energy = self._seen = microjoules
        self._since_ns = self._seen_ns = at_ns
        self._looks = self._lowest = 0


def _against(counted: int, elapsed: int, lowest: int) -> str:
    return (
        f"its energy counter counted {counted / 1e6:.0f} J in {elapsed / _SECOND:.0f} s"
        f" while its power was never below {lowest / 1e6:.0f} W"
    )


class PartCheck:
    """Judges the counter of a whole by the counter of one of its parts: the whole draws at least as much."""

    _TOLERANCE_PERCENT = 90  # the two are not read at the same moment

    def __init__(self) -> None:
        self._began: tuple[int, int, int] | None = None  # whole, part, when

    def due(self, at_ns: int) -> bool:
        """Whether the part's counter is needed now."""
        return self._began is None or at_ns - self._began[2] >= DECIDE_NS

    def refuted_by(self, whole: int, part: int, at_ns: int, max_watts: float | None = None) -> str:
        """Take both counters in microjoules, when due: "" or what speaks against the whole's.

        ``max_watts`` is what the device can draw at most: where the whole counts more, and the part does not, the part
        is the better of the two.
        """
        began, self._began = self._began, (whole, part, at_ns)
        if began is None:
            return ""
        first_whole, first_part, since_ns = began
        elapsed = at_ns - since_ns
        drawn, inside = whole - first_whole, part - first_part
        least = LEAST_MICROWATTS * elapsed // _SECOND
        if (
            inside >= least
            and plausible(inside, elapsed, max_watts)
            and not plausible(drawn, elapsed, max_watts)
        ):
            return (
                f"its energy counter counted {drawn / 1e6:.0f} J in {elapsed / _SECOND:.0f} s,"
                f" more than the {max_watts:.0f} W that its device can draw"
            )
        if drawn < 0 or inside < least or drawn * 100 >= inside * self._TOLERANCE_PERCENT:
            return ""
        return (
            f"its energy counter counted {drawn / 1e6:.0f} J in {elapsed / _SECOND:.0f} s"
            f" while that of a part of it counted {inside / 1e6:.0f} J"
        )
