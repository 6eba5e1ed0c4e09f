"""Totals of each user by kind of workload: they stay when workloads leave."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any

from ..model import CPU, DRAM, GPU, OTHER
from ..processes.row import UNBORN, Account, WorkloadAccount

MOST_USERS = 1000  # of each kind: the limit for users that processes can make
OTHERS = "(others)"

UserKey = tuple[str, str]
"""User and kind of workload."""


class UserAccount(Account):
    """Totals of one user's workloads of one kind. ``born`` by component: see first_scrape.py."""

    __slots__ = ("born",)

    def __init__(self) -> None:
        super().__init__()
        self.born = [UNBORN] * len(self.microjoules)


class UserTotals:
    """Single writer, as for the accounts that it sums."""

    def __init__(self) -> None:
        self.accounts: dict[UserKey, UserAccount] = {}
        self._counts: dict[str, int] = {}  # users by kind

    def account(self, user: str, kind: str) -> UserAccount:
        """The totals of a user; beyond the limit the totals of all other users."""
        found = self.accounts.get((user, kind))
        if found is None and self._counts.get(kind, 0) >= MOST_USERS:
            user = OTHERS
            found = self.accounts.get((user, kind))
        if found is None:
            found = self.accounts[user, kind] = UserAccount()
            self._counts[kind] = self._counts.get(kind, 0) + 1
        return found

    def book(self, workloads: Iterable[WorkloadAccount]) -> None:
        """Add what each workload used since the last call. An unchanged workload costs one comparison."""
        for workload in workloads:
            if workload.booked_version != workload.version:
                self._book(workload)

    def _book(self, workload: WorkloadAccount) -> None:
        key = (workload.workload.user, workload.workload.kind)
        account = self.accounts.get(key) or self.account(*key)
        microjoules, amounts, cpu_nanoseconds = workload.booked
        # Every workload that holds memory comes here in every sample: a loop takes three times as long.
        cpu, dram, gpu, other = workload.microjoules
        total = account.microjoules
        total[CPU] += cpu - microjoules[CPU]
        total[DRAM] += dram - microjoules[DRAM]
        total[GPU] += gpu - microjoules[GPU]
        total[OTHER] += other - microjoules[OTHER]
        if amounts != workload.emission_units:
            for index, (now, before) in enumerate(zip(workload.emission_units, amounts, strict=True)):
                account.emission_units[index] += now - before
        account.cpu_nanoseconds += workload.cpu_nanoseconds - cpu_nanoseconds
        workload.mark_booked()

    def state(self) -> list[list[Any]]:
        """Everything, as JSON types."""
        return [
            [
                user,
                kind,
                account.microjoules,
                [str(amount) for amount in account.emission_units],
                account.cpu_nanoseconds,
            ]
            for (user, kind), account in self.accounts.items()
        ]

    def restore(self, saved: Iterable[Any] | None, accounts: Mapping[str, Iterable[WorkloadAccount]]) -> None:
        """Take back what :meth:`state` gave. A ledger of an earlier version has none: then the totals are those of the
        workloads ``present`` and ``departed``. Raises TypeError or ValueError."""
        if saved is None:
            for workload in chain(accounts["departed"], accounts["present"]):
                self._book(workload)
        else:
            for user, kind, microjoules, amounts, cpu_nanoseconds in saved:
                account = self.account(str(user), str(kind))
                for index in range(len(account.microjoules)):
                    account.microjoules[index] += int(microjoules[index])
                    account.emission_units[index] += int(amounts[index])
                account.cpu_nanoseconds += int(cpu_nanoseconds)
        for account in self.accounts.values():
            account.born = [0 if used else UNBORN for used in account.microjoules]
            account.born[CPU] = 0  # its CPU energy is shown whatever it is
        for each in accounts.values():
            for workload in each:
                workload.mark_booked()
