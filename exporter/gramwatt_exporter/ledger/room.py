"""Room for new workloads: those that ended long ago give up their counters to one sum for each kind and user."""

from __future__ import annotations

from collections.abc import Iterable

from ..model import Workload
from ..processes.row import WorkloadAccount
from .accounts import MOST_WORKLOADS, Accounts

DEPARTED = "(departed)"
# Where the places run short (9 of 10 taken), workloads leave until 8 of 10 are; never before a Prometheus that
# scrapes once in five minutes has seen their last values.
FULL, AFTER = MOST_WORKLOADS * 9 // 10, MOST_WORKLOADS * 8 // 10
QUIET_NS = 15 * 60 * 1_000_000_000
_LOOK_NS = 60 * 1_000_000_000


class Room:
    """Looks once a minute of the steady clock given to it."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._looked_ns = -_LOOK_NS

    def make(self, living: Iterable[WorkloadAccount], now_ns: int) -> None:
        """Let the longest quiet leave, where room runs short. Those in ``living`` have a process and stay."""
        accounts = self._accounts.workloads
        if len(accounts) <= FULL or now_ns - self._looked_ns < _LOOK_NS:
            return
        self._looked_ns = now_ns
        stay = {id(account) for account in living}
        quiet = []
        for account in accounts.values():
            if account.version != account.quiet_version:
                account.quiet_version, account.quiet_ns = account.version, now_ns
            elif (
                now_ns - account.quiet_ns >= QUIET_NS
                and id(account) not in stay
                and account.workload.name != DEPARTED
            ):
                quiet.append(account)
        quiet.sort(key=lambda account: account.quiet_ns)
        for account in quiet[: len(accounts) - AFTER]:
            self._leave(account)

    def _leave(self, account: WorkloadAccount) -> None:
        workloads, workload = self._accounts.workloads, account.workload
        heir_name = Workload(DEPARTED, workload.kind, workload.user)
        heir = workloads.get(heir_name)
        if heir is None:
            heir = workloads[heir_name] = WorkloadAccount(heir_name)
        for index, (energy, units) in enumerate(zip(account.energy, account.units, strict=True)):
            heir.energy[index] += energy
            heir.units[index] += units
        heir.cpu_ns += account.cpu_ns
        heir.version += 1
        account.heir = heir
        del workloads[workload]
