"""The one door: a scale and facts -> a verdict. Windows, imports, forms, REST and the command line go through it.

What is missing or unusable is in the verdict; only what has no meaning (an unknown metric, a unit of another kind)
raises :class:`~gramwatt_labeler.errors.FactsError`.
"""

from __future__ import annotations

import math

from ..errors import FactsError
from ..model import MetricGrade
from ..reasons import said
from .energy import SPELLINGS, grade_absolute, grade_eei
from .energy import known_metrics as known_energy_metrics
from .gaissa import grade_rated
from .gaissa import known_metrics as known_rated_metrics
from .names import refuse_unknown
from .populations import grade_members, grade_relative, grade_strep
from .scale import AbsoluteScale, EeiScale, RatedScale, RelativeScale, Scale, StrepScale
from .verdict import Basis, Facts, Population, Quantity, Verdict

__all__ = [
    "Basis", "Facts", "MetricGrade", "Population", "Quantity", "Verdict", "grade_facts", "grade_members",
    "known_metrics",
]  # fmt: skip


def grade_facts(scale: Scale, facts: Facts, population: Population | None = None) -> Verdict:
    """Grade facts on a scale of any kind; ``population`` is for the relative and STREP kinds.

    Raises:
        FactsError: a metric, unit or weight that the scale does not know; it names the nearest that it does.
    """
    if scale.retired:
        return Verdict(None, reasons=(said("retired", scale=scale.name, version=str(scale.version)),))
    _check(scale, facts)
    match scale:
        case EeiScale():
            return grade_eei(scale, facts)
        case AbsoluteScale():
            return grade_absolute(scale, facts)
        case RatedScale():
            return grade_rated(scale, facts)
        case RelativeScale():
            return grade_relative(scale, facts, population)
        case StrepScale():
            return grade_strep(scale, facts, population)


def known_metrics(scale: Scale) -> dict[str, str]:
    """The metrics a scale knows, with their own units; empty for one whose population names them."""
    match scale:
        case EeiScale() | AbsoluteScale():
            return known_energy_metrics(scale)
        case RatedScale():
            return known_rated_metrics(scale)
        case StrepScale():
            return {name: metric.unit for name, metric in scale.metrics.items()}
        case RelativeScale():
            return {}


def _check(scale: Scale, facts: Facts) -> None:
    known = known_metrics(scale)
    if known:
        spellings = SPELLINGS if isinstance(scale, EeiScale | AbsoluteScale) else {}
        refuse_unknown(facts.metrics, [*known, *spellings], "$.metrics")
    if facts.weights is None:
        return
    if not isinstance(scale, RatedScale | StrepScale):
        raise FactsError("$.weights", f"scale {scale.name} has no weights")
    refuse_unknown(facts.weights, scale.metrics, "$.weights")
    for name, weight in facts.weights.items():
        if not math.isfinite(weight) or weight < 0:
            raise FactsError(f"$.weights.{name}", f"expected a number of at least 0, got {weight:g}")
    if not any(facts.weights.get(name, metric.weight or 1) for name, metric in scale.metrics.items()):
        raise FactsError("$.weights", "all weights are 0; give at least one above 0")
