"""An entry as facts for grading: only the metrics that the scale knows, under the names it knows them by."""

from __future__ import annotations

from ..forms.entry import Entry
from ..grading.facts import Facts, Quantity, known_metrics
from ..grading.gaissa import lower
from ..grading.hardware import group_of
from ..grading.scale import RatedScale, Scale

_RATED = {
    "emissions": ("co2_eq_emissions", "g"),
    "size": ("size", "B"),
    "dataset_size": ("datasets_size", "B"),
    "downloads": ("downloads", ""),
}
_ENERGY = {
    "energy": ("energy", "J"),
    "emissions": ("emissions", "g"),
    "samples": ("samples", ""),
    "tokens": ("tokens", ""),
    "requests": ("requests", ""),
    "accuracy": ("accuracy", ""),
}


def facts_of(entry: Entry, scale: Scale) -> Facts:
    """What the entry says that this scale can use. Further metrics count where the scale has them by their own name."""
    known = known_metrics(scale)
    names = _RATED if isinstance(scale, RatedScale) else _ENERGY
    metrics: dict[str, Quantity] = {name: (value, "") for name, value in entry.extra.items() if name in known}
    for own, (name, unit) in names.items():
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
