"""A recorded window or an imported run -> facts -> the door -> a grade."""

from __future__ import annotations

import math
from dataclasses import replace

from ..model import Grade, Measurement, ScaleId, Window
from ..reasons import said
from .exact import exact, nearest
from .facts import Facts, Quantity, Verdict, grade_facts, known_metrics
from .gate import failed_run, refusal, undecided
from .hardware import CLASSES, class_of, group_of, group_of_parts
from .scale import AbsoluteScale, EeiScale

OUTCOME_UNKNOWN = said("outcome_unknown")
NEGLIGIBLE = 0.01
"""A component with a smaller share of the energy does not choose the hardware group."""


def grade_window(
    scale: EeiScale | AbsoluteScale,
    identity: ScaleId,
    window: Window,
    measurement: Measurement,
    hardware: str = "",
) -> Grade:
    """Grade a window. ``hardware`` is its group where the window does not say. Never raises: see ``Grade.reason``."""
    letters = tuple(band.letter for band in scale.bands)
    is_checked = isinstance(scale, EeiScale)
    if (
        reason := failed_run(window)
        or refusal(measurement)
        or (_unsure_class(measurement) if is_checked else "")
    ):
        return Grade(identity, None, reason, letters)
    verdict = grade_facts(scale, facts_of(scale, window, measurement, hardware))
    if verdict.letter is not None and measurement.unknown:
        most = grade_facts(scale, facts_of(scale, window, _with_all(measurement), hardware))
        if reason := undecided(measurement, verdict.letter, most.letter):
            return Grade(identity, None, reason, letters)
    graded = grade_of(verdict, identity, measurement.emissions_grams)
    imported = measurement.imported
    if graded.letter is not None and imported is not None and not imported.outcome:
        graded = replace(graded, notes=(*graded.notes, OUTCOME_UNKNOWN))
    return graded


def facts_of(
    scale: EeiScale | AbsoluteScale, window: Window, measurement: Measurement, hardware: str = ""
) -> Facts:
    """What a window and its measurement say, as far as the scale knows it."""
    numbers: dict[str, Quantity] = {
        "energy": (measurement.energy_joules, "J"),
        "uncertainty_ratio": (measurement.uncertainty_ratio, ""),
    }
    boundary = boundary_of(window, measurement)
    if boundary == "gpu":  # all that was counted: a part of it beside it says less
        numbers["gpu_energy"] = (measurement.energy_joules, "J")
    elif "gpu" in measurement.components:
        numbers["gpu_energy"] = (measurement.components["gpu"], "J")
    known = known_metrics(scale)
    values: dict[str, Quantity] = {
        name: (value, "")
        for name, value in window.values.items()
        if name in known and name not in numbers and not name.startswith(("energy", "gpu_energy", "wh_"))
    }
    return Facts(
        phase=window.phase,
        task=window.task,
        dataset=window.dataset,
        hardware=hardware_group(window, measurement, hardware),
        boundary=boundary,
        metrics=values | numbers,
    )


def boundary_of(window: Window, measurement: Measurement) -> str:
    """What the energy counts: of its processes or of the whole machine; "" where an imported file does not say."""
    if measurement.imported is not None:
        return measurement.imported.mode if measurement.imported.mode in ("machine", "process") else ""
    return window.boundary


def hardware_group(window: Window, measurement: Measurement, stated: str = "") -> str:
    """The group of the hardware that was used. What was recorded wins; ``stated`` fills in, within its class."""
    used = "gpu" if _gpu_share(measurement) >= NEGLIGIBLE else "cpu"
    parts = window.hardware.gpus if used == "gpu" else window.hardware.cpus
    if parts:
        return group_of_parts(window.hardware, used == "gpu")
    group = group_of(stated) or stated
    return group if group and class_of(group) in ("", used) and group not in CLASSES else used


def grade_of(verdict: Verdict, identity: ScaleId, emissions_grams: float | None = None) -> Grade:
    """The verdict as it is kept and shown."""
    basis = verdict.basis
    best, worst = verdict.span if verdict.span and verdict.letter is not None else (None, None)
    return Grade(
        scale=identity,
        letter=verdict.letter,
        reason="" if verdict.letter else "; ".join(verdict.reasons),
        letters=verdict.letters,
        best=best,
        worst=worst,
        index=basis.index if basis else None,
        unit=basis.unit if basis else "",
        units=basis.units if basis else None,
        energy_per_unit_joules=basis.per_unit_joules if basis else None,
        emissions_per_unit_grams=_per(emissions_grams, basis.units) if basis else None,
        reference=basis.reference if basis else None,
        notes=verdict.notes,
        metrics=dict(verdict.metrics),
    )


def _per(grams: float | None, units: float) -> float | None:
    """Grams of CO2 per unit; None where they are not known or beyond every number."""
    if grams is None or not math.isfinite(grams):
        return None
    found = nearest(exact(grams) / exact(units))
    return found if math.isfinite(found) else None


def _gpu_share(measurement: Measurement) -> float:
    energy = measurement.energy_joules
    return measurement.components.get("gpu", 0.0) / energy if energy > 0 else 0.0


def _unsure_class(measurement: Measurement) -> str:
    """Why the hardware class is not known: the GPU may have been used, and no source decides it."""
    unknown = measurement.unknown.get("gpu", 0.0)
    if not unknown or measurement.components.get("gpu"):
        return ""
    if unknown < NEGLIGIBLE * measurement.most_joules:
        return ""
    return said("unsure_class", unknown=measurement.unknown_text)


def _with_all(measurement: Measurement) -> Measurement:
    """The same with all energy that may be its own."""
    names = {*measurement.components, *measurement.unknown}
    components = {
        name: measurement.components.get(name, 0.0) + measurement.unknown.get(name, 0.0) for name in names
    }
    return replace(measurement, energy_joules=measurement.most_joules, components=components, unknown={})
