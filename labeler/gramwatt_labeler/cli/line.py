"""A grade in one line of text."""

from __future__ import annotations

import re

from ..model import Grade, Graded
from ..render.text import clean
from ..units import energy, mass

_FIELD = re.compile(
    r"\(the field [\w ]+, or (?:gramwatt run )?(?=--)|fill in the field [\w ]+, or (?=record it)"
)


def one_line(graded: Graded, has_options: bool = False) -> str:
    """Window, scale, grade and what it rests on: energy, energy per unit and CO2e, each in the unit that reads best.

    ``has_options``: the command that prints it takes ``--task`` and the other facts that a grade may miss itself.
    """
    window, result, measured = graded.window, graded.grade, graded.measurement
    text = f"{window.id} {window.name!r} on {result.scale.name} {result.scale.version} ({result.scale.short_hash}): "
    text += result.text
    if result.energy_per_unit_joules is not None:
        text += f", {energy(result.energy_per_unit_joules)} per {result.unit}"
    if result.index is not None and result.reference is not None:
        text += f", EEI {result.index:.3g} against {energy(result.reference.joules_per_unit)}"
    if measured is not None:
        text += f", {energy(measured.energy_joules)}"
        if measured.emissions_grams is not None:
            text += f", {mass(measured.emissions_grams)} CO2e"
        if measured.imported is not None:
            text += f", {measured.imported.text}"
    return clean(own_options(text) if has_options else text)


def of_scale(grade: Grade, has_options: bool = False) -> str:
    """A grade beside that of another scale, such as ``on gramwatt not graded: missing a task``."""
    text = f"on {grade.scale.name} {grade.text}"
    return clean(own_options(text) if has_options else text)


def own_options(text: str) -> str:
    """A text with reasons, as a command says it that takes ``--task`` and the other facts itself."""
    return _FIELD.sub(lambda found: "(" if found[0].startswith("(") else "", text)
