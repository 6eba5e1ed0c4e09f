"""The view of a window at one moment. Pure."""

from __future__ import annotations

import math
from types import MappingProxyType

from .model import WindowView
from .window import Window


def view_of(window: Window, elapsed: int, measured: int) -> WindowView:
    """The window now: ``elapsed`` nanoseconds after its start, of which samples cover ``measured``."""
    return WindowView(
        id=window.id,
        name=window.name,
        phase=window.phase,
        model=window.model,
        task=window.task,
        dataset=window.dataset,
        parent=window.parent,
        user=window.user,
        uid=window.uid,
        pid=window.pid,
        state=window.state,
        ended_by=window.ended_by,
        start=window.start,
        end=window.end,
        nanoseconds=elapsed,
        measured_nanoseconds=measured,
        microjoules=MappingProxyType(dict(window.microjoules)),
        emission_units=MappingProxyType(dict(window.emission_units)),
        cpu_nanoseconds=window.cpu_nanoseconds,
        processes=max(window.joined, len(window.processes)),
        samples=window.samples,
        sources=MappingProxyType({name: "+".join(sorted(used)) for name, used in window.sources.items()}),
        idle_methods=MappingProxyType(
            {name: "+".join(sorted(used)) for name, used in window.idle_methods.items()}
        ),
        unknown_microjoules=MappingProxyType(dict(window.unknown_microjoules)),
        uncertainty_ratio=_uncertainty(window, measured),
        missed_nanoseconds=window.missed_nanoseconds,
        floor_microjoules=window.floor_microjoules,
        values=MappingProxyType(dict(window.values)),
        tags=MappingProxyType(dict(window.tags)),
        outcome=None if window.outcome is None else MappingProxyType(dict(window.outcome)),
        is_automatic=not (window.was_asked_for or window.processes),
        whole_machine=window.whole_machine,
    )


def _uncertainty(window: Window, measured_ns: int) -> float | None:
    """One sigma as a share of the energy.

    Unknown energy lies anywhere between nothing and all of it: width / sqrt(12). In the missed time the window may have
    drawn nothing, or as much as otherwise.
    """
    total = sum(window.microjoules.values())
    if not total or not window.sources:
        return None
    unknown = sum(window.unknown_microjoules.values()) / math.sqrt(12)
    seen_ns = max(1, measured_ns - window.missed_nanoseconds)
    return math.hypot(window.sigma_microjoules / total, unknown / total, window.missed_nanoseconds / seen_ns)
