"""Ended workloads leave the table after a while: a sum for each kind and user takes over their counters."""

from __future__ import annotations

from collections.abc import Iterable

from ..processes.row import WorkloadAccount
from .accounts import Accounts

KEEP_SECONDS = 15 * 60.0  # a Prometheus that scrapes every five minutes then has their last values
_LOOK_NS = 60 * 1_000_000_000


class Eviction:
    """Searches once a minute, by a steady clock, for workloads without a change for ``keep_seconds``."""

    def __init__(self, accounts: Accounts, keep_seconds: float = KEEP_SECONDS) -> None:
        self._accounts = accounts
        self.keep_seconds = keep_seconds
        self._looked_ns: int | None = None

    def evict(self, living: Iterable[WorkloadAccount], now_ns: int) -> bool:
        """Remove long unchanged workloads; returns whether any left. Workloads in ``living`` have a process and
        stay."""
        if self._looked_ns is not None and now_ns - self._looked_ns < _LOOK_NS:
            return False
        self._looked_ns = now_ns
        accounts = self._accounts.workloads
        for account in accounts.values():
            if account.version != account.quiet_version:
                account.quiet_version, account.quiet_ns = account.version, now_ns
        keep_ns = int(self.keep_seconds * 1e9)
        quiet = [account for account in accounts.values() if now_ns - account.quiet_ns >= keep_ns]
        if not quiet:
            return False
        stay = {id(account) for account in living}
        leaving = [account for account in quiet if id(account) not in stay]
        for account in leaving:
            self._leave(account)
        return bool(leaving)

    def _leave(self, account: WorkloadAccount) -> None:
        heir = self._accounts.departed_workload(account.workload)
        for index, (microjoules, emission_units) in enumerate(
            zip(account.microjoules, account.emission_units, strict=True)
        ):
            heir.microjoules[index] += microjoules
            heir.emission_units[index] += emission_units
        heir.cpu_nanoseconds += account.cpu_nanoseconds
        heir.version += 1
        heir.mark_booked()  # its user is charged all of it by now
        account.heir = heir
        self._accounts.forget(account.workload)
