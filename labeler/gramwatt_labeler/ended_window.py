"""A window as its exporter reports it at its end -> a Window and a Measurement, without waiting for a scrape. Pure.

The values are final and exact: the exporter takes a sample at both edges of a window, and says for how much of the
time between, what was used is not known. Contract: docs/socket-api.md, ``/api/v1/windows/ended``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from .errors import Rejected
from .measure import known_ratio
from .model import Hardware, Measurement, Window
from .type_descriptions import described
from .windows import outcome_text

_EDGES = 2  # samples at the opening and at the end, beside those that are counted in between


class _Part(msgspec.Struct, frozen=True):
    """Devices of one model."""

    component: str
    model: str
    devices: int


class _Report(msgspec.Struct, frozen=True):
    """What is read of a report; an exporter of a newer version may say more."""

    window: str
    name: str
    phase: str
    start: float
    end: float
    components: dict[str, float]
    model: str = ""
    task: str = ""
    dataset: str = ""
    parent: str = ""
    user: str = ""
    samples: int = 0
    duration_seconds: float = 0.0
    emissions_grams: float | None = None
    cpu_seconds: float | None = None
    uncertainty_ratio: float | None = None
    missed_seconds: float = 0.0
    floor_joules: float | None = None
    unknown_joules: dict[str, float] = {}
    sources: dict[str, str] = {}
    values: dict[str, float] = {}
    how_ended: str = ""
    how_ended_detail: str = ""
    boundary: str = "process"
    software: str = ""
    grid_zone: str = ""
    grid_method: str = ""
    hardware: tuple[_Part, ...] = ()


def read_report(report: Any, instance: str) -> tuple[Window, Measurement]:
    """``instance`` is the exporter as Prometheus names it. Raises Rejected for a report that is none."""
    try:
        one = msgspec.convert(report, described(_Report))
    except msgspec.ValidationError as error:
        raise Rejected(f"{instance} reports a window that cannot be read: {error}") from None
    window = Window(
        id=one.window,
        name=one.name,
        phase=one.phase,
        model=one.model,
        task=one.task,
        dataset=one.dataset,
        parent=one.parent,
        user=one.user,
        start=one.start,
        end=one.end,
        values=dict(sorted(one.values.items())),
        instance=instance,
        failure=outcome_text(one.how_ended, one.how_ended_detail),
        hardware=Hardware(_models(one, "gpu"), _models(one, "cpu")),
        boundary=one.boundary,
        software=one.software,
    )
    return window, _measurement(one)


def _models(one: _Report, component: str) -> tuple[tuple[str, int], ...]:
    return tuple(sorted((part.model, part.devices) for part in one.hardware if part.component == component))


def _measurement(one: _Report) -> Measurement:
    joules = sum(one.components.values())
    unknown = {name: most for name, most in sorted(one.unknown_joules.items()) if most > 0}
    seconds = one.duration_seconds or one.end - one.start
    covered = max(0.0, 1.0 - one.missed_seconds / seconds) if seconds > 0 else 0.0
    measurement = Measurement(
        energy_joules=joules,
        components=dict(sorted(one.components.items())),
        samples=one.samples + _EDGES,
        coverage_ratio=covered * known_ratio(joules, sum(unknown.values())),
        emissions_grams=one.emissions_grams,
        cpu_seconds=one.cpu_seconds,
        uncertainty_ratio=one.uncertainty_ratio,
        sources=tuple(sorted({part for name in one.sources.values() for part in name.split("+") if part})),
        floor_joules=one.floor_joules,
        unknown=unknown,
        zone=one.grid_zone,
        intensity_method=one.grid_method,
    )
    text = measurement.unknown_text
    return replace(measurement, notes=(text,)) if text else measurement
