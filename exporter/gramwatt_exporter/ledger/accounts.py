"""The running totals of one node. All energies are microjoules, emissions exact integer units (see units.py)."""

from __future__ import annotations

from ..model import COMPONENTS, PARTS, Device, Meter, Workload
from ..processes.row import Row, WorkloadAccount
from .places import Places
from .users import UserTotals

MOST_DEPARTED = 500  # sums by kind and user of workloads that left the table
MOST_OTHERS = 500  # users with a sum of their own for workloads beyond the limit
OTHERS = Workload("(others)", "command", "")


class DeviceAccount:
    """One device. ``partition`` is in the order of ``model.PARTS`` and always sums to the energy of all sources.

    ``last_uj`` and ``last_ns`` are what it drew in the last published interval, ``held_uj`` and ``held_ns`` since then.
    ``idle_owed_uj`` is idle energy that short steps could not cover (idle_debt.py).
    """

    __slots__ = (
        "context",
        "device",
        "emission_units",
        "held_ns",
        "held_uj",
        "idle_owed_uj",
        "last_ns",
        "last_uj",
        "microjoules",
        "partition",
    )

    def __init__(self, device: Device) -> None:
        self.device = device
        self.microjoules: dict[str, int] = {}
        self.partition = [0] * len(PARTS)
        self.context = 0  # part of live and exited: a GPU's draw for open contexts while no process worked
        self.emission_units = 0
        self.last_uj = 0
        self.last_ns = 0
        self.held_uj = 0
        self.held_ns = 0
        self.idle_owed_uj = 0


class MeterAccount:
    """One overlapping meter."""

    __slots__ = ("meter", "microjoules")

    def __init__(self, meter: Meter) -> None:
        self.meter = meter
        self.microjoules = 0


class Accounts:
    """Everything the ledger keeps. Only the sampler writes it."""

    def __init__(self) -> None:
        self.devices: dict[tuple[str, str], DeviceAccount] = {}
        self.meters: dict[tuple[str, str], MeterAccount] = {}
        self.workloads: dict[Workload, WorkloadAccount] = {}
        self.others: dict[str, WorkloadAccount] = {}  # by user, for workloads beyond the limit
        self.places = Places()
        self.departed_workloads: dict[
            Workload, WorkloadAccount
        ] = {}  # sums of the workloads that left, without a name
        self.users = UserTotals()
        self.used = [0, 0, 0, 0]  # live + exited energy by component
        self.used_emission_units = [0, 0, 0, 0]
        self.used_cpu_nanoseconds = 0
        self.exported = [0, 0, 0, 0]  # of that, the part in the rows of departed series
        self.exported_emission_units = [0, 0, 0, 0]
        self.exported_cpu_nanoseconds = 0
        self.priced: dict[
            tuple[str, str], list[int]
        ] = {}  # (provider, method) -> [microjoules, emission units]
        self.marginal: dict[tuple[str, str], int] = {}  # (zone, provider) -> emission units
        self.priced_ever = False
        self.exits_observed: dict[str, int] = {}
        self.exits_lost = 0
        self.resets: dict[tuple[str, str], int] = {}

    def take_back(self, workloads: dict[Workload, WorkloadAccount]) -> None:
        """Replace all accounts by the saved ones."""
        self.workloads = workloads
        self.others = {w.user: account for w, account in workloads.items() if is_others(w)}
        self.places = Places((w.user for w in workloads if not is_others(w)), self.places.most)

    def workload(self, workload: Workload) -> WorkloadAccount:
        """The account of a workload, made when first seen. Beyond the limit: the account of its user's other
        workloads."""
        account = self.workloads.get(workload)
        if account is not None:
            return account
        if is_others(workload) or not self.places.take(workload.user):
            return self._others(workload.user)
        account = self.workloads[workload] = WorkloadAccount(workload)
        return account

    def keep_series(self, row: Row) -> None:
        """The series of a process ends: the row of departed processes takes over what it showed."""
        if row.entered is None:
            return
        microjoules, emission_units, cpu_nanoseconds = row.entered
        for index in range(len(COMPONENTS)):
            self.exported[index] += row.microjoules[index] - microjoules[index]
            self.exported_emission_units[index] += row.emission_units[index] - emission_units[index]
        self.exported_cpu_nanoseconds += row.cpu_nanoseconds - cpu_nanoseconds
        row.base, row.entered = row.totals(), None

    def forget(self, workload: Workload) -> None:
        """A workload leaves the table: a sum takes over its totals."""
        del self.workloads[workload]
        if is_others(workload):
            del self.others[workload.user]
        else:
            self.places.give_back(workload.user)

    def _others(self, user: str) -> WorkloadAccount:
        if user not in self.others and len(self.others) >= MOST_OTHERS:
            user = OTHERS.user
        account = self.others.get(user)
        if account is None:
            workload = Workload(OTHERS.name, OTHERS.kind, user)
            account = self.others[user] = self.workloads[workload] = WorkloadAccount(workload)
        return account

    def book_users(self) -> None:
        """Charge users for what their workloads used since the last call."""
        self.users.book(self.workloads.values())
        self.users.book(self.departed_workloads.values())

    def departed_workload(self, workload: Workload) -> WorkloadAccount:
        """The sum of the workloads of this kind and user that left the table."""
        left = Workload("", workload.kind, workload.user)
        if left not in self.departed_workloads and len(self.departed_workloads) >= MOST_DEPARTED:
            # Where users are made for a job, they come and go like workloads.
            left = Workload("", workload.kind, "")
        account = self.departed_workloads.get(left)
        if account is None:
            account = self.departed_workloads[left] = WorkloadAccount(left)
        return account

    def device(self, device: Device) -> DeviceAccount:
        """The account of a device; its newest description replaces the old one."""
        key = (device.component, device.name)
        account = self.devices.get(key)
        if account is None:
            account = self.devices[key] = DeviceAccount(device)
        account.device = device
        return account


def is_others(workload: Workload) -> bool:
    """Whether it stands for workloads beyond the limit, of one user or of several."""
    return workload.name == OTHERS.name and workload.kind == OTHERS.kind
