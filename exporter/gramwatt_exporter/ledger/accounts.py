"""The running totals of one node. All energies are microjoules, emissions exact integer units (see units.py)."""

from __future__ import annotations

from ..model import PARTS, Device, Meter, Workload
from ..processes.row import WorkloadAccount
from .users import UserTotals

# Anybody can make new workloads (a process may call itself anything), and those that ended leave slowly (room.py):
# beyond this many, all further ones share one account, so that neither memory nor series grow without bound.
MOST_WORKLOADS = 5000
MOST_DEPARTED = 500  # sums by kind and user, of those that left
OTHERS = Workload("(others)", "command", "")


class DeviceAccount:
    """One device. ``partition`` is in the order of ``model.PARTS`` and always sums to the energy of all sources.

    ``last_uj`` and ``last_ns`` are what it drew in the last published interval, ``held_uj`` and ``held_ns`` since then.
    """

    __slots__ = (
        "context",
        "device",
        "energy",
        "held_ns",
        "held_uj",
        "last_ns",
        "last_uj",
        "partition",
        "units",
    )

    def __init__(self, device: Device) -> None:
        self.device = device
        self.energy: dict[str, int] = {}
        self.partition = [0] * len(PARTS)
        self.context = 0  # of live and exited, what a GPU drew for open contexts while nobody worked
        self.units = 0
        self.last_uj = 0
        self.last_ns = 0
        self.held_uj = 0
        self.held_ns = 0


class MeterAccount:
    """One overlapping meter."""

    __slots__ = ("energy", "meter")

    def __init__(self, meter: Meter) -> None:
        self.meter = meter
        self.energy = 0


class Accounts:
    """Everything the ledger keeps. Written by the sampler alone."""

    def __init__(self) -> None:
        self.devices: dict[tuple[str, str], DeviceAccount] = {}
        self.meters: dict[tuple[str, str], MeterAccount] = {}
        self.workloads: dict[Workload, WorkloadAccount] = {}
        self.departed_workloads: dict[
            Workload, WorkloadAccount
        ] = {}  # sums of those that left, without a name
        self.users = UserTotals()
        self.used = [0, 0, 0, 0]  # live + exited energy by component
        self.used_units = [0, 0, 0, 0]
        self.used_cpu_ns = 0
        self.exported = [0, 0, 0, 0]  # of that, what is in the rows of departed series
        self.exported_units = [0, 0, 0, 0]
        self.exported_cpu_ns = 0
        self.priced: dict[
            tuple[str, str], list[int]
        ] = {}  # (provider, method) -> [microjoules, emission units]
        self.marginal: dict[tuple[str, str], int] = {}  # (zone, provider) -> emission units
        self.priced_ever = False
        self.exits_observed: dict[str, int] = {}
        self.exits_lost = 0
        self.resets: dict[tuple[str, str], int] = {}

    def workload(self, workload: Workload) -> WorkloadAccount:
        """The account of a workload, begun when first seen; that of the others when there are too many."""
        account = self.workloads.get(workload)
        if account is None and len(self.workloads) >= MOST_WORKLOADS:
            workload = OTHERS
            account = self.workloads.get(workload)
        if account is None:
            account = self.workloads[workload] = WorkloadAccount(workload)
        return account

    def book_users(self) -> None:
        """Charge the users what their workloads used since the last time."""
        self.users.book(self.workloads.values())
        self.users.book(self.departed_workloads.values())

    def departed_workload(self, workload: Workload) -> WorkloadAccount:
        """The sum of those of its kind and user that gave up their place."""
        left = Workload("", workload.kind, workload.user)
        if left not in self.departed_workloads and len(self.departed_workloads) >= MOST_DEPARTED:
            # Users come and go like workloads where they are made for a job.
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
