"""The table of all processes: CPU time each used since the previous sample, births, deaths and reuse of ids.

The steady state costs one system call a process (see clocks.py) and touches in Python only the rows that ran.
"""

from __future__ import annotations

import operator
import time
from collections.abc import Callable, Iterable, Mapping, Set
from itertools import compress
from typing import Any

from ..model import Identity
from .activity import Activity
from .births import Births
from .ended import Ended
from .linux.clocks import ClockSource
from .linux.exit_message import Exit
from .linux.kernel import KernelCounters
from .linux.procfiles import TICK_NS
from .linux.stolen import StolenTime
from .reconcile import Reaped, WaitedFor
from .row import Row
from .sources import ExitSource, ForkSource, Identities
from .unseen import Unseen, used_lately

# Rows whose identity is read again each sample: of those that ran (only a process that runs can call exec), and of all
# (another process may have moved them to another cgroup). Where few run, a quarter of them.
ROTATION_RUNNING, ROTATION_ALL = 8, 2
_KTHREADD = 2  # the parent of all kernel threads


def _now_ns() -> int:
    """Since boot, as start times of processes are given."""
    return time.clock_gettime_ns(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class ProcessTable:
    """Single writer. ``new_row`` gives a row its accounts; ``clock_ticks`` is time since boot in clock ticks."""

    def __init__(
        self,
        clocks: ClockSource,
        identities: Identities,
        births: Births,
        list_pids: Callable[[], Iterable[int]],
        new_row: Callable[[Identity], Row],
        resident_pages: Callable[[int], int | None],
        exits: ExitSource | None = None,
        reaped: Reaped | None = None,
        ignores_children: Callable[[int], bool] = lambda _: False,
        forks: ForkSource | None = None,
        pages_of_threads: Callable[[int], int] = lambda _: 0,
        boottime_ns: Callable[[], int] = _now_ns,
    ) -> None:
        self._clocks = clocks
        self._identities = identities
        self._births = births
        self._list_pids = list_pids
        self._new_row = new_row
        self._unseen = Unseen(identities, new_row)
        self._resident_pages = resident_pages
        self._pages_of_threads = pages_of_threads
        self._boottime_ns = boottime_ns
        self._began_ns = 0  # of this sample
        self._elapsed_ns = 0  # since the previous sample began
        self._exits = exits
        self._stolen = StolenTime()
        self._forks = forks
        self._forked: dict[int, int] = {}  # child -> parent, of this sample and of the one before
        self._forked_before: dict[int, int] = {}
        self._waited: WaitedFor | None = None
        if reaped is not None:
            self._waited = WaitedFor(reaped, exits is not None, ignores_children, self._lost_a_child)
        self.rows: list[Row] = []
        self._keys: list[object] = []
        self._last: list[int] = []
        self._where: dict[int, int] = {}
        self._limbo: dict[int, tuple[Row, int]] = {}  # gone without an exit message yet
        self._young: list[Row] = []
        self._replaced: list[Row] = []  # rows whose id was handed out again in this sample
        self._tick = 0
        self._clock_before: Callable[[Identity, int], int] = lambda _, now: now
        self._listed = False  # whether all processes of the start have been found; a failed sample finds none
        self._seen_start = 0  # latest start time in the table: only a new process has a later one
        self._recent: dict[int, Row] = {}  # processes that ended in this sample
        self.ended = Ended()  # in this sample or shortly before
        self._messages: dict[int, Exit] = {}  # of this sample
        self._late: frozenset[int] = frozenset()  # processes that ended a sample ago without a message
        self.born: list[Row] = []  # processes found in this sample
        self.windows_open = False  # whether any row can be in a window
        self._on_rename: Callable[[Row], None] = lambda _: None
        self._on_identity: Callable[[Row], None] = lambda _: None

    def listen(
        self,
        on_rename: Callable[[Row], None],
        on_identity: Callable[[Row], None],
        clock_before: Callable[[Identity, int], int],
    ) -> None:
        """Set the callbacks: before a row changes its identity, and when a row has a new one.

        ``clock_before`` gives the CPU time of before for a process that the first sample finds, from its clock.
        """
        self._on_rename, self._on_identity, self._clock_before = on_rename, on_identity, clock_before

    def watch_windows(self, are_open: bool) -> None:
        """Whether windows are open: only then do children inherit them."""
        self.windows_open = are_open

    def keep_ended(self) -> None:
        """Keep ended processes findable for a while from now on: a sensor names users after they end."""
        self.ended.wanted = True

    def __len__(self) -> int:
        return len(self.rows)

    def clock_of(self, row: Row) -> int:
        """CPU time of a living process at the last sample."""
        return self._last[self._where[row.identity.pid]]

    @property
    def tick(self) -> int:
        """Number of the last update; a row's ``born_tick`` is one."""
        return self._tick

    def find(self, pid: int) -> Row | None:
        """The live process with this id."""
        index = self._where.get(pid)
        return None if index is None else self.rows[index]

    def living(self, rows: Iterable[Row]) -> list[Row]:
        """Those of the rows whose process is alive."""
        where = self._where
        known = [row for row in rows if row.identity.pid in where]
        return [row for row in known if self.rows[where[row.identity.pid]] is row]

    def find_recent(self, pid: int) -> Row | None:
        """The process with this id, also when it ended since the previous sample or shortly before."""
        return self.find(pid) or self._recent.get(pid) or self.ended.find(pid)

    def find_user(self, pid: int) -> tuple[Row, bool] | None:
        """The process with this id that a sensor reported as user of a device, and whether it lives."""
        index = self._where.get(pid)
        if index is not None:
            return self.rows[index], True
        row = self.find_recent(pid)
        if row is None:
            return None
        row.follow_account()
        return row, False

    def tree(self, root: Row, without: Set[tuple[int, int]] = frozenset()) -> list[Row]:
        """``root`` and all its living descendants, but for those of ``without`` (pid, start time) and theirs."""
        children: dict[int, list[Row]] = {}
        for row in self.rows:
            children.setdefault(row.identity.parent, []).append(row)
        found, queue, seen = [], [root], {root.identity.pid}
        while queue:
            row = queue.pop()
            found.append(row)
            for child in children.get(row.identity.pid, ()):
                if (
                    child.identity.pid not in seen
                    and (child.identity.pid, child.identity.start) not in without
                ):
                    seen.add(child.identity.pid)
                    queue.append(child)
        return found

    # --- one sample

    def update(self, counters: KernelCounters) -> Activity:
        """Find births, drain exits, read every clock, settle deaths, in this order (else time counts twice)."""
        self._tick += 1
        first = not self._listed
        before, self._began_ns = self._began_ns, self._boottime_ns()
        self._elapsed_ns = self._began_ns - before
        self._replaced = []
        limbo, self._limbo = self._limbo, {}
        self._late = frozenset(limbo)
        self._forked_before, self._forked = self._forked, {}
        self._find_births(counters, limbo)
        messages = self._stolen.take_off(self._hear_exits(), counters.stolen_ns)
        self._hear_forks()
        values, dead = self._clocks.read(self._keys)
        live = self._settle_live(values, dead, limbo)
        gone = {self.rows[i].identity.pid: (self.rows[i], self._last[i]) for i in dead}
        self._last = values
        departed = [*self._replaced, *(self.rows[i] for i in dead)]
        self._recent = {row.identity.pid: row for row in departed}
        if first:  # a process that no sample saw alive used its time before the first sample
            messages = [message for message in messages if message.pid in gone]
        self._messages = {message.pid: message for message in messages}
        self.ended.add(departed)
        exited, observed = self._settle_exits(messages, gone, limbo)
        self._limbo.update(gone)
        for index in reversed(dead):
            self._drop(index)
        if self._waited is not None:
            self._pass_on(departed)
            if first:
                self._waited.begin_anew(self.rows)
            else:
                exited.extend(self._waited.settle(row for row, _ in live))
        self._refresh(live, self._orphans(departed))
        return Activity(live, exited, observed, departed)

    def _hear_forks(self) -> None:
        if self._forks is not None:
            self._forked.update(self._forks.drain())

    def _forked_by(self, pid: int) -> int | None:
        """The process that forked a process of this sample, where known; /proc shows the one that adopted it since."""
        return self._forked.get(pid) or self._forked_before.get(pid)

    def _hear_exits(self) -> list[Exit]:
        """Drain all exit messages. Between two drains, read what the named parents have waited for."""
        if self._exits is None:
            return []
        messages = list(self._exits.drain())
        if self._waited is not None:
            parent_of = {message.pid: message.parent for message in messages}
            parents: dict[Row, None] = {}
            for parent in set(parent_of.values()):
                for _ in range(64):  # up to the first ancestor that still lives
                    if parent not in parent_of:
                        break
                    parent = parent_of[parent]
                row = self.find(parent)
                if row is not None and row.waits:
                    parents[row] = None
            self._waited.look(parents)
            messages.extend(self._exits.drain())
        return messages

    def _settle_live(
        self, values: list[int], dead: list[int], limbo: dict[int, tuple[Row, int]]
    ) -> list[tuple[Row, int]]:
        last, rows = self._last, self.rows
        live: list[tuple[Row, int]] = []
        gone = set(dead)
        for index in compress(range(len(values)), map(operator.ne, values, last)):
            if index in gone:
                continue
            delta = values[index] - last[index]
            if delta < 0:  # a lower clock belongs to another process with the same id
                old = rows[index]
                limbo[old.identity.pid] = (old, last[index])
                self._replaced.append(old)
                identity = self._identities.read(old.identity.pid)
                if identity is None:
                    continue
                rows[index] = self._born(identity)
                delta = values[index]
            live.append((rows[index], delta))
        return live

    def _find_births(self, counters: KernelCounters, limbo: dict[int, tuple[Row, int]]) -> None:
        first = not self._listed
        candidates = self._births.candidates(counters.last_pid, counters.forks, len(self.rows))
        pids = self._list_pids() if first or candidates.pids is None else candidates.pids
        latest = self._seen_start
        born: list[Row] = []
        for pid in pids:
            index = self._where.get(pid)
            if index is not None:
                row = self.rows[index]
                if not candidates.reused(pid) or first:
                    continue
                start = self._identities.start_time(pid)
                if start is None or start == row.identity.start:
                    continue
                limbo[pid] = (row, self._last[index])
                self._replaced.append(row)
                self._drop(index)
            value = self._clocks.read_one(pid)
            if value is None:
                continue
            found = self._identities.read_with_waited(pid)
            if found is None:
                continue
            identity, waited = found
            row = self._born(identity)
            # A process found at start-up, or missed so far, must not be charged for its past.
            known_past = first or identity.start < latest
            if first:
                self._add(row, self._clock_before(identity, value))
            else:
                self._add(row, value if known_past else 0)
            self._seen_start = max(self._seen_start, identity.start)
            born.append(row)
            if self._waited is not None:
                self._waited.begin(row, waited if known_past else 0, known_past)
        self.born = born
        self._listed = True
        self._hear_forks()
        if self.windows_open:
            self._inherit(born, limbo)

    def _born(self, identity: Identity) -> Row:
        row = self._new_row(identity)
        row.born_tick = self._tick
        if self._listed:  # else its charge waits until _refresh has read it
            row.pages = self._resident_pages(identity.pid) or self._pages_of_threads(identity.pid)
        self._young.append(row)
        return row

    def _inherit(self, born: list[Row], limbo: Mapping[int, tuple[Row, int]]) -> None:
        """A child is in the windows of its parent's tree. It does not inherit the window of its workload.

        Siblings may be found before their parents: go up the chain.
        """
        fresh = {row.identity.pid: row for row in born}

        def windows_of(pid: int, depth: int = 0) -> frozenset[str]:
            row = fresh.get(pid)
            if row is not None and not row.trees and depth < 64:
                row.windows = row.trees = windows_of(self._forked_by(pid) or row.identity.parent, depth + 1)
            if row is None:
                row = self.find(pid)
            if row is None and pid in limbo:
                row = limbo[pid][0]
            if row is None and depth < 64 and (parent := self._forked_by(pid)) is not None:
                return windows_of(parent, depth + 1)  # it came and went since the previous sample
            return row.trees if row is not None else frozenset()

        for row in born:
            windows_of(row.identity.pid)

    def _settle_exits(
        self, messages: list[Exit], gone: dict[int, tuple[Row, int]], limbo: dict[int, tuple[Row, int]]
    ) -> tuple[list[tuple[Row, int]], int]:
        exited: list[tuple[Row, int]] = []
        unknown: dict[int, Exit] = {}
        ghosts: dict[int, Row] = {}
        observed = 0
        settled: dict[int, Row] = {}
        unseen: list[Exit] = []
        for message in messages:
            late = message.pid in self._late and message.pid in limbo
            known = limbo.pop(message.pid, None) or gone.pop(message.pid, None)
            if known is not None:
                row, last = known
                settled[message.pid] = row
                observed += 1
                more = max(0, message.nanoseconds - last)
                # A late message: the parent took the process over a sample ago, with its charge of then.
                charged = more if late else last + more
                doubt = message.nanoseconds + message.doubt_ns - last - more
                more += self._ended(message.parent, row, charged, doubt, unseen=message.unseen_ns)
                if more:
                    exited.append((row, more))
            elif message.pid not in self._where or message.pid in settled:
                unknown[message.pid] = message
                unseen.append(message)
                observed += 1
            # else a zombie, whose clock was read

        def ghost(message: Exit, depth: int = 0) -> Row:
            found = ghosts.get(id(message))  # not the pid: the kernel may give it again
            if found is None:
                parent_pid: int | None = self._forked_by(message.pid) or message.parent
                parent: Row | None = None
                while parent is None and parent_pid is not None and depth < 64:
                    parent = self.find(parent_pid) or settled.get(parent_pid)
                    if parent is None and parent_pid in gone:
                        parent = gone[parent_pid][0]
                    if parent is None and parent_pid in unknown:
                        parent = ghost(unknown[parent_pid], depth + 1)  # noqa: F821 - deleted further down
                    parent_pid, depth = self._forked_by(parent_pid), depth + 1
                found = ghosts[id(message)] = self._unseen.row(message, parent)
            return found

        for message in unseen:
            row = ghost(message)
            used = used_lately(message, self._elapsed_ns)
            used += self._ended(
                message.parent, row, message.nanoseconds, message.doubt_ns, unseen=message.unseen_ns
            )
            if used > 0:
                exited.append((row, used))
        del ghost  # a cycle would keep every row of this sample until the garbage is collected
        self.ended.add(ghosts.values())
        replaced = [entry for pid, entry in limbo.items() if pid not in self._late]
        for row, last in (
            *gone.values(),
            *replaced,
        ):  # a zombie that has now been waited for, or a late or lost message
            self._ended(row.identity.parent, row, last, 0, self._expected(row, last))
        # A process without a message for a whole sample: its last CPU time stays unattributed.
        return exited, observed + (len(gone) if self._exits is None else 0)

    def _ended(
        self, parent: int, owner: Row, charged: int, doubt: int, expected: int = 0, unseen: int = 0
    ) -> int:
        if self._waited is None:
            return 0
        ancestor = self._living_ancestor(parent, self._messages)
        return self._waited.ended(ancestor, owner, charged, doubt, expected, unseen)

    def _expected(self, row: Row, used_ns: int) -> int:
        """CPU time of a process from the previous sample to the beginning of this one, at its mean rate so far."""
        age = self._began_ns - self._elapsed_ns - row.identity.start * TICK_NS
        return used_ns * self._elapsed_ns // age if age > 0 else 0

    def _living_ancestor(self, pid: int, messages: Mapping[int, Exit]) -> Row | None:
        """The living process that will wait for a child of ``pid``: the first one up the chain of parents."""
        for _ in range(64):
            row = self._recent.get(pid)
            if row is None:
                row = self.find(pid)
                if row is not None or pid not in messages:
                    return row
                pid = messages[pid].parent
            else:
                pid = messages[pid].parent if pid in messages else row.identity.parent
        return None

    def _lost_a_child(self, parents: Set[int]) -> Set[int]:
        read = self._clocks.read_one
        return {
            row.identity.parent
            for row in self.rows
            if row.identity.parent in parents and read(row.identity.pid) is None
        }

    def _pass_on(self, departed: list[Row]) -> None:
        """Hand the waited-for time of ended processes to their own parents."""
        assert self._waited is not None
        for row in departed:
            self._waited.gone(row, self._living_ancestor(row.identity.parent, self._messages))

    # --- rows

    def _add(self, row: Row, last: int) -> None:
        self._where[row.identity.pid] = len(self.rows)
        self.rows.append(row)
        self._keys.append(self._clocks.key(row.identity.pid))
        self._last.append(last)

    def _drop(self, index: int) -> None:
        del self._where[self.rows[index].identity.pid]
        last = len(self.rows) - 1
        columns: tuple[list[Any], ...] = (self.rows, self._keys, self._last)
        for column in columns:
            moved = column.pop()
            if index != last:
                column[index] = moved
        if index != last:
            self._where[self.rows[index].identity.pid] = index

    def _weigh(self, row: Row) -> None:
        pages = self._resident_pages(row.identity.pid)
        if pages == 0 and row.pages:  # a zombie now, unless it is its first thread alone that has ended
            pages = self._pages_of_threads(row.identity.pid)
        if pages is not None:
            row.pages = pages

    def _orphans(self, departed: list[Row]) -> list[Row]:
        """Rows whose parent has ended. Without exit messages their new parent is the process that will wait for
        them."""
        if self._exits is not None or self._waited is None or not departed:
            return []
        gone = {row.identity.pid for row in departed}
        return [row for row in self.rows if row.identity.parent in gone]

    def _refresh(self, live: list[tuple[Row, int]], adopted: list[Row]) -> None:
        """Read identities again: of the ``adopted``, of all one sample after birth (exec renames), then in a slow
        rotation; and the memory of those that ran (a process that did not run cannot have grown)."""
        # Kernel threads have no memory and call no exec; on an idle machine they are most of the running rows.
        running = [row for row, _ in live if row.pages or row.identity.parent != _KTHREADD]
        for row in running:
            self._weigh(row)
        due = adopted + [row for row in self._young if row.born_tick < self._tick]
        self._young = [row for row in self._young if row.born_tick >= self._tick]
        few = min(ROTATION_RUNNING, len(running) // 4 + 1)
        for rows, most in ((running, few), (self.rows, ROTATION_ALL)):
            count = len(rows)
            due.extend(rows[(self._tick * most + step) % count] for step in range(min(most, count)))
        for row in due:
            if self.find(row.identity.pid) is not row:
                continue
            self._weigh(row)
            identity = self._identities.read_again(row.identity)
            if identity is None or identity.start != row.identity.start or identity == row.identity:
                continue
            before, row.identity = row.identity, identity
            if (before.command, before.workload) == (identity.command, identity.workload):
                if before.owner != identity.owner:
                    self._on_identity(row)
                continue  # as after an adoption: no label of its series changed
            row.identity = before
            self._on_rename(row)
            row.identity, row.account = identity, self._new_row(identity).account
            self._on_identity(row)
