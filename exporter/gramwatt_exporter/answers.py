"""What the socket answers about the machine, in the units of docs/socket-api.md. For windows: windows/answers.py."""

from __future__ import annotations

import heapq
from typing import Any

from . import __version__, units
from .model import COMPONENTS, Intensity, IntensityState
from .sampler import Sampler
from .snapshot import Snapshot
from .windows import Peer

Answer = dict[str, Any]


def _intensity(value: Intensity | None, now: float) -> Answer | None:
    if value is None:
        return None
    return {
        "grams_per_kilowatt_hour": value.grams_per_kilowatt_hour,
        "zone": value.zone,
        "provider": value.provider,
        "basis": value.basis,
        "method": value.method,
        "factor": value.factor,
        "at": value.at,
        "age_seconds": max(0.0, now - value.at),
        "renewable_ratio": value.renewable_ratio,
        "fossil_ratio": value.fossil_ratio,
    }


def intensity_answer(state: IntensityState, now: float) -> Answer:
    """The object ``Intensity``."""
    return {
        "average": _intensity(state.average, now),
        "marginal": _intensity(state.marginal, now),
        "forecast": [
            {"at": point.at, "grams_per_kilowatt_hour": point.grams_per_kilowatt_hour}
            for point in state.forecast
        ],
        "history": [
            {"at": value.at, "grams_per_kilowatt_hour": value.grams_per_kilowatt_hour}
            for value in state.history
        ],
        "message": state.message,
    }


def _intensity_or_null(state: IntensityState, now: float) -> Answer | None:
    return intensity_answer(state, now) if state.average or state.marginal else None


def status_answer(snapshot: Snapshot, peer: Peer, interval: float) -> Answer:
    """The object ``Status``."""
    return {
        "version": __version__,
        "boot_id": snapshot.boot_id,
        "sampling_interval_seconds": interval,
        "snapshot_at": snapshot.at,
        "sensors": [{"sensor": s.name, "up": s.up, "reason": s.reason} for s in snapshot.sensors],
        "exit_mode": snapshot.exit_mode,
        "intensity": _intensity_or_null(snapshot.intensity, snapshot.at),
        "user": peer.user,
        "uid": peer.uid,
    }


def top_answer(sampler: Sampler, snapshot: Snapshot, processes: int, workloads: int) -> Answer:
    """The object ``Top``: a fresh ranking of all processes, not only of those with series."""
    interval = snapshot.interval_ns
    row_interval = (
        sampler.progress.interval_ns
    )  # the newest sample may not be in a snapshot: saving it may have failed
    priced = snapshot.priced_ever

    def watts(microjoules: int, over_ns: int) -> float | None:
        return units.watts(microjoules, over_ns) if over_ns > 0 else None

    def grams(amount: int) -> float | None:
        return units.grams(amount) if priced else None

    hottest = heapq.nlargest(processes, sampler.table.rows, key=lambda row: sum(row.power))
    busiest = heapq.nlargest(workloads, snapshot.workloads, key=lambda view: sum(view.power))
    return {
        "at": snapshot.at,
        "devices": [
            {
                "component": device.component,
                "device": device.name,
                "source": device.source,
                "power_watts": None if device.power_microwatts is None else device.power_microwatts / 1e6,
                "energy_joules": units.joules(sum(device.microjoules.values())),
                "emissions_grams": grams(device.emission_units),
                "uncertainty_ratio": device.uncertainty_ratio,
            }
            for device in snapshot.devices
        ],
        "processes": [
            {
                "pid": row.identity.pid,
                "command": row.identity.command,
                "workload": row.identity.workload.name,
                "kind": row.identity.workload.kind,
                "user": row.identity.workload.user,
                "power_watts": watts(sum(row.power), row_interval),
                "power_by_component": {
                    name: watts(drawn, row_interval)
                    for name, drawn in zip(COMPONENTS, row.power, strict=True)
                    if drawn
                },
                "energy_joules": units.joules(sum(row.microjoules)),
                "emissions_grams": grams(sum(row.emission_units)),
                "cpu_seconds": units.seconds(row.cpu_nanoseconds),
            }
            for row in hottest
            if any(row.microjoules)
        ],
        "workloads": [
            {
                "workload": view.name,
                "kind": view.kind,
                "user": view.user,
                "power_watts": watts(sum(view.power), interval),
                "energy_joules": units.joules(sum(view.microjoules)),
                "emissions_grams": grams(sum(view.emission_units)),
            }
            for view in busiest
        ],
        "budgets": [
            {
                "budget": budget.name,
                "limit_grams": budget.limit_grams,
                "period_emissions_grams": units.grams(budget.period_emission_units) if priced else None,
                "period_start": budget.period_start,
                "period_seconds": budget.period_seconds,
            }
            for budget in snapshot.budgets
        ],
        "windows_open": snapshot.windows_held[0],
        "intensity": _intensity_or_null(snapshot.intensity, snapshot.at),
    }
