"""Freeze the accounts into the views of a snapshot. An unchanged view is used again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from .budgets import BudgetView
from .idle import IdleBook
from .ledger.accounts import Accounts, DeviceAccount
from .ledger.first_scrape import FirstScrape
from .ledger.users import UserAccount
from .model import COMPONENTS, CPU, DRAM, GPU, OTHER, DeviceMemory
from .processes.row import UNBORN, Row, WorkloadAccount
from .snapshot import DeviceView, MeterView, ProcessColumns, Remainder, UserView, WorkloadView

_ALL = range(len(COMPONENTS))
_OFTEN_LATER = (DRAM, GPU)


def device_view(account: DeviceAccount, baseline: IdleBook, memory: DeviceMemory | None = None) -> DeviceView:
    """One device now; ``memory`` is what is in use of a GPU's."""
    device = account.device
    idle = baseline.known(device)
    power = account.last_uj * 1_000_000_000 // account.last_ns if account.last_ns > 0 else None
    return DeviceView(
        component=device.component,
        name=device.name,
        source=device.source,
        microjoules=dict(account.microjoules),
        partition=tuple(account.partition),
        emission_units=account.emission_units,
        power_microwatts=power,
        uncertainty_ratio=device.uncertainty_ratio,
        idle=idle,
        context=account.context,
        model=device.model,
        limit_watts=device.limit_watts,
        memory_bytes=device.memory_bytes,
        memory_used_bytes=None if memory is None else memory.used_bytes,
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
            meter.microjoules,
        )
        for meter in accounts.meters.values()
    )


def process_columns(
    members: Iterable[Row], components: Iterable[int], priced: bool, first: FirstScrape | None = None
) -> ProcessColumns:
    """The exported processes: what each used since its series began, of the components that have a device."""
    rows = list(members)
    nothing = [0] * len(rows)
    microjoules, emission_units, power = ([nothing] * len(COMPONENTS) for _ in range(3))
    entered = [row.entered for row in rows if row.entered is not None]  # every member's is set
    for index in components:
        microjoules[index] = [
            row.microjoules[index] - then[index] for row, (then, _, _) in zip(rows, entered, strict=True)
        ]
        power[index] = [0 if row.gone_scrapes else row.power[index] for row in rows]
        if priced:
            emission_units[index] = [
                row.emission_units[index] - then[index]
                for row, (_, then, _) in zip(rows, entered, strict=True)
            ]
    return ProcessColumns(
        identities=[row.identity for row in rows],
        microjoules=microjoules,
        emission_units=emission_units,
        power=power,
        cpu_nanoseconds=[row.cpu_nanoseconds - then for row, (_, _, then) in zip(rows, entered, strict=True)],
        new=new_rows(rows, microjoules, first) if first is not None else None,
        windows=[max(row.windows, default="") for row in rows],  # ids increase: the newest is the innermost
    )


def new_rows(
    rows: Sequence[Row], microjoules: Sequence[Sequence[int]], first: FirstScrape
) -> dict[int, Sequence[int]]:
    """The components of each row that have not been scraped yet."""
    new: dict[int, list[int]] = {}
    for index in range(len(rows) - 1, -1, -1):  # newest first: after the first old one none is new
        born = rows[index].born
        born[CPU] = first.born(born[CPU])
        if not first.is_new(born[CPU]):
            break
        new[index] = [CPU]
    seen = first.seen
    for component in _OFTEN_LATER:  # a process comes to a GPU later than to a CPU
        later = [
            index
            for index, (row, used) in enumerate(zip(rows, microjoules[component], strict=True))
            if used and row.born[component] > seen
        ]
        for index in later:
            born = rows[index].born
            born[component] = first.born(born[component])
            if first.is_new(born[component]):
                new.setdefault(index, []).append(component)
    return dict(new)


def new_components(account: WorkloadAccount | UserAccount, first: FirstScrape) -> tuple[int, ...]:
    """The components of a row that have not been scraped yet. Every row has a series of CPU energy."""
    born, seen = account.born, first.seen
    _, dram, gpu, other = account.microjoules
    if (
        born[CPU] <= seen
        and (born[DRAM] <= seen or not dram)
        and (born[GPU] <= seen or not gpu)
        and (born[OTHER] <= seen or not other)
    ):
        return ()  # almost always
    for index, used in enumerate(account.microjoules):
        if used or index == CPU:
            born[index] = first.born(born[index])
    return tuple(index for index in _ALL if born[index] != UNBORN and first.is_new(born[index]))


def budget_views(
    views: Iterable[BudgetView], born: dict[str, int], first: FirstScrape
) -> tuple[BudgetView, ...]:
    """The budgets. ``born`` holds when each was shown first; one that a reload added begins at 0."""
    shown = []
    for view in views:
        born[view.name] = first.born(born.get(view.name, UNBORN))
        is_new = first.is_new(born[view.name])
        shown.append(msgspec.structs.replace(view, emission_units=0) if is_new else view)
    return tuple(shown)


def user_views(accounts: Accounts, first: FirstScrape) -> tuple[UserView, ...]:
    """The totals of all users now."""
    return tuple(
        UserView(
            user,
            kind,
            tuple(account.microjoules),
            tuple(account.emission_units),
            new_components(account, first),
        )
        for (user, kind), account in accounts.users.accounts.items()
    )


def workload_view(account: WorkloadAccount, first: FirstScrape | None = None) -> WorkloadView:
    """One workload now."""
    known = account.view
    if account.view_version == account.version and isinstance(known, WorkloadView) and not known.new:
        return known
    view = WorkloadView(
        name=account.workload.name,
        kind=account.workload.kind,
        user=account.workload.user,
        microjoules=tuple(account.microjoules),
        emission_units=tuple(account.emission_units),
        cpu_nanoseconds=account.cpu_nanoseconds,
        power=tuple(account.power),
        new=() if first is None else new_components(account, first),
    )
    account.view, account.view_version = view, account.version
    return view


def unlisted_views(accounts: Sequence[WorkloadAccount]) -> Iterable[WorkloadView]:
    """One row for all workloads without their own series; empty where every workload has one."""
    if accounts:
        yield WorkloadView(
            name="",
            kind="unlisted",
            user="",
            microjoules=tuple(map(sum, zip(*(account.microjoules for account in accounts), strict=True))),
            emission_units=tuple(
                map(sum, zip(*(account.emission_units for account in accounts), strict=True))
            ),
            cpu_nanoseconds=sum(account.cpu_nanoseconds for account in accounts),
            power=(0,) * len(COMPONENTS),
        )


def remainders(accounts: Accounts, processes: ProcessColumns) -> tuple[Remainder, Remainder]:
    """``other`` and ``departed``: with the rows given, they sum to all live and exited energy."""
    other = Remainder(
        _left(accounts.used, accounts.exported, processes.microjoules),
        _left(accounts.used_emission_units, accounts.exported_emission_units, processes.emission_units),
        accounts.used_cpu_nanoseconds - accounts.exported_cpu_nanoseconds - sum(processes.cpu_nanoseconds),
    )
    departed = Remainder(
        tuple(accounts.exported), tuple(accounts.exported_emission_units), accounts.exported_cpu_nanoseconds
    )
    return other, departed


def _left(used: Iterable[int], departed: Iterable[int], rows: Iterable[Iterable[int]]) -> tuple[int, ...]:
    return tuple(whole - left - sum(column) for whole, left, column in zip(used, departed, rows, strict=True))
