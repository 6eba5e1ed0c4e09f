"""The energy counter of a GPU goes on over what goes wrong with it, by what the GPU shows besides. Pure.

A counter may begin anew, leap, or stand still. The power of the same chip, or the counter of a part of it, says what
was drawn meanwhile. Where there is neither, a leap is left to be refused, and a counter that stands still while its GPU
is awake is no reading: nothing then shows what was drawn.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from ...counters import plausible
from ...standing_still import DECIDE_NS, LEAST_MICROWATTS, STILL_LOOKS

# Three powers at the longest interval refute a counter that stands still; then what was seen besides stands for it.
LONGEST_WAIT_NS = 45_000_000_000
HOLE_NS = 5_000_000_000  # the counter of a GPU that is awake moves within this time
LAG_NS = 1_000_000_000  # a counter may be refreshed so late
AGREES_PERCENT = 90  # of what was seen besides, which was not read at the same moment
CATCHES_UP_PERCENT = 50  # of it, counted by a counter that catches up after it stood still
FADES = 0.95  # per step, of what is known of the two
MOST_RATIO = 2.0  # of a card to its package
_SECOND = 1_000_000_000


class Going(Struct, frozen=True):
    """Microjoules up to a moment. ``mended``: they hold what was seen besides."""

    microjoules: int
    at_ns: int
    mended: bool = False


class StandsStill(ValueError):
    """The counter did not move though its GPU is awake, and nothing else shows what it draws."""


class GoingOn:
    """Takes each value of one counter (``take``). ``besides`` is the energy by the other source so far, in
    microjoules; ``of_part``: that is the counter of a part, which draws less."""

    def __init__(self, max_watts: float | None, of_part: bool) -> None:
        self.offset = 0  # of what is handed on to the counter's own value
        self.fine = True  # whether the other source misses no burst
        self._max_watts = max_watts
        self._of_part = of_part
        self._last: Going | None = None
        self._raw: int | None = None
        self._besides: int | None = None  # when the last value was handed on
        self._repeats = 0  # of the counter's value
        self._stood_ns = 0  # for how long it showed that value
        self._short = 0  # what the last step lacks to what was seen besides
        self._counted = self._seen = 0.0  # by the counter and besides, fading
        self._scale: float | None = None  # of the other source, since the counter gave way to it

    def take(self, raw: int, besides: int | None, at_ns: int, awake: Callable[[], bool]) -> Going:
        """One value of the counter. Returns the last one again while it is not known what it means.

        Raises StandsStill.
        """
        if self._scale is not None:
            raw = round(raw * self._scale)
        last, moved, self._raw = self._last, raw != self._raw, raw
        if last is None or at_ns < last.at_ns:
            return self._hand_on(raw + self.offset, besides, at_ns)
        elapsed, step = at_ns - last.at_ns, raw + self.offset - last.microjoules
        if elapsed == 0:
            return last
        drawn = self._drawn(besides, elapsed)
        draws = drawn is not None and drawn * _SECOND >= LEAST_MICROWATTS * elapsed
        stood, self._repeats = self._repeats, 0 if moved else self._repeats + 1
        stood_ns, self._stood_ns = self._stood_ns, 0 if moved else elapsed
        if not moved and self._waits(draws, elapsed, awake):
            return last
        if drawn is None:
            if moved and stood_ns >= HOLE_NS and besides is None and awake():
                self.offset = -raw  # a counter that begins anew: what it left out is not known
            return self._hand_on(raw + self.offset, besides, at_ns)
        if self._is_wrong(step, drawn, elapsed, draws, stood > 0 or not moved):
            drawn += self._short if stood or not moved else 0
            self.offset += drawn - step
            self._short = 0
            return self._hand_on(last.microjoules + drawn, besides, at_ns, mended=True)
        self._short = max(0, drawn - step)
        self._compare(step, besides)
        return self._hand_on(raw + self.offset, besides, at_ns)

    def give_way(self) -> None:
        """From now on ``take`` is called with the other source alone; its energy goes on from what was handed on."""
        assert self._last is not None
        assert self._besides is not None
        self._scale = self._ratio
        self.offset = self._last.microjoules + self._short - round(self._besides * self._scale)
        self._raw, self._besides, self._repeats, self._stood_ns = None, None, 0, 0

    def _is_wrong(self, step: int, drawn: int, elapsed: int, draws: bool, stood: bool) -> bool:
        if step < 0 or not plausible(step, elapsed, self._max_watts):
            return True
        if not draws:
            return False
        if stood and step * 100 < drawn * CATCHES_UP_PERCENT:
            return True
        late = drawn * min(LAG_NS, elapsed) // elapsed
        return self.fine and (step + late) * 100 < drawn * AGREES_PERCENT

    def _waits(self, draws: bool, elapsed: int, awake: Callable[[], bool]) -> bool:
        """Whether the energy waits for a counter that did not move. Raises StandsStill."""
        if draws:
            return elapsed < LONGEST_WAIT_NS
        if self._besides is not None or not awake():
            return False
        if self._repeats >= STILL_LOOKS and elapsed >= DECIDE_NS:
            raise StandsStill("the counter stands still")
        return True

    @property
    def _ratio(self) -> float:
        """What the counter counts for one microjoule seen besides."""
        if not self._of_part or self._seen <= 0:
            return 1.0
        return min(max(self._counted / self._seen, 1.0), MOST_RATIO)

    def _compare(self, step: int, besides: int | None) -> None:
        if besides is not None and self._besides is not None:
            self._counted = self._counted * FADES + step
            self._seen = self._seen * FADES + besides - self._besides

    def _drawn(self, besides: int | None, elapsed: int) -> int | None:
        """Microjoules since the last value by the other source, where it is to be believed."""
        if besides is None or self._besides is None:
            return None
        drawn = round((besides - self._besides) * self._ratio)
        return drawn if drawn >= 0 and plausible(drawn, elapsed, self._max_watts) else None

    def _hand_on(self, microjoules: int, besides: int | None, at_ns: int, mended: bool = False) -> Going:
        self._last, self._besides = Going(microjoules, at_ns), besides
        return Going(microjoules, at_ns, mended)
