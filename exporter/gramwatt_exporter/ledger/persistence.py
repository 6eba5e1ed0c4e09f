"""The accounts as JSON types and back, for the ledger on disk (storage.py)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..model import COMPONENTS, CPU, PARTS, Device, Meter, Workload
from ..processes.row import UNBORN, WorkloadAccount
from .accounts import Accounts, MeterAccount


def dump(
    accounts: Accounts,
    exported: tuple[list[int], list[int], int],
    workloads: list[list[Any]] | None = None,
    departed: list[list[Any]] | None = None,
) -> dict[str, Any]:
    """The accounts as JSON types. ``exported`` is what all series of processes have shown so far: after a
    restart none of them is left, so it becomes the departed. ``workloads`` replaces the entries of all workloads."""
    microjoules, amounts, cpu_nanoseconds = exported
    return {
        "devices": [
            {
                "component": account.device.component,
                "name": account.device.name,
                "source": account.device.source,
                "uncertainty_ratio": account.device.uncertainty_ratio,
                "energy": account.microjoules,
                "partition": account.partition,
                "context": account.context,
                "units": str(account.emission_units),
            }
            for account in accounts.devices.values()
        ],
        "meters": [
            {
                "name": account.meter.name,
                "source": account.meter.source,
                "part_of": account.meter.part_of,
                "covers": list(account.meter.covers),
                "energy": account.microjoules,
            }
            for account in accounts.meters.values()
        ],
        "workloads": _dump_workloads(accounts.workloads.values()) if workloads is None else workloads,
        "departed_workloads": (
            _dump_workloads(accounts.departed_workloads.values()) if departed is None else departed
        ),
        "users": accounts.users.state(),
        "used": accounts.used,
        "used_units": [str(amount) for amount in accounts.used_emission_units],
        "used_cpu_ns": accounts.used_cpu_nanoseconds,
        "exported": microjoules,
        "exported_units": [str(amount) for amount in amounts],
        "exported_cpu_ns": cpu_nanoseconds,
        "priced": [[*key, entry[0], str(entry[1])] for key, entry in accounts.priced.items()],
        "marginal": [[*key, str(amount)] for key, amount in accounts.marginal.items()],
        "priced_ever": accounts.priced_ever,
        "exits_observed": accounts.exits_observed,
        "exits_lost": accounts.exits_lost,
        "resets": [[*key, count] for key, count in accounts.resets.items()],
    }


def load(accounts: Accounts, saved: Mapping[str, Any]) -> None:
    """Fill fresh accounts. Raises KeyError, TypeError or ValueError on a damaged state; then use fresh ones."""
    for entry in saved["devices"]:
        account = accounts.device(
            Device(entry["component"], entry["name"], entry["source"], float(entry["uncertainty_ratio"]))
        )
        account.microjoules = {
            str(source): int(microjoules) for source, microjoules in entry["energy"].items()
        }
        account.partition = [int(part) for part in entry["partition"]]
        account.context = int(entry.get("context", 0))
        account.emission_units = int(entry["units"])
        if len(account.partition) != len(PARTS) or sum(account.partition) != sum(
            account.microjoules.values()
        ):
            raise ValueError(f"the parts of {entry['component']} {entry['name']} do not sum to its energy")
    for entry in saved["meters"]:
        meter = Meter(entry["name"], entry["source"], entry["part_of"], tuple(entry["covers"]))
        accounts.meters[(meter.name, meter.source)] = MeterAccount(meter)
        accounts.meters[(meter.name, meter.source)].microjoules = int(entry["energy"])
    accounts.take_back(_load_workloads(saved["workloads"]))
    # A ledger of a version without departed workloads has no such entry.
    accounts.departed_workloads = _load_workloads(saved.get("departed_workloads", ()))
    present, departed = accounts.workloads.values(), accounts.departed_workloads.values()
    accounts.users.restore(saved.get("users"), {"present": present, "departed": departed})
    accounts.used, accounts.used_emission_units = _four(saved["used"]), _four(saved["used_units"])
    accounts.used_cpu_nanoseconds = int(saved["used_cpu_ns"])
    accounts.exported, accounts.exported_emission_units = (
        _four(saved["exported"]),
        _four(saved["exported_units"]),
    )
    accounts.exported_cpu_nanoseconds = int(saved["exported_cpu_ns"])
    accounts.priced = {
        (p, m): [int(microjoules), int(amount)] for p, m, microjoules, amount in saved["priced"]
    }
    accounts.marginal = {(zone, provider): int(amount) for zone, provider, amount in saved["marginal"]}
    accounts.priced_ever = bool(saved["priced_ever"])
    accounts.exits_observed = {str(mode): int(count) for mode, count in saved["exits_observed"].items()}
    accounts.exits_lost = int(saved["exits_lost"])
    accounts.resets = {(c, d): int(count) for c, d, count in saved["resets"]}


def _dump_workloads(accounts: Iterable[WorkloadAccount]) -> list[list[Any]]:
    return [entry_of(account) for account in accounts if is_worth_an_entry(account)]


def is_worth_an_entry(account: WorkloadAccount) -> bool:
    """Whether it has used anything so far."""
    return bool(account.cpu_nanoseconds or any(account.microjoules))


def entry_of(account: WorkloadAccount) -> list[Any]:
    """One workload as JSON types."""
    workload = account.workload
    amounts = [str(amount) for amount in account.emission_units]
    return [
        workload.name,
        workload.kind,
        workload.user,
        account.microjoules,
        amounts,
        account.cpu_nanoseconds,
    ]


def _load_workloads(saved: Iterable[Any]) -> dict[Workload, WorkloadAccount]:
    loaded = {}
    for name, kind, user, microjoules, amounts, cpu_nanoseconds in saved:
        account = WorkloadAccount(Workload(name, kind, user))
        account.microjoules, account.emission_units = _four(microjoules), _four(amounts)
        account.cpu_nanoseconds = int(cpu_nanoseconds)
        account.born = [0 if used else UNBORN for used in account.microjoules]
        account.born[CPU] = 0  # its series were published before: none begins anew
        loaded[account.workload] = account
    return loaded


def _four(values: Any) -> list[int]:
    if len(values) != len(COMPONENTS):
        raise ValueError(f"expected {len(COMPONENTS)} values, got {len(values)}")
    return [int(value) for value in values]
