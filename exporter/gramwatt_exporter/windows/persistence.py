"""A window as JSON types and back, for the state file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from .ids import PATTERN
from .window import Window

# Fields that are not saved.
_TRANSIENT = {"view", "published"}


def dump_window(window: Window) -> dict[str, Any]:
    """All saved fields of a window, as JSON types."""
    kept = {name: getattr(window, name) for name in window.__struct_fields__ if name not in _TRANSIENT}
    for name in ("processes", "left"):
        kept[name] = sorted(list(process) for process in kept[name])
    for name in ("sources", "idle_methods"):
        kept[name] = {component: sorted(used) for component, used in kept[name].items()}
    # Emission units outgrow 64 bits after a few kilograms, and not every JSON reader keeps such integers.
    kept["emission_units"] = {
        component: None if emission_units is None else str(emission_units)
        for component, emission_units in window.emission_units.items()
    }
    return kept


def load_window(entry: Mapping[str, Any]) -> Window:
    """Raises KeyError, TypeError or ValueError for a damaged entry."""
    fields = dict(entry)
    if not isinstance(fields["emission_units"], dict):
        raise TypeError("emission_units is not a mapping")
    fields["emission_units"] = {
        component: None if emission_units is None else int(emission_units)
        for component, emission_units in fields["emission_units"].items()
    }
    window: Window = msgspec.convert(fields, Window)
    if not PATTERN.fullmatch(window.id):
        raise ValueError(f"{window.id!r} is not a window id")
    emission_units = (amount for amount in window.emission_units.values() if amount is not None)
    if min((window.cpu_nanoseconds, *window.microjoules.values(), *emission_units)) < 0:
        raise ValueError("negative energy, emissions or CPU time")
    return window


def saved_windows(state: Mapping[str, Any]) -> Iterable[Any]:
    """The entries of a saved book; none where they are no list."""
    entries = state.get("windows", ())
    return entries if isinstance(entries, list) else ()
