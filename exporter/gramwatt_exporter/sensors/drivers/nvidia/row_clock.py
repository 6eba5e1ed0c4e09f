"""Which clock the stamps of utilisation rows are of, and which rows are believed. Pure.

NVML says "CPU timestamp in microseconds". Seen on real machines: Unix time, microseconds since boot, and rows whose
stamp lies a day ahead (https://github.com/Syllo/nvtop/issues/110). So the stamps' clock is followed as a clock of
its own: one of the known clocks where it fits, else an offset learned from new rows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from .rows import Row, plausible, stamps_of

AHEAD_US = 250_000  # a row of now may be stamped by that much ahead of the moment it was asked for
OLDEST_US = 600_000_000  # rows of the past that show a clock: the driver keeps some minutes at most
SLACK_US = 10_000_000  # how late a row may appear
CONFIRM_US = 900_000  # a clock that jumped has gone on for so long before it is believed
PERIOD_SLACK_US = 1_100_000  # rows come every 1/6 to 1 s
_REMEMBERED = 16

SHORTEST_PERIOD_US, LONGEST_PERIOD_US = (
    1_000_000 // 6,
    1_000_000,
)  # nvmlDeviceGetProcessUtilization, NVML reference


class Moment(Struct, frozen=True):
    """When rows were asked for: CLOCK_BOOTTIME in nanoseconds, and every known clock in microseconds."""

    at_ns: int
    clocks: Mapping[str, int]


class RowClock:
    """The clock of one GPU's rows."""

    def __init__(self) -> None:
        self._name = ""  # a known clock, "own" for one that is only followed, "" while no row was seen
        self._offset_us = 0  # of "own": CLOCK_BOOTTIME minus the stamps
        self._suspect: tuple[int, int] | None = (
            None  # first stamp that does not fit, and when it was seen (us)
        )
        self._ages: deque[int] = deque(maxlen=_REMEMBERED)  # of the newest rows when they were new
        self._steps: deque[int] = deque(maxlen=_REMEMBERED)  # between their stamps
        self._newest_us = 0  # newest stamp believed
        self.dropped = 0  # rows not believed so far

    @property
    def newest_us(self) -> int:
        """The newest stamp that was believed; rows after it are asked for."""
        return self._newest_us

    @property
    def doubtful(self) -> bool:
        """Rows came whose stamps do not fit: the clock may have jumped, and the next rows will show."""
        return self._suspect is not None

    @property
    def period_us(self) -> int:
        """Time between rows, as learned; the longest there is until then."""
        shortest = sorted(self._steps)[: 1 + len(self._steps) // 4]
        if not shortest:
            return LONGEST_PERIOD_US
        return min(max(shortest[-1], SHORTEST_PERIOD_US), LONGEST_PERIOD_US)

    @property
    def settled_us(self) -> int:
        """Time after which a moment's rows have come, if there are any: how late they are, one period, and slack."""
        late = min(self._ages, default=0)
        return max(0, late) + self.period_us * 3 // 2 + 100_000

    def boot_ns(self, stamp_us: int, now: Moment) -> int:
        """A stamp by CLOCK_BOOTTIME."""
        return now.at_ns - self._age(stamp_us, now) * 1_000

    def stamp_of(self, boot_ns: int, now: Moment) -> int:
        """The last stamp that is not after a moment of CLOCK_BOOTTIME."""
        return self._age(0, now) + (boot_ns - now.at_ns) // 1_000

    def begin(self, rows: Sequence[Row], now: Moment) -> None:
        """Rows of the time before the first reading: they may show the clock, and nothing else."""
        stamps = [row.stamp_us for row in plausible(rows)]
        self.dropped += len(rows) - len(stamps)
        if stamps:
            self._name = self._fitting(stamps, now, OLDEST_US)
            fitting = [s for s in stamps if not self._name or self._age(s, now) >= -AHEAD_US]
            self._newest_us = max(fitting, default=0)

    def judge(self, rows: Sequence[Row], now: Moment, before: Moment) -> Sequence[Row]:
        """The rows that are believed to be of the time since ``before``, the last time they were asked for."""
        possible = plausible(rows)
        self.dropped += len(rows) - len(possible)
        fresh = [row for row in possible if row.stamp_us > self._newest_us]
        if not fresh:
            return []
        oldest = (now.at_ns - before.at_ns) // 1_000 + SLACK_US
        if not self._name:
            self._name = self._fitting(stamps_of(fresh), now, oldest)
            if not self._name:
                self._follow(max(stamps_of(fresh)), now)
        believed = self._in_time(fresh, now, oldest)
        if self._name == "own" and not believed:
            believed = self._slipped(fresh, now)
        if not believed:
            return self._jumped([row.stamp_us for row in fresh], fresh, now, oldest)
        self.dropped += len(fresh) - len(believed)
        self._suspect = None
        self._take(believed, now)
        return believed

    def calm(self) -> None:
        """The driver has no rows at all: there is nothing to doubt."""
        self._suspect = None

    def went_back(self, rows: Sequence[Row], known: Mapping[int, int], now: Moment) -> Sequence[Row]:
        """``rows`` are all the driver has, where none was new. Those that are new all the same show a clock that
        was set back.

        ``known`` is the newest stamp seen of each PID.
        """
        newest = {row.pid: row for row in plausible(rows)}  # the driver gives the newest last
        changed = [row for row in newest.values() if known.get(row.pid, 0) != row.stamp_us]
        if not changed:
            self._suspect = None
            return []
        return self._jumped([row.stamp_us for row in changed], changed, now, SLACK_US)

    # --- inside

    def _age(self, stamp_us: int, now: Moment) -> int:
        """Microseconds between a stamp and now."""
        if self._name and self._name != "own":
            return now.clocks[self._name] - stamp_us
        return now.at_ns // 1_000 - self._offset_us - stamp_us

    def _in_time(self, rows: Sequence[Row], now: Moment, oldest_us: int) -> Sequence[Row]:
        """The rows that are not too old, nor stamped too far ahead."""
        stamps = stamps_of(rows)
        fitting = {stamp for stamp in stamps if -AHEAD_US <= self._age(stamp, now) <= oldest_us}
        return rows if len(fitting) == len(stamps) else [row for row in rows if row.stamp_us in fitting]

    def _fitting(self, stamps: Iterable[int], now: Moment, oldest_us: int) -> str:
        newest = [
            (stamp, name)
            for name, value in now.clocks.items()
            for stamp in stamps
            if -AHEAD_US <= value - stamp <= oldest_us
        ]
        return max(newest)[1] if newest else ""

    def _follow(self, stamp_us: int, now: Moment) -> None:
        self._name, self._offset_us = "own", now.at_ns // 1_000 - stamp_us

    def _slipped(self, fresh: Sequence[Row], now: Moment) -> list[Row]:
        """A clock that is only followed: the first offset was taken of an older row, the true one is a bit less."""
        ahead = [row for row in fresh if -PERIOD_SLACK_US <= self._age(row.stamp_us, now) < -AHEAD_US]
        if ahead:
            self._follow(max(row.stamp_us for row in ahead), now)
        return ahead

    def _jumped(
        self, stamps: Sequence[int], rows: Sequence[Row], now: Moment, oldest_us: int
    ) -> Sequence[Row]:
        """No row fits. When their stamps go on as time does, the clock is another one now; else they are garbage."""
        now_us, newest = now.at_ns // 1_000, max(stamps)
        if self._suspect is not None:
            first, seen_us = self._suspect
            passed, moved = now_us - seen_us, newest - first
            if abs(moved - passed) > PERIOD_SLACK_US or (passed >= CONFIRM_US and moved < passed // 4):
                self._suspect = None
            elif passed >= CONFIRM_US:
                self._suspect = None
                late = min(self._ages, default=0)  # rows are as late as they were, or it is another clock
                self._ages.clear()
                self._name = self._fitting(stamps, now, late + PERIOD_SLACK_US)
                if not self._name:
                    self._follow(newest, now)
                self._newest_us = 0
                believed = self._in_time(rows, now, oldest_us)
                self._take(believed, now)
                return believed
        if self._suspect is None:
            self._suspect = newest, now_us
        self.dropped += len(rows)
        return []

    def _take(self, rows: Sequence[Row], now: Moment) -> None:
        newest = max(stamps_of(rows))
        age = self._age(newest, now)
        if self._name == "own" and age < 0:
            self._offset_us += age
            age = 0
        self._ages.append(age)
        if self._newest_us and newest > self._newest_us:
            self._steps.append(newest - self._newest_us)
        self._newest_us = max(self._newest_us, newest)
