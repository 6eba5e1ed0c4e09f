"""A window as docs/socket-api.md shows it. The only place where its units become joules and grams."""

from __future__ import annotations

from typing import Any

from .. import units
from .model import WindowView


def window_answer(view: WindowView) -> dict[str, Any]:
    """The JSON object ``Window``: joules, grams, watts, seconds; ``None`` means not known."""
    microjoules = view.total_microjoules
    emissions = view.total_emission_units
    return {
        "window": view.id,
        "name": view.name,
        "phase": view.phase,
        "model": view.model,
        "task": view.task,
        "dataset": view.dataset,
        "parent": view.parent,
        "user": view.user,
        "uid": view.uid,
        "pid": view.pid,
        "state": view.state,
        "ended_by": view.ended_by,
        "start": view.start,
        "end": view.end,
        "duration_seconds": units.seconds(view.nanoseconds),
        "energy_joules": units.joules(microjoules),
        "emissions_grams": None if emissions is None else units.grams(emissions),
        "mean_power_watts": units.watts(microjoules, view.measured_nanoseconds)
        if view.measured_nanoseconds > 0
        else None,
        "components": {name: units.joules(value) for name, value in view.microjoules.items()},
        "component_emissions_grams": {
            name: None if value is None else units.grams(value) for name, value in view.emission_units.items()
        },
        "cpu_seconds": units.seconds(view.cpu_nanoseconds),
        "processes": view.processes,
        "sources": dict(view.sources),
        "idle_methods": dict(view.idle_methods),
        "unknown_joules": {name: units.joules(value) for name, value in view.unknown_microjoules.items()},
        "uncertainty_ratio": view.uncertainty_ratio,
        "missed_seconds": units.seconds(view.missed_nanoseconds),
        "floor_joules": units.joules(view.floor_microjoules),
        "below_floor": view.below_floor,
        "values": dict(view.values),
        "tags": dict(view.tags),
        "boundary": "machine" if view.whole_machine else "process",
        "outcome": None if view.outcome is None else dict(view.outcome),
    }
