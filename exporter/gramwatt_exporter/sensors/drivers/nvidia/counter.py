"""A GPU's energy counter, judged by what it does: it goes on, begins anew, leaps, or stands still."""

from __future__ import annotations

from collections import deque
from typing import Protocol

from ...counters import HEADROOM_PERCENT, plausible
from .history import History
from .probe import Look
from .still import Still

# A counter refreshes every 20 to 100 ms: over a second that no longer matters for its power.
JUDGED_NS = 1_000_000_000
BELIEVED_PERCENT = 75  # of the counter's power, if the power reading shows as much
LONGEST_GAP_NS = 15_000_000_000  # over which power stands for a counter that began anew


class CounterJudge(Protocol):
    """Says whether a counter is refuted by the power of its own device."""

    def wants_power(self, microjoules: int, at_ns: int) -> bool: ...

    def refuted_by(self, microwatts: int) -> str: ...


class Counter:
    """The counter whose believed values are in ``history``."""

    def __init__(self, history: History) -> None:
        self.check: CounterJudge | None = None
        self.refuted = ""  # what speaks against the counter, where something does
        # (ns, microjoules, microwatts or None) read between two looks; the power of one that stands still
        self.counts: deque[tuple[int, int, int | None]] = deque(maxlen=64)
        self._history = history
        self._still = Still()
        self._highest = 0  # highest power read of late, microwatts
        self._microwatts: int | None = None  # power at the last look
        self.offset = 0  # of the history to the counter's own value
        self._mended = False  # the last look brought a step that is filled in by power

    def take_mended(self) -> bool:
        """Whether a step since the last call was filled in by power."""
        mended, self._mended = self._mended, False
        return mended

    def stands_still(self, look: Look) -> bool:
        """Whether the counter did not move while the GPU draws power. Its energy waits for what comes of it."""
        if self.check is None or look.microjoules is None or not self._history:
            return False
        if self.check.wants_power(look.microjoules, look.at_ns) and look.microwatts is not None:
            self.refuted = self.refuted or self.check.refuted_by(look.microwatts)
        return self._did_not_move(look.microjoules, look.microwatts, look.at_ns)

    def _did_not_move(self, microjoules: int, microwatts: int | None, at_ns: int) -> bool:
        history = self._history
        newest = (history.newest_ns, history.newest_microjoules)
        short = 0
        if not self._still.active and microwatts is not None:
            # It may have stopped in the course of its last step.
            power = microwatts if self._microwatts is None else min(self._microwatts, microwatts)
            elapsed, step = history.last_step
            short = max(0, power * elapsed // 1_000_000_000 - step)
        return self._still.look(microjoules, microwatts, at_ns, newest, short)

    def fill(self) -> None:
        """What it would have counted while it stood still."""
        for at_ns, microjoules in self._still.points():
            self._history.add(at_ns, microjoules)

    def take_counts(self, limit: float | None) -> list[tuple[int, int]]:
        """Values of the counter between two looks. Returns those from the first on that does not go on from the last:
        what they mean is for the look to judge."""
        counts: list[tuple[int, int]] = []
        powers: list[int | None] = []
        while self.counts:
            at_ns, raw, power = self.counts.popleft()
            counts.append((at_ns, raw + self.offset))
            powers.append(power)
        for index, (at_ns, microjoules) in enumerate(counts):
            if not self._history or at_ns <= self._history.newest_ns:
                continue
            drawn = microjoules - self._history.newest_microjoules
            if drawn == 0 and self.check is not None:  # it may stand still: the next look will show
                power = powers[index]
                if power is not None:
                    if self.check.wants_power(microjoules, at_ns):
                        self.refuted = self.refuted or self.check.refuted_by(power)
                    self._did_not_move(microjoules, power, at_ns)
                continue
            if (
                self._still.active
                or drawn < 0
                or not plausible(drawn, at_ns - self._history.newest_ns, limit)
            ):
                return counts[index:]
            self._history.add(at_ns, microjoules)
        return []

    def mend(self, beyond: list[tuple[int, int]], look: Look, limit: float | None) -> bool:
        """The counter was reset, leapt or left out what was drawn while it stood still: it goes on by the power
        meanwhile. False where the GPU reports no power: then it begins anew."""
        before, now = self._microwatts, look.microwatts
        newest_ns = self._history.newest_ns
        assert look.microjoules is not None
        values = [item for item in (*beyond, (look.at_ns, look.microjoules)) if item[0] > newest_ns]
        drawn = self._still.drawn(values[0][0]) if values else None
        if not values or now is None or (drawn is None and look.at_ns - newest_ns > LONGEST_GAP_NS):
            return False
        mean = now if before is None else (before + now) // 2
        self._still.points()
        shift = 0
        for at_ns, value in values:
            elapsed = at_ns - self._history.newest_ns
            step = value + shift - self._history.newest_microjoules
            if drawn is not None or step < 0 or not plausible(step, elapsed, limit):
                power = mean * elapsed // 1_000_000_000 if drawn is None else drawn
                shift += power - step
                step, drawn = power, None
            self._history.add(at_ns, self._history.newest_microjoules + step)
        self.offset += shift
        self._mended = True
        return True

    def looked(self, look: Look) -> None:
        """Take the power of a look, when its counter is judged."""
        if look.microwatts is not None:
            self._microwatts = look.microwatts

    def begin_anew(self, beyond: list[tuple[int, int]], microjoules: int) -> None:
        """The counter was reset or leapt: it counts from the first value beyond that."""
        self._history.clear()
        for at_ns, value in beyond:
            if value <= microjoules:
                self._history.add(at_ns, value)

    def goes_on(self, look: Look, limit: float | None) -> tuple[bool, float | None]:
        """Whether the counter went on from its last value by what the GPU can draw, and the watts above that limit
        that are believed.

        The bound is on the power over a second at least. A power above the stated limit is believed where the GPU's
        own power reading shows it as well: limits are set for boards, and some boards exceed theirs.
        """
        assert look.microjoules is not None
        if not self._history:
            return True, None
        if self._still.missed(look.microjoules, look.at_ns):
            return False, None
        if look.microwatts is not None:
            self._highest = max(look.microwatts, self._highest * 9 // 10)
        if look.microjoules < self._history.newest_microjoules:
            return False, None
        since_ns = min(self._history.newest_ns, look.at_ns - JUDGED_NS)
        since_ns = max(since_ns, self._history.oldest_ns)
        elapsed = look.at_ns - since_ns
        if elapsed < JUDGED_NS or limit is None:
            return True, None
        power = (look.microjoules - self._history.at(since_ns)) * 1_000_000_000 // elapsed
        if power <= limit * 10_000 * HEADROOM_PERCENT:
            return True, None
        if self._highest * 100 < power * BELIEVED_PERCENT:
            return False, None
        return True, power / 1e6
