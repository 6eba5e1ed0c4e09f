"""Which workloads have their own series: all while there are few, else those with the most energy.

A machine that runs twelve jobs a second would fill the database of a whole fleet. The others are one row, `unlisted`,
so that what is published still sums to what was used. Their accounts go on as ever.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from ..processes.row import UNBORN, WorkloadAccount
from .first_scrape import FirstScrape

# A workload counts as ended after so many published samples without a change: one with a process is charged for memory
# at every sample.
QUIET_SAMPLES = 12


class ShownWorkloads:
    """``series`` is the number of workloads with series, or "all"."""

    def __init__(self, series: int | Literal["all"]) -> None:
        self.configure(series)
        # account -> its version when that was last new, and the published sample of that
        self._members: dict[WorkloadAccount, tuple[int, int]] = {}
        self._sample = 0

    def configure(self, series: int | Literal["all"]) -> None:
        """Use another number from now on."""
        self._limit = None if series == "all" else series

    def choose(
        self, accounts: Sequence[WorkloadAccount], first: FirstScrape
    ) -> tuple[Sequence[WorkloadAccount], Sequence[WorkloadAccount]]:
        """Those with series and those without. ``accounts`` are all that have used something."""
        self._sample += 1
        if self._limit is None or (len(accounts) <= self._limit and not self._members):
            return accounts, ()
        members = self._kept(accounts)
        waiting = [account for account in accounts if account not in members]
        waiting.sort(key=_use, reverse=True)
        self._make_room(members, len(waiting), first)
        for account in waiting[: max(0, self._limit - len(members))]:
            members[account] = (account.version, self._sample)
        self._members = members
        if len(members) == len(accounts):
            self._members = {} if len(accounts) <= self._limit else members
            return accounts, ()
        return (
            [account for account in accounts if account in members],
            [account for account in accounts if account not in members],
        )

    def _kept(self, accounts: Iterable[WorkloadAccount]) -> dict[WorkloadAccount, tuple[int, int]]:
        """Members that still are accounts. Before there were too many, all that were shown count as members."""
        known = self._members
        kept = {}
        for account in accounts:
            if account in known:
                unchanged = account.version == known[account][0]
                kept[account] = known[account] if unchanged else (account.version, self._sample)
            elif not known and min(account.born) != UNBORN:
                kept[account] = (account.version, self._sample)
        return kept

    def _make_room(
        self, members: dict[WorkloadAccount, tuple[int, int]], wanted: int, first: FirstScrape
    ) -> None:
        """Waiting workloads get the series of the longest unchanged ones, once the last values of these have been
        scraped."""
        assert self._limit is not None
        missing = len(members) + wanted - self._limit
        over = len(members) - self._limit
        if missing <= 0:
            return
        quiet = sorted(
            (sample, index, account)
            for index, (account, (_, sample)) in enumerate(members.items())
            if self._sample - sample >= QUIET_SAMPLES and not first.is_new(min(account.born))
        )
        for _, _, account in quiet[:missing]:
            del members[account]
            over -= 1
        if over > 0:  # the setting was lowered, or more were shown before: those that use least
            for account in sorted(members, key=_use)[:over]:
                del members[account]


def _use(account: WorkloadAccount) -> tuple[int, int]:
    return sum(account.power), sum(account.microjoules)
