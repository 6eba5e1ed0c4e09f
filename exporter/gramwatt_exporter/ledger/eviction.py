"""Room for new workloads: those that ended long ago give up their counters to one sum for each kind and user."""

from __future__ import annotations

from collections.abc import Iterable

from ..processes.row import WorkloadAccount
from .accounts import Accounts
from .places import MOST_WORKLOADS

# Where the places run short (9 of 10 taken), workloads leave until 8 of 10 are; those of one user by places.py. Never
# before a Prometheus that scrapes once in five minutes has seen their last values.
FULL, AFTER = MOST_WORKLOADS * 9 // 10, MOST_WORKLOADS * 8 // 10
QUIET_NS = 15 * 60 * 1_000_000_000
_LOOK_NS = 60 * 1_000_000_000


class Room:
    """Looks once a minute of the steady clock given to it."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._looked_ns: int | None = None

    def make(self, living: Iterable[WorkloadAccount], now_ns: int) -> bool:
        """Let the longest quiet leave where room runs short; whether any did. Those in ``living`` have a process and
        stay."""
        if self._looked_ns is not None and now_ns - self._looked_ns < _LOOK_NS:
            return False
        self._looked_ns = now_ns
        accounts = self._accounts.workloads
        for account in accounts.values():
            if account.version != account.quiet_version:
                account.quiet_version, account.quiet_ns = account.version, now_ns
        crowded = self._accounts.places.crowded()
        if len(accounts) <= FULL and not crowded:
            return False
        stay = {id(account) for account in living}
        quiet = [
            account
            for account in accounts.values()
            if now_ns - account.quiet_ns >= QUIET_NS and id(account) not in stay
        ]
        quiet.sort(key=lambda account: account.quiet_ns)
        leaving = quiet[: len(accounts) - AFTER] if len(accounts) > FULL else []
        for account in leaving:
            crowded[account.workload.user] = crowded.get(account.workload.user, 0) - 1
        for account in quiet[len(leaving) :]:
            if crowded.get(account.workload.user, 0) > 0:
                crowded[account.workload.user] -= 1
                leaving.append(account)
        for account in leaving:
            self._leave(account)
        return bool(leaving)

    def _leave(self, account: WorkloadAccount) -> None:
        heir = self._accounts.departed_workload(account.workload)
        for index, (energy, units) in enumerate(zip(account.energy, account.units, strict=True)):
            heir.energy[index] += energy
            heir.units[index] += units
        heir.cpu_ns += account.cpu_ns
        heir.version += 1
        heir.mark_booked()  # its users have been charged all of it
        account.heir = heir
        self._accounts.forget(account.workload)
