"""Reconcile what was charged for ended processes with what their parents waited for (cutime + cstime).

The two witnesses of an exit complete each other. An exit message names every process, but lacks the teardown that
follows it and, of one that has slept, what ran since the last timer tick. The waited-for time of the parent is exact to
the kernel's clock tick, but names no process and is missing where a parent ignores SIGCHLD. So the messages are charged
at once, and the difference to the parent's sum is spread over those exits. What was charged too much or too early is
carried and taken off the next difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Set
from typing import Protocol

from msgspec import Struct, field

from .row import Row

# An exit message lacks at most the time since the last timer tick (10 ms at 100 Hz) and as much of teardown. More than
# this is the time of another process's child, such as one that init adopted.
MOST_PER_EXIT_NS = 20_000_000
# This many times the most that messages lack is certainly another process's child. Less may be the freeing of a large
# memory.
FOREIGN = 4
# After so many samples without waited-for time a parent counts as one that never waits.
PATIENCE = 3
# The same for a parent whose children end in every sample.
NEVER_WAITED = 12
# Samples with nothing missing after which the exits of one that waits are forgotten: somebody else may wait for them
# (a subreaper), and then they would gather for as long as it lives.
MOST_SETTLED = 60

Key = tuple[object, frozenset[str], tuple[str, ...]]


class _Balance(Struct):
    """The balance of one parent: nanoseconds charged for its children less those it waited for; negative: not
    charged."""

    charged: int = 0
    doubt: int = 0  # what the messages lack, by their tick-counted times
    exits: int = 0
    most: int = 0  # that the messages of these exits lack
    still: int = 0
    waited: bool = False
    reported: int = 0  # charged for children of ended processes that may have waited unseen at their end
    settled: int = 0  # samples since owners were last needed or forgotten
    owners: dict[Key, tuple[Row, int]] = field(default_factory=dict)  # the first, and how many are like it
    # Without messages: the processes that ended in this sample, and what each will have used since the previous one.
    expected: list[tuple[Row, int]] = field(default_factory=list)


class Reaped(Protocol):
    """A process's waited-for CPU time in nanoseconds, None when it is gone. It is short by up to ``coarse_ns``."""

    coarse_ns: int

    def __call__(self, pid: int, /) -> int | None: ...


class WaitedFor:
    """``read`` is where waited-for time comes from. ``messages`` says whether exits are reported; if not, no process
    was charged for the whole difference. ``ignores(pid)`` says whether a process ignores its children's ends; other
    ways to ignore them show as a parent that never waits.

    ``lost_a_child(pids)``: which of these processes have a child that ended after its clock was read. Without messages
    such a parent is not settled in this sample: the child would be charged twice, once as an unseen process."""

    def __init__(
        self,
        read: Reaped,
        messages: bool,
        ignores: Callable[[int], bool] = lambda _: False,
        lost_a_child: Callable[[Set[int]], Set[int]] = lambda _: frozenset(),
    ) -> None:
        self._read = read
        self._messages = messages
        self._ignores = ignores
        self._lost_a_child = lost_a_child
        self._balances: dict[Row, _Balance] = {}
        self._active: dict[Row, None] = {}
        self._looked: dict[Row, int | None] = {}

    def look(self, parents: Iterable[Row] = ()) -> None:
        """Read the waited-for time of the parents concerned. The caller drains the messages once more after this: then
        every child in that time has its message, and no child is charged twice."""
        if self._messages:
            self._looked = {row: self._read(row.identity.pid) for row in (*self._active, *parents)}

    def begin(self, row: Row, before: int | None, past: bool) -> None:
        """A process is known from now on; ``past`` says that it may have waited for children before, for ``before``
        nanoseconds."""
        # Up to coarse_ns of that past are not reported yet and must not be charged later: better too little
        # than that.
        row.reaped_ns = before + self._read.coarse_ns if past and before is not None else before

    def begin_anew(self, rows: Iterable[Row]) -> None:
        """The processes of the start have all been found: what they waited for up to now, they waited for before.

        A child that ended after its parent and before itself was found would be charged for its whole life.
        """
        self._balances.clear()
        self._active.clear()
        self._looked = {}
        for row in rows:
            self.begin(row, self._read(row.identity.pid), past=True)

    def ended(
        self,
        parent: Row | None,
        owner: Row,
        charged: int,
        doubt: int = 0,
        expected: int = 0,
        unseen: int = 0,
    ) -> int:
        """A child of ``parent`` ended and ``owner`` was charged ``charged`` ns for all of its life.

        Without messages its last moments are missing: at the rate it worked they are at most ``expected`` ns. With
        them, ``unseen`` ns is what the ends of its threads may have cost.

        Returns nanoseconds to charge at once, because no parent will wait for the process.
        """
        if parent is None:
            return 0
        if parent.waits and parent not in self._balances and self._ignores(parent.identity.pid):
            parent.waits = False
        if not parent.waits:
            parent.unwaited_charged_ns += charged
            return _due(parent, doubt)
        balance = self._balances.get(parent)
        if balance is None:
            balance = self._balances[parent] = self._new_balance(parent)
        balance.charged += charged
        balance.doubt += doubt
        balance.exits += 1
        balance.most += MOST_PER_EXIT_NS + unseen
        balance.still = 0
        key = (owner.account, owner.windows, owner.budgets)
        first, count = balance.owners.get(key, (owner, 0))
        balance.owners[key] = (first, count + 1)
        if expected and not self._messages:
            balance.expected.append((owner, expected))
        self._active[parent] = None
        return 0

    def gone(self, row: Row, parent: Row | None) -> None:
        """``row`` ended: the process that waits for it takes over its waited-for time and its open balance."""
        balance = self._balances.pop(row, None)
        self._active.pop(row, None)
        if parent is None:
            return
        inherited = (row.reaped_ns or 0) + (balance.charged if balance is not None else 0)
        reported = row.unwaited_charged_ns + (balance.reported if balance is not None else 0)
        if not parent.waits:
            parent.unwaited_charged_ns += inherited + reported
            return
        if inherited or reported or balance is not None:
            heir = self._balances.get(parent)
            if heir is None:
                heir = self._balances[parent] = self._new_balance(parent)
            heir.charged += inherited
            heir.reported += reported
            if balance is not None:
                heir.doubt += balance.doubt
                heir.exits += balance.exits
                heir.most += balance.most
                heir.expected += balance.expected
                for key, (first, count) in balance.owners.items():
                    known, before = heir.owners.get(key, (first, 0))
                    heir.owners[key] = (known, before + count)
            self._active[parent] = None

    def settle(self, live: Iterable[Row]) -> list[tuple[Row, int]]:
        """Charge the missing part of what the parents concerned waited for (without messages: all parents that ran)."""
        if not self._messages:
            self._looked = {row: self._read(row.identity.pid) for row in (*live, *self._active)}
            waited = {
                row.identity.pid for row, total in self._looked.items() if (total or 0) > (row.reaped_ns or 0)
            }
            for row in self._looked if waited and (too_early := self._lost_a_child(waited)) else ():
                if row.identity.pid in too_early:
                    self._looked[row] = None
        extra: list[tuple[Row, int]] = []
        for row, total in self._looked.items():
            if total is None or (self._messages and row not in self._active):
                continue
            before = row.reaped_ns
            row.reaped_ns = total if before is None else max(before, total)
            delta = 0 if before is None else row.reaped_ns - before
            balance = self._balances.get(row)
            if balance is None:
                if delta <= 0:
                    continue
                balance = self._balances[row] = _Balance()
            extra.extend(self._settle_one(row, balance, delta))
        return extra

    def _new_balance(self, row: Row) -> _Balance:
        return _Balance(waited=(row.reaped_ns or 0) > self._read.coarse_ns)

    def _settle_one(self, row: Row, balance: _Balance, delta: int) -> list[tuple[Row, int]]:
        expected, balance.expected = balance.expected, []
        balance.charged -= delta
        if delta:
            balance.waited, balance.still = True, 0
        else:
            balance.still += 1
        missing = -balance.charged
        if missing > 0:
            balance.charged = 0
            if self._messages:
                missing = _lacking(missing, balance)
        elif balance.still >= PATIENCE or balance.settled >= (
            MOST_SETTLED if balance.waited else NEVER_WAITED
        ):
            self._active.pop(row, None)  # checked again when another child ends
            if balance.waited or not balance.doubt or balance.charged <= self._read.coarse_ns:
                _forget_exits(balance)  # too little to be reported, whether or not it waited
                return []
            row.waits = False
            row.unwaited_charged_ns += balance.charged + balance.reported
            missing = _due(row, balance.doubt)
            del self._balances[row]
        else:
            balance.settled += 1
            return []
        charges = (
            _spread(missing, balance.owners)
            if self._messages
            else _to_those_that_ended(missing, expected, row)
        )
        _forget_exits(balance)
        if balance.charged == 0:
            self._active.pop(row, None)
            self._balances.pop(row, None)
        return charges


def _forget_exits(balance: _Balance) -> None:
    balance.owners, balance.exits, balance.most, balance.doubt, balance.settled = {}, 0, 0, 0, 0


def _lacking(missing: int, balance: _Balance) -> int:
    """The part of ``missing`` that the exit messages lacked: the rest was charged before.

    A process that waits late, after its ``PATIENCE`` samples, or whose children were handed to a reaper, makes a
    parent's sum rise by whole lives of others. Where more is missing than messages can lack, it says nothing about
    these exits, and what their tick-counted times show is all that is known of them.
    """
    missing -= min(missing, balance.reported)
    balance.reported = 0
    if missing > FOREIGN * balance.most:
        return max(0, min(balance.doubt, balance.most))
    return min(missing, balance.most)


def _due(parent: Row, doubt: int) -> int:
    """The missing time of children without a waiting parent, by their tick-counted times. For one child that is a coin
    toss, on average it is right: what one child got too much is taken off the others."""
    owed = parent.unwaited_ns + doubt
    parent.unwaited_ns = min(0, owed)
    return max(0, owed)


def _to_those_that_ended(
    nanoseconds: int, expected: list[tuple[Row, int]], parent: Row
) -> list[tuple[Row, int]]:
    """Charge ended processes in proportion to their expected time, and at most that. The rest is time of unseen
    children: the parent is charged."""
    total = sum(amount for _, amount in expected)
    theirs = min(nanoseconds, total)
    charges = [(row, theirs * amount // total) for row, amount in expected] if total else []
    charges.append((parent, nanoseconds - sum(share for _, share in charges)))
    return [charge for charge in charges if charge[1]]


def _spread(nanoseconds: int, owners: dict[Key, tuple[Row, int]]) -> list[tuple[Row, int]]:
    """Charge every exit the same, in one sum for those with the same account, windows and budgets."""
    exits = sum(count for _, count in owners.values())
    charges, left = [], nanoseconds
    for first, count in owners.values():
        share = nanoseconds * count // exits
        left -= share
        charges.append((first, share))
    if charges and left:
        charges[0] = (charges[0][0], charges[0][1] + left)
    return charges
