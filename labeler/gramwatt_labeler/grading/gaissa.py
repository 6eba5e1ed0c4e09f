"""Several metrics, each rated by falling bounds, averaged by weight: GAISSALabel and its Hugging Face study.

Reproduced: index, bounds, ratings 0..4, Python's round() of the weighted mean over the metrics present.
Not reproduced: weights taken by position, a CO2 of zero graded A or E by the type of the number, an absent metric that
crashes, NaN graded A. See docs/grading.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from .exact import weighted_mean
from .scale import RatedMetric, RatedScale


@dataclass(frozen=True, slots=True)
class Rated:
    """A letter per metric and one over all, or why there is none. ``missing`` are metrics without a usable value."""

    letter: str | None
    letters: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    reason: str = ""


def index(value: float, metric: RatedMetric) -> float:
    """value/reference, or reference/value where lower is better; the value itself without a reference.

    One division of floats, which IEEE 754 rounds correctly. The bounds are results of the same division (quantiles of
    the study's own models), so a model on a bound is found there; as fractions the two would differ in the 17th digit.
    """
    if metric.reference is None:
        return value
    return metric.reference / value if metric.lower_is_better else value / metric.reference


def rating(value: float, metric: RatedMetric) -> int:
    """0 is best. The first interval with lower < index <= upper; what no interval holds is the worst.

    With ``cuts`` a value on a limit belongs to the better side.
    """
    if metric.cuts:
        return sum(value > cut for cut in metric.cuts)
    ratio = index(value, metric)
    worst = len(metric.bounds)
    if metric.ceiling is not None and ratio > metric.ceiling:
        return worst
    return next((step for step, bound in enumerate(metric.bounds) if ratio > bound), worst)


def rate(values: Mapping[str, float | None], scale: RatedScale) -> Rated:
    """Rate a model by the metrics it has.

    ``None``, NaN, infinities and values at or below zero of a metric that is divided by are missing, never good.
    """
    usable = {}
    missing = []
    for name, metric in scale.metrics.items():
        value = values.get(name)
        if value is None or not math.isfinite(value) or (metric.lower_is_better and value <= 0):
            missing.append(name)
        else:
            usable[name] = rating(value, metric)
    letters = {name: scale.letters[step] for name, step in usable.items()}
    lacking = [name for name in scale.required if name in missing]
    if lacking:
        return Rated(None, letters, tuple(missing), ", ".join(lacking))
    if not usable:
        return Rated(None, {}, tuple(missing), "any of " + ", ".join(scale.metrics))
    mean = weighted_mean((Fraction(step), scale.metrics[name].weight) for name, step in usable.items())
    return Rated(scale.letters[_rounded(mean, scale)], letters, tuple(missing))


def _rounded(mean: Fraction, scale: RatedScale) -> int:
    """The nearest rating; one exactly in the middle goes to the worse where the scale says so, else to the even."""
    return math.floor(mean + Fraction(1, 2)) if scale.ties == "worse" else round(mean)


def derived(
    co2_grams: float | None, size: float | None, dataset_size: float | None
) -> dict[str, float | None]:
    """The study's two efficiencies: bytes of model, and of data set, per gram. None where a part is missing or zero."""

    def per_gram(amount: float | None) -> float | None:
        if amount is None or co2_grams is None or not math.isfinite(amount) or not co2_grams > 0:
            return None
        return amount / co2_grams

    return {"size_efficency": per_gram(size), "datasets_size_efficency": per_gram(dataset_size)}
