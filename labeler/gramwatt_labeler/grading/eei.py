"""Energy efficiency index: energy per functional unit divided by a reference. Nobody else's result matters."""

from __future__ import annotations

import math

from ..model import Grade, Measurement, Reference, ScaleId, Window
from .exact import exact, nearest
from .functional import units_of
from .gate import failed_run, refusal, undecided, unusable_quotient
from .scale import AbsoluteScale, EeiReference, EeiScale, letter_of, span


def hardware_class(measurement: Measurement) -> str:
    """``gpu`` when any of the energy was a GPU's or may have been, ``cpu`` only where no GPU can have been used."""
    used = measurement.components.get("gpu", 0.0) + measurement.unknown.get("gpu", 0.0)
    return "gpu" if used > 0 else "cpu"


def grade_eei(
    window: Window, measurement: Measurement, scale: EeiScale, identity: ScaleId, hardware: str = ""
) -> Grade:
    """Grade a window against the scale's references. Never raises: what is missing is in ``Grade.reason``."""
    letters = tuple(band.letter for band in scale.bands)

    def refuse(reason: str) -> Grade:
        return Grade(identity, None, reason, letters)

    if reason := failed_run(window) or refusal(measurement):
        return refuse(reason)
    if not hardware and measurement.unknown.get("gpu") and not measurement.components.get("gpu"):
        return refuse(f"hardware class ({measurement.unknown_text}: whether it used the GPU is not known)")
    hardware = hardware or hardware_class(measurement)
    candidates, reason = _references(window, scale, hardware)
    if not candidates:
        return refuse(reason)
    missing = []
    for reference in candidates:
        units, lack = units_of(window, reference.unit)
        if units is None:
            missing.append(lack)
            continue
        if reason := _quality(window, reference) or unusable_quotient(measurement, units, reference.joules):
            return refuse(reason)
        per_unit = exact(measurement.energy_joules) / exact(units)
        index = per_unit / exact(reference.joules)
        letter = letter_of(index, scale.bands)
        most = exact(measurement.most_joules) / exact(units) / exact(reference.joules)
        if reason := undecided(measurement, letter, letter_of(most, scale.bands)):
            return refuse(reason)
        best, worst = span(index, measurement.uncertainty_ratio, scale.bands)
        return Grade(
            scale=identity,
            letter=letter,
            letters=letters,
            best=best,
            worst=worst,
            index=nearest(index),
            unit=reference.unit,
            units=units,
            energy_per_unit_joules=nearest(per_unit),
            emissions_per_unit_grams=_per(measurement.emissions_grams, units),
            reference=Reference(reference.joules, hardware, reference.source, reference.date.isoformat()),
        )
    return refuse(" or ".join(dict.fromkeys(missing)))


def grade_absolute(
    window: Window, measurement: Measurement, scale: AbsoluteScale, identity: ScaleId
) -> Grade:
    """Grade a window on a published scale of absolute limits. Never raises."""
    letters = tuple(band.letter for band in scale.bands)

    def refuse(reason: str) -> Grade:
        return Grade(identity, None, reason, letters)

    if reason := failed_run(window) or refusal(measurement):
        return refuse(reason)
    if not window.phase:
        return refuse("a phase (--phase training or inference)")
    if window.phase != scale.phase:
        return refuse(
            f"phase {scale.phase} ({scale.name} grades nothing else; this window is {window.phase})"
        )
    if scale.tasks and slug(window.task) not in scale.tasks:
        return refuse(f"a task of {scale.name} (it grades {', '.join(scale.tasks)}; this is {window.task!r})")
    units, lack = units_of(window, scale.unit)
    if units is None:
        return refuse(lack)
    if reason := unusable_quotient(measurement, units, scale.joules):
        return refuse(reason)
    per_unit = exact(measurement.energy_joules) / exact(units)
    value = per_unit / exact(scale.joules)
    letter = letter_of(value, scale.bands, scale.limit)
    most = exact(measurement.most_joules) / exact(units) / exact(scale.joules)
    if reason := undecided(measurement, letter, letter_of(most, scale.bands, scale.limit)):
        return refuse(reason)
    best, worst = span(value, measurement.uncertainty_ratio, scale.bands, scale.limit)
    return Grade(
        scale=identity,
        letter=letter,
        letters=letters,
        best=best,
        worst=worst,
        unit=scale.unit,
        units=units,
        energy_per_unit_joules=nearest(per_unit),
        emissions_per_unit_grams=_per(measurement.emissions_grams, units),
        notes=(f"{nearest(value):.4g} {scale.measure}",),
    )


def slug(task: str) -> str:
    """A task as scales write it: lower case, words joined by hyphens."""
    return "-".join(task.lower().replace("_", " ").replace("-", " ").split())


def _references(window: Window, scale: EeiScale, hardware: str) -> tuple[list[EeiReference], str]:
    """References that fit, those for the very data set first; or none and what is missing."""
    known = ", ".join(sorted({reference.task for reference in scale.references}))
    if not window.task.strip():
        return [], f"a task (gramwatt run --task TASK; known: {known})"
    task = slug(window.task)
    task = {slug(alias): target for alias, target in scale.aliases.items()}.get(task, task)
    fitting = [reference for reference in scale.references if reference.task == task]
    if not fitting:
        return [], f"no reference for task {window.task} (known: {known})"
    data = slug(window.dataset)
    if not window.phase:
        return [], "a phase (--phase training or inference)"
    steps = (
        ("phase", window.phase, lambda one: one.phase == window.phase, lambda one: one.phase),
        ("hardware class", hardware, lambda one: one.hardware == hardware, lambda one: one.hardware),
        (
            "data set",
            window.dataset or "unnamed",
            lambda one: not one.datasets or data in map(slug, one.datasets),
            lambda one: "/".join(one.datasets),
        ),
    )
    for what, value, fits, shown in steps:
        kept = [reference for reference in fitting if fits(reference)]
        if not kept:
            others = ", ".join(sorted({shown(reference) for reference in fitting}))
            return [], f"no reference for task {task}, {what} {value} (known: {others})"
        fitting = kept
    return sorted(fitting, key=lambda reference: not reference.datasets), ""


def _quality(window: Window, reference: EeiReference) -> str:
    gate = reference.quality
    if gate is None:
        return ""
    value = window.values.get(gate.key)
    if value is None:
        return f"value {gate.key!r}; the reference asks for at least {gate.floor:g}"
    if not value >= gate.floor:
        return f"enough quality ({gate.key} is {value:g}, the reference asks for at least {gate.floor:g})"
    return ""


def _per(grams: float | None, units: float) -> float | None:
    """Grams of CO2 per unit; None where they are not known or beyond every number."""
    if grams is None or not math.isfinite(grams):
        return None
    found = nearest(exact(grams) / exact(units))
    return found if math.isfinite(found) else None
