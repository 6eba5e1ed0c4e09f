"""Energy waits until it is known which processes used the GPU when it was drawn, for a bounded time. Pure.

Drivers report the processes that ran by rows, one per process every 1/6 to 1 s. A time without a row says "no
process ran" only once its rows would have come. So energy is reported up to the newest row, or up to the moment
whose rows have had time to come.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from .history import History
from .presence import Presence, Seen
from .probe import Look
from .row_clock import Moment, RowClock
from .rows import ENGINE_WEIGHT, SM_WEIGHT, Row, stamps_of

LONGEST_WAIT_NS = 15_000_000_000  # for rows whose clock is in doubt
QUIET_CHUNK_NS = 1_000_000_000  # idle draw is learned from times of about a second


class Interval(Struct, frozen=True):
    """A time whose users are known: weights by PID, {} when no process ran."""

    since_ns: int
    until_ns: int
    weights: dict[int, int]


class Coverage:
    """Up to when it is known which processes used one GPU, and which those were."""

    def __init__(self) -> None:
        self.clock = RowClock()
        self.until_ns = 0  # users are known up to here
        self._began = False
        self._before: Moment | None = None
        self._known: dict[int, int] = {}  # newest stamp of each PID
        self._late: dict[int, int] = {}  # weights of rows that came after their time was given up
        self._intervals: list[Interval] = []
        self._ran: dict[int, int] = {}  # weights of the newest time, where its end is not at a reading
        self._presence = Presence()

    def begin(self, look: Look, at_ns: int) -> None:
        """Energy counts from ``at_ns`` on; the rows of this first look may be of the time before."""
        if not self._began:
            self.clock.begin(look.rows or [], look.moment)
            self._began = True
        self._remember(look.rows or ())
        self._before = look.moment
        self.until_ns = at_ns
        self._intervals.clear()
        self._ran = {}
        self._presence.begin(look)

    def take(self, look: Look, history: History) -> None:
        """One look at the GPU, whose energy is in ``history``.

        Between two readings of the energy it is not known when it was drawn. So a time without rows ends at a reading.
        """
        if look.context is None or look.context.instances is not None or not look.has_rows:
            self._presence.add(look, doubted=False)
            self.give_up(look.at_ns)
            return
        earliest = self.until_ns - self.clock.settled_us * 1_000
        dropped, before = self.clock.dropped, self._before or look.moment
        believed = self.clock.judge(look.rows or [], look.moment, before)
        if not look.rows and not look.all_rows:
            self.clock.calm()
        elif not believed and look.all_rows:
            believed = self.clock.went_back(look.all_rows, self._known, look.moment)
        self._before = look.moment
        self._remember(believed)
        refused = not believed and self.clock.dropped > dropped
        self._presence.add(look, doubted=look.rows is None or refused)
        until = look.at_ns - self.clock.settled_us * 1_000
        if self.clock.doubtful:
            until = look.at_ns - LONGEST_WAIT_NS
        weights, self._late = self._late, {}
        if believed:
            stamps = stamps_of(believed)
            until = max(until, min(self.clock.boot_ns(max(stamps), look.moment), look.at_ns))
            # A row that came too late is of a time that has long been reported.
            oldest_us = self.clock.stamp_of(earliest, look.moment)
            if min(stamps) <= oldest_us:
                believed = [row for row in believed if row.stamp_us > oldest_us]
            _add_up(believed, weights)
        if not weights:
            until = history.reading_before(until)
        if until > self.until_ns:
            self._pass_over(until, weights, history)
        else:
            self._late = weights

    @property
    def due(self) -> bool:
        """Whether there is something to report: idle time is reported in pieces of about a second."""
        if not self._intervals:
            return False
        length = self._intervals[-1].until_ns - self._intervals[0].since_ns
        return length >= QUIET_CHUNK_NS or any(interval.weights for interval in self._intervals)

    @property
    def named(self) -> bool:
        """Whether rows named a process whose time is not reported yet."""
        return bool(self._late) or any(interval.weights for interval in self._intervals)

    def give_up(self, at_ns: int) -> None:
        """No more rows will come for the time up to then: what is known of it has to do."""
        weights, self._late = self._late, {}
        self._extend(at_ns, weights)

    def users(self) -> tuple[list[Interval], Seen]:
        """The times whose users are known since the last call, and what the looks around them saw."""
        intervals, self._intervals = self._intervals, []
        if not intervals:
            return [], self._presence.between(self.until_ns, self.until_ns)
        return intervals, self._presence.between(intervals[0].since_ns, intervals[-1].until_ns)

    # --- inside

    def _pass_over(self, until_ns: int, weights: dict[int, int], history: History) -> None:
        """The next time. One without rows begins at a reading: up to there, those who ran before drew the energy."""
        if not weights and self._ran:
            self._extend(min(until_ns, history.reading_after(self.until_ns)), self._ran)
        self._extend(until_ns, weights)
        self._ran = weights

    def _extend(self, until_ns: int, weights: dict[int, int]) -> None:
        if until_ns > self.until_ns:
            self._intervals.append(Interval(self.until_ns, until_ns, weights))
            self.until_ns = until_ns

    def _remember(self, rows: Iterable[Row]) -> None:
        self._known.update({row.pid: row.stamp_us for row in rows})
        if len(self._known) > 4096:
            self._known = dict(list(self._known.items())[-1024:])


def _add_up(rows: Sequence[Row], weights: dict[int, int]) -> None:
    """Add the weights of the rows by PID. A driver gives one row of each process, or several."""
    for row in rows:
        pid = row.pid
        weights[pid] = weights.get(pid, 0) + row.sm * SM_WEIGHT + row.engines * ENGINE_WEIGHT
