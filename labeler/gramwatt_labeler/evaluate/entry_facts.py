"""An entry as facts for grading: only the metrics that the scale knows, under the names it knows them by."""

from __future__ import annotations

from collections.abc import Mapping

from ..forms.entry import Entry
from ..forms.fields import NUMBERS
from ..grading.exact import exact, nearest
from ..grading.facts import Facts, Quantity, known_metrics
from ..grading.gaissa import lower
from ..grading.hardware import group_of
from ..grading.scale import RatedScale, Scale

# The study's names for fields of the form.
_STUDY = {"emissions": "co2_eq_emissions", "dataset_size": "datasets_size"}
_BASES = {field.name: field.kind.base for field in NUMBERS}
_ENERGY = {
    "energy": ("energy", "J"),
    "emissions": ("emissions", "g"),
    "samples": ("samples", ""),
    "tokens": ("tokens", ""),
    "requests": ("requests", ""),
    "accuracy": ("accuracy", ""),
}


def _rated(entry: Entry, known: Mapping[str, str]) -> dict[str, Quantity]:
    """Every number of the form that the scale has a metric for. A metric that names no unit is in the form's own."""
    found: dict[str, Quantity] = {}
    for own, value in entry.values.items():
        for name in (own, _STUDY.get(own, own)):
            if name in known:
                in_percent = known[name] == "%"
                found[name] = (
                    (nearest(exact(value) * 100), "%") if in_percent else (value, _unit(own, known[name]))
                )
    return found


def _unit(field: str, own: str) -> str:
    """The form's unit of a field, for a metric whose own unit is ``own``; "" where that is not said."""
    return _BASES.get(field, "") if own else ""


def facts_of(entry: Entry, scale: Scale) -> Facts:
    """What the entry says that this scale can use. Further metrics count where the scale has them by their own name."""
    known = known_metrics(scale)
    metrics: dict[str, Quantity] = {name: (value, "") for name, value in entry.extra.items() if name in known}
    if isinstance(scale, RatedScale):
        metrics |= _rated(entry, known)
    else:
        for own, (name, unit) in _ENERGY.items():
            if own in entry.values and name in known:
                metrics[name] = (entry.values[own], unit)
    if entry.score is not None and "performance_score" in known:
        stated, _ = metrics.get("performance_score", (None, ""))
        metrics["performance_score"] = (lower(stated, entry.score), "")
    if entry.boundary == "gpu" and "energy" in entry.values and "gpu_energy" in known:
        metrics["gpu_energy"] = (entry.values["energy"], "J")
    if entry.floor_joules is not None and "floor_energy" in known:
        metrics["floor_energy"] = (entry.floor_joules, "J")
    return Facts(
        phase=entry.phase,
        task=entry.task,
        dataset=entry.dataset,
        hardware=group_of(entry.hardware) or entry.hardware,
        boundary=entry.boundary,
        metrics=metrics,
    )
