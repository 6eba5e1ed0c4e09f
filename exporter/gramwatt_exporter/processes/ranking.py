"""Which processes get series of their own: the N with the most recent energy, with hysteresis."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable
from typing import Literal

from ..model import DRAM
from .row import NOT_BORN, Row

# A newcomer must have this many times the energy of the coldest member to push it out: rows do not flap.
MARGIN = 1.5
# The score is energy that halves in this time. Seconds, not samples: a window that opens takes one of milliseconds.
HALF_LIFE_NS = 30_000_000_000
_DECAY = math.log(2) / HALF_LIFE_NS
# Samples after which an ended process leaves without a scrape, too.
UNSCRAPED_TICKS = 120
# The first scrape of a series shows 0 (ledger/first_scrape.py), and only the second its value.
FEWEST_SCRAPES = 2
# Ended processes keep their series for a while beside the N, but no more than these: many short processes would fill
# the database. Until some have left, new processes are part of "other".
MOST_GONE = 10
MOST_GONE_PART = 5  # or a fifth of N


_RANKED = operator.attrgetter("score")  # of a row that was ranked in this sample


def _scorer(now_ns: int) -> Callable[[Row], float]:
    """What gives the recent energy of a row. A process that was not ranked for a while did not run, but held its
    memory."""
    factors: dict[int, tuple[float, float]] = {}  # most rows were ranked last at one of a few moments

    def score(row: Row) -> float:
        ranked_ns = row.score_ns
        memory = row.microjoules[DRAM] - row.score_memory
        found = factors.get(ranked_ns)
        if found is None:
            age = (now_ns - ranked_ns) * _DECAY
            if age <= 0 or not ranked_ns:  # never ranked: born within the last minute, or without energy
                found = 1.0, 1.0
            else:
                left = math.exp(-age)
                found = left, (1 - left) / age
            factors[ranked_ns] = found
        return row.score * found[0] + memory * found[1]

    return score


class Ranking:
    """The exported rows. ``limit`` is N, 0 for none, or "all" for every process that has used energy."""

    def __init__(self, limit: int | Literal["all"], departed_scrapes: int) -> None:
        self.limit = limit
        self.departed_scrapes = departed_scrapes
        self.members: dict[Row, None] = {}  # in the order of entry
        self._gone: list[Row] = []

    def update(self, active: Iterable[Row], now_ns: int, published_tick: int = 0) -> list[Row]:
        """Rank the rows that used energy in this sample, at ``now_ns`` of a steady clock; returns those that left
        (their totals are to be kept). ``published_tick`` is the tick of the published sample before this one."""
        left: list[Row] = []
        newcomers: list[Row] = []
        score = _scorer(now_ns)
        for row in active:
            if self.limit == "all":
                if row.entered is None:
                    row.entered = row.base
                    left.extend(self._admit(row))
                continue
            cpu, _, gpu, other = row.power
            row.score = score(row) + cpu + gpu + other
            row.score_ns, row.score_memory = now_ns, row.microjoules[DRAM]
            if row.entered is None:
                newcomers.append(row)
        if isinstance(self.limit, int) and self.limit > 0 and newcomers:
            left.extend(self._compete(newcomers, score, self.limit, published_tick))
        return left

    def _compete(
        self, newcomers: list[Row], score: Callable[[Row], float], limit: int, published_tick: int
    ) -> list[Row]:
        left: list[Row] = []
        newcomers.sort(key=_RANKED, reverse=True)
        running = sorted((row for row in self.members if not row.gone_scrapes), key=score)
        free = limit - len(running)
        room = limit + max(MOST_GONE, limit // MOST_GONE_PART) - len(self.members)
        coldest = iter(running)
        for row in newcomers[:limit]:
            if row.score <= 0:
                break
            if free > 0:
                if room <= 0:
                    seen = self._oldest_seen()
                    if seen is None:
                        break
                    left.append(seen)
                    room += 1
                free -= 1
                room -= 1
            else:
                rival = next(coldest, None)
                if rival is None or row.score < MARGIN * score(rival):
                    break
                left.append(self._dismiss(rival))
            # What it has shown as part of "other" stays there, which therefore never goes back.
            row.entered = row.base if row.born_tick > published_tick else row.totals()
            left.extend(self._admit(row))
        return left

    def _oldest_seen(self) -> Row | None:
        """Let an ended process leave before its time whose last values have been scraped often enough."""
        for row in self._gone:
            if row.gone_scrapes > FEWEST_SCRAPES and row in self.members:
                self._gone.remove(row)
                return self._dismiss(row)
        return None

    def _admit(self, row: Row) -> list[Row]:
        """Add a series. An ended process with the same id leaves first, or two series had the same labels."""
        self.members[row] = None
        row.born = list(NOT_BORN)
        namesakes = [other for other in self._gone if other.identity.pid == row.identity.pid]
        self._gone = [other for other in self._gone if other.identity.pid != row.identity.pid]
        return [self._dismiss(other) for other in namesakes]

    def _dismiss(self, row: Row) -> Row:
        del self.members[row]
        return row

    def rename(self, row: Row) -> Row | None:
        """A member changed its labels (exec): its old series ends here. Returns it when it was a member."""
        if row.entered is None:
            return None
        return self._dismiss(row)

    def gone(self, row: Row, tick: int) -> None:
        """The process ended: its series stays for a few scrapes, then leaves."""
        if row.entered is not None and not row.gone_scrapes:
            row.gone_scrapes, row.gone_tick = 1, tick
            self._gone.append(row)

    def scraped(self, scrapes: int, tick: int) -> list[Row]:
        """Count scrapes since the last sample; returns rows whose time is over."""
        if not self._gone:
            return []
        left: list[Row] = []
        stay: list[Row] = []
        for row in self._gone:
            row.gone_scrapes += scrapes
            # Without scrapes, ended processes must not pile up for ever.
            over = (
                row.gone_scrapes > max(self.departed_scrapes, FEWEST_SCRAPES)
                or tick - row.gone_tick > UNSCRAPED_TICKS
            )
            if over and row in self.members:
                left.append(self._dismiss(row))
            elif not over:
                stay.append(row)
        self._gone = stay
        return left
