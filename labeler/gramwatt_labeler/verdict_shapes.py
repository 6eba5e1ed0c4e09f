"""A verdict as ``grade --scheme`` and ``POST /api/v1/grade`` show it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .grading.verdict import Verdict
from .reasons import said
from .scale_files import LoadedScale


@dataclass(frozen=True, slots=True)
class NamedVerdict:
    """One verdict with the name of what was graded, and why some of its numbers are none."""

    verdict: Verdict
    name: str = ""
    odd: Sequence[str] = ()


def as_tree(one: NamedVerdict, loaded: LoadedScale) -> dict[str, Any]:
    """One verdict as a JSON object. ``null`` is not known; what a scale does not have is left out."""
    verdict = one.verdict
    found: dict[str, Any] = {"name": one.name} if one.name else {}
    found |= {
        "grade": verdict.letter,
        "scheme": loaded.id.name,
        "metrics": {
            name: {"value": finite(metric.value), "index": finite(metric.index), "grade": metric.letter}
            for name, metric in verdict.metrics.items()
        },
        "missing": list(verdict.missing),
        "scale": {"name": loaded.id.name, "version": loaded.id.version, "sha256": loaded.id.sha256},
        "reasons": reasons(one),
        "notes": notes(one, loaded),
    }
    if verdict.span is not None:
        found["span"] = list(verdict.span)
    if verdict.groups:
        found["groups"] = dict(verdict.groups)
    if verdict.compound is not None:
        found["compound"] = verdict.compound
    basis = verdict.basis
    if basis is not None:
        found |= {"unit": basis.unit, "energy_per_unit_joules": basis.per_unit_joules, "index": basis.index}
        if basis.reference is not None:
            reference = basis.reference
            found["reference"] = {name: getattr(reference, name) for name in reference.__dataclass_fields__}
    return found


def reasons(one: NamedVerdict) -> list[str]:
    """Why there is no letter, and why metrics are missing, each once."""
    explained = {said("no_number", name=text.partition(" is ")[0]) for text in one.odd}
    return list(dict.fromkeys([*(text for text in one.verdict.reasons if text not in explained), *one.odd]))


def notes(one: NamedVerdict, loaded: LoadedScale) -> list[str]:
    """What is said beside the letter; also that the scale only has the name of a shipped one."""
    is_own = one.verdict.letter is not None and bool(loaded.replaces)
    return [*one.verdict.notes, *([said("own_scale", scale=loaded.id.name)] if is_own else [])]


def finite(value: float | None) -> float | None:
    """The number, or None for one that JSON does not have."""
    return value if value is not None and math.isfinite(value) else None
