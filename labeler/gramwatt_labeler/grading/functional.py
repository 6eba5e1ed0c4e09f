"""Functional units: what the energy of a window is divided by (ISO/IEC 21031 calls it R)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..model import Window
from .scale import Unit

LEAST_UNITS, MOST_UNITS = 1e-6, 1e18
"""Nothing that is counted in samples, tokens or requests lies outside: a number there is a mistake in a unit."""


@dataclass(frozen=True, slots=True)
class FunctionalUnit:
    """One unit: the keys of window values that count it, first known wins, and how it is written."""

    name: Unit
    keys: tuple[str, ...]
    fix: str  # how a person records it


UNITS: dict[Unit, FunctionalUnit] = {
    "sample": FunctionalUnit("sample", ("samples",), "--value samples=N (every epoch counted)"),
    "token": FunctionalUnit("token", ("tokens", "output_tokens"), "--value tokens=N"),
    "request": FunctionalUnit("request", ("requests",), "--value requests=N"),
    "run": FunctionalUnit("run", (), ""),
}


def units_of(window: Window, unit: Unit) -> tuple[float | None, str]:
    """How many of a unit the window did, and, where that is unusable or not recorded, what is missing.

    ``samples`` counts every sample the window processed, each epoch anew. Without it, ``dataset_samples`` times
    ``epochs`` is the same number. A ``run`` is the window itself.
    """
    if unit == "run":
        return 1.0, ""
    for key in UNITS[unit].keys:
        if key in window.values:
            return _usable(window.values[key], key)
    if unit == "sample" and {"dataset_samples", "epochs"} <= window.values.keys():
        return _usable(window.values["dataset_samples"] * window.values["epochs"], "dataset_samples * epochs")
    return None, f"value {UNITS[unit].keys[0]!r}; record it with {UNITS[unit].fix}"


def _usable(value: float, key: str) -> tuple[float | None, str]:
    if not math.isfinite(value) or value <= 0:
        return None, f"a usable value {key!r} (it is {value:g})"
    if not LEAST_UNITS <= value <= MOST_UNITS:
        return (
            None,
            f"a usable value {key!r} (it is {value:g}; {LEAST_UNITS:g} to {MOST_UNITS:g} are possible)",
        )
    return value, ""
