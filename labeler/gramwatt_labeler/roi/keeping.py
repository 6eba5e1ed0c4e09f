"""An analysis that is kept: what was put in, completed from evaluations, and what comes out of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from . import returns
from .asked import INPUTS, energy_of, plan_of, read

if TYPE_CHECKING:
    from ..store.nouns import Stored
    from ..store.returns import Analysis

OF_EVALUATIONS = (("baseline", "old"), ("after", "new"))
"""The field that names an evaluation, and the field that its energy per unit fills."""
_OTHER = ("baseline", "after", "tactic", "zone")
_LONGEST_TITLE = 256


def completed(form: Mapping[str, str], evaluation: Callable[[str], Stored]) -> dict[str, str]:
    """The form with the energies of the evaluations it names, where it gives none.

    Raises NotFound, and InputError for an evaluation without an energy per unit.
    """
    found = dict(form)
    for key, name in OF_EVALUATIONS:
        if found.get(key) and not found.get(name):
            found[name], found[f"{name}_unit"] = f"{energy_of(evaluation(found[key])):.6g}", "J"
    return found


def kept_form(form: Mapping[str, str]) -> dict[str, str]:
    """The fields that make the analysis, without those of the page around it."""
    names = [one.name for one in INPUTS]
    wanted = (*_OTHER, *names, *(f"{name}_unit" for name in names))
    return {name: form[name] for name in wanted if form.get(name)}


def title_of(text: str) -> str:
    """Raises InputError for no title, and for one that is too long."""
    if not text or len(text) > _LONGEST_TITLE:
        raise InputError(f"title: 1 to {_LONGEST_TITLE} characters are needed")
    return text


def as_tree(one: Analysis) -> Mapping[str, Any]:
    """As JSON, with what comes out today; ``result`` is ``null`` where a kept field can no longer be read."""
    values, wrong = read(one.form)
    return {
        "id": one.id, "title": one.title, "baseline": one.baseline or None, "after": one.after or None,
        "input": dict(one.form), "result": None if wrong else asdict(returns(plan_of(values))),
        "created_by": one.by, "created_at": one.at,
    }  # fmt: skip
