"""Freeze the accounts into the views a snapshot is made of. An unchanged view is handed out again as it is."""

from __future__ import annotations

from collections.abc import Iterable

from .idle import IdleBook
from .ledger.accounts import Accounts, DeviceAccount
from .model import COMPONENTS
from .processes.row import Row, WorkloadAccount
from .snapshot import DeviceView, MeterView, ProcessColumns, Remainder, WorkloadView


def device_view(account: DeviceAccount, baseline: IdleBook) -> DeviceView:
    """One device now."""
    device = account.device
    idle = baseline.known(device)
    power = account.last_uj * 1_000_000_000 // account.last_ns if account.last_ns > 0 else None
    return DeviceView(
        component=device.component,
        name=device.name,
        source=device.source,
        energy=dict(account.energy),
        partition=tuple(account.partition),
        units=account.units,
        power_microwatts=power,
        uncertainty_ratio=device.uncertainty_ratio,
        idle=idle,
        context=account.context,
    )


def meter_views(accounts: Accounts) -> tuple[MeterView, ...]:
    """All overlapping meters now."""
    return tuple(
        MeterView(
            meter.meter.name,
            meter.meter.source,
            f"part of {meter.meter.part_of}"
            if meter.meter.part_of
            else "contains " + ("+".join(meter.meter.covers) or "unknown"),
            meter.energy,
        )
        for meter in accounts.meters.values()
    )


def process_columns(members: Iterable[Row], components: Iterable[int], priced: bool) -> ProcessColumns:
    """The exported processes: what each used since its series began, of the components that have a device."""
    rows = list(members)
    nothing = [0] * len(rows)
    energy, units, power = ([nothing] * len(COMPONENTS) for _ in range(3))
    entered = [row.entered for row in rows if row.entered is not None]  # every member's is set
    for index in components:
        energy[index] = [
            row.energy[index] - then[index] for row, (then, _, _) in zip(rows, entered, strict=True)
        ]
        power[index] = [0 if row.gone_scrapes else row.power[index] for row in rows]
        if priced:
            units[index] = [
                row.units[index] - then[index] for row, (_, then, _) in zip(rows, entered, strict=True)
            ]
    return ProcessColumns(
        identities=[row.identity for row in rows],
        energy=energy,
        units=units,
        power=power,
        cpu_ns=[row.cpu_ns - then for row, (_, _, then) in zip(rows, entered, strict=True)],
    )


def workload_view(account: WorkloadAccount) -> WorkloadView:
    """One workload now."""
    if account.view_version == account.version and isinstance(account.view, WorkloadView):
        return account.view
    view = WorkloadView(
        name=account.workload.name,
        kind=account.workload.kind,
        user=account.workload.user,
        energy=tuple(account.energy),
        units=tuple(account.units),
        cpu_ns=account.cpu_ns,
        power=tuple(account.power),
    )
    account.view, account.view_version = view, account.version
    return view


def remainders(accounts: Accounts, processes: ProcessColumns) -> tuple[Remainder, Remainder]:
    """``other`` and ``departed``: with the rows given, they sum to all live and exited energy."""
    other = Remainder(
        _left(accounts.used, accounts.exported, processes.energy),
        _left(accounts.used_units, accounts.exported_units, processes.units),
        accounts.used_cpu_ns - accounts.exported_cpu_ns - sum(processes.cpu_ns),
    )
    departed = Remainder(tuple(accounts.exported), tuple(accounts.exported_units), accounts.exported_cpu_ns)
    return other, departed


def _left(used: Iterable[int], departed: Iterable[int], rows: Iterable[Iterable[int]]) -> tuple[int, ...]:
    return tuple(whole - left - sum(column) for whole, left, column in zip(used, departed, rows, strict=True))
