"""Which reference a piece of work is compared with: like with like, chosen by the scale and never by the numbers.

The task, phase, data set, boundary and hardware decide, so that recording one count more or less changes nothing but
whether there is a grade.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..reasons import said
from .exact import exact
from .hardware import chain
from .scale import Boundary, EeiReference, EeiScale, Unit
from .units import Counts, tokens_per_request
from .verdict import Facts

ALLOWED: dict[str, tuple[Boundary, ...]] = {
    "machine": ("machine", "gpu"),
    "process": ("process", "gpu"),
    "gpu": ("gpu",),
}
"""The boundaries of references that energy of a boundary can be compared with. A GPU's part is known of each."""
_FINEST: tuple[Unit, ...] = ("token", "sample", "request", "run")
_ALIKE = 2  # output tokens per request may differ from the reference's by this factor


@dataclass(frozen=True, slots=True)
class Chosen:
    """A reference; ``is_other`` when it is the strictest of those for other hardware."""

    reference: EeiReference
    is_other: bool = False
    is_unnamed: bool = False  # the data set is not named: the most lenient of those for this work
    least: float | None = (
        None  # J per unit, of all that is published of this work: on any hardware, in any boundary
    )


def slug(task: str) -> str:
    """A task as scales write it: lower case, words joined by hyphens."""
    return "-".join(task.lower().replace("_", " ").replace("-", " ").split())


def choose(facts: Facts, counts: Counts, scale: EeiScale) -> tuple[Chosen | None, str]:
    """The reference that fits, or None and what is missing."""
    families, reason = _of_the_work(facts, scale)
    if reason:
        return None, reason
    if facts.boundary not in ALLOWED:
        return None, said("boundary")
    answers = [_of_one_family(family, facts, counts) for family in families]
    if len(answers) == 1:
        return answers[0]
    found = [chosen for chosen, _ in answers if chosen is not None]
    if not found or len({_counted(one.reference.unit) for one in found}) > 1:
        return None, _ask_for_the_data(families)
    return replace(max(found, key=lambda one: one.reference.joules), is_unnamed=True), ""


def _of_one_family(
    fitting: Sequence[EeiReference], facts: Facts, counts: Counts
) -> tuple[Chosen | None, str]:
    """Of references for one kind of data, the one that fits the boundary and the hardware, or what is missing."""
    inside = [one for one in fitting if one.boundary in ALLOWED[facts.boundary]]
    if not inside:
        counted = ", ".join(sorted({one.boundary for one in fitting}))
        task = fitting[0].task
        return None, said("other_boundary", task=task, counted=counted, given=facts.boundary)
    lacks = []
    for boundary, is_derived in _order(ALLOWED[facts.boundary]):
        same = [one for one in inside if one.boundary == boundary and one.derived == is_derived]
        chosen = _of_the_hardware(same, facts.hardware)
        if chosen is None:
            continue
        unlike, lack = _conditions(chosen.reference, counts)
        if lack and not unlike:
            return None, lack
        if not unlike:
            return replace(chosen, least=_least(fitting, chosen.reference)), ""
        lacks.append(lack)
    return None, " or ".join(dict.fromkeys(lacks))


def _least(fitting: Sequence[EeiReference], reference: EeiReference) -> float | None:
    """The smallest published figure per this unit; a sample is a request."""
    alike = [one for one in fitting if _counted(one.unit) == _counted(reference.unit)]
    return min((one.least for one in alike if one.least is not None), default=None)


def _counted(unit: Unit) -> Unit:
    return "sample" if unit == "request" else unit


def _order(boundaries: Sequence[Boundary]) -> list[tuple[Boundary, bool]]:
    """What was measured comes before what was derived."""
    return [(boundary, is_derived) for is_derived in (False, True) for boundary in boundaries]


def _of_the_work(facts: Facts, scale: EeiScale) -> tuple[list[list[EeiReference]], str]:
    """References for this task, phase and data set; a list for each kind of data where the data set is not named."""
    if not facts.task.strip():
        return [], said("task", known=_tasks(scale))
    task = slug(facts.task)
    task = {slug(alias): target for alias, target in scale.aliases.items()}.get(task, task)
    fitting = [reference for reference in scale.references if reference.task == task]
    if not fitting:
        return [], said("no_task", task=facts.task, known=_tasks(scale))
    if not facts.phase:
        return [], said("phase")
    kept = [one for one in fitting if one.phase == facts.phase]
    if not kept:
        others = ", ".join(sorted({one.phase for one in fitting}))
        return [], said("no_phase", task=task, given=facts.phase, known=others)
    return _of_the_data(kept, task, facts.dataset)


def _tasks(scale: EeiScale) -> str:
    return ", ".join(sorted({reference.task for reference in scale.references}))


def _of_the_data(
    fitting: list[EeiReference], task: str, dataset: str
) -> tuple[list[list[EeiReference]], str]:
    """Those for the very data set, else those for any. Without a name those of each kind of data."""
    special = [one for one in fitting if one.datasets]
    own = [one for one in special if slug(dataset) in map(slug, one.datasets)]
    if own:
        return [own], ""
    general = [one for one in fitting if not one.datasets]
    if special and not dataset.strip():
        kinds = dict.fromkeys(tuple(one.datasets) for one in special)
        families = [[one for one in special if tuple(one.datasets) == kind] for kind in kinds]
        return families + ([general] if general else []), ""
    if not general:
        others = ", ".join(sorted({_data(one) for one in fitting}))
        return [], said("no_data", task=task, given=dataset, names=others)
    return [general], ""


def lack_of_data(facts: Facts, scale: EeiScale) -> str:
    """What is missing where the data set decides and is not named."""
    families, reason = _of_the_work(facts, scale)
    return reason or _ask_for_the_data(families)


def _ask_for_the_data(families: Sequence[Sequence[EeiReference]]) -> str:
    special = [one for family in families for one in family if one.datasets]
    names = ", ".join(sorted({_data(one) for one in special}))
    return said("data", task=special[0].task, names=names)


def _data(reference: EeiReference) -> str:
    """The first spelling of its data sets' names, and whether there are more."""
    first = reference.datasets[0]
    return said("and_others", name=first) if len(reference.datasets) > 1 else first


def _of_the_hardware(references: Sequence[EeiReference], hardware: str) -> Chosen | None:
    """The reference of the narrowest group; else that for any hardware, or the strictest of all."""
    if not references:
        return None
    for group in (*chain(hardware), "any"):
        found = [one for one in references if one.hardware == group]
        if found:
            return Chosen(_strictest(found))
    return Chosen(_strictest(references), is_other=True)


def _strictest(references: Sequence[EeiReference]) -> EeiReference:
    """Of several units the finest, of those the least energy: nothing that a user orders."""
    unit = min((one.unit for one in references), key=_FINEST.index)
    return min((one for one in references if one.unit == unit), key=lambda one: one.joules)


def _conditions(reference: EeiReference, counts: Counts) -> tuple[bool, str]:
    """Whether the work is unlike the reference's, and what is missing or differs."""
    expected = reference.conditions.tokens_out
    if expected is None or reference.unit != "request":
        return False, ""
    found, lack = tokens_per_request(counts)
    if found is None:
        return False, said("tokens_of_request", lack=lack, expected=f"{expected:g}")
    if not exact(expected) / _ALIKE <= found <= exact(expected) * _ALIKE:
        return True, said("other_tokens", found=f"{float(found):.3g}", expected=f"{expected:g}")
    return False, ""
