"""Several metrics, each rated by falling bounds, averaged by weight: GAISSALabel and its Hugging Face study.

Reproduced: index, bounds, ratings 0..4, Python's round() of the weighted mean over the metrics present.
Not reproduced: weights taken by position, a CO2 of zero graded A or E by the type of the number, an absent metric that
crashes, NaN graded A. See docs/grading.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from ..model import MetricGrade
from ..reasons import said
from .exact import Number, weighted_mean
from .quantities import in_own_unit
from .scale import RatedMetric, RatedScale
from .verdict import Facts, Verdict

_CO2 = "co2_eq_emissions"
_EFFICIENCIES = ("size_efficency", "datasets_size_efficency")
_SIZES = dict(zip(_EFFICIENCIES, ("size", "datasets_size"), strict=True))


@dataclass(frozen=True, slots=True)
class Rated:
    """A letter per metric and one over all, or why there is none. ``missing`` are metrics without a usable value."""

    letter: str | None
    letters: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    reason: str = ""
    span: tuple[str, str] | None = None  # the letters that missing metrics leave open


def known_metrics(scale: RatedScale) -> dict[str, str]:
    """The scale's metrics with their units, and what its efficiencies are made of: bytes, and grams of CO2."""
    parts = {_SIZES[name]: "B" for name in _EFFICIENCIES if name in scale.metrics}
    return {name: metric.unit for name, metric in scale.metrics.items()} | (
        {_CO2: "g"} | parts if parts else {}
    )


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


def rate(
    values: Mapping[str, float | None], scale: RatedScale, weights: Mapping[str, float] | None = None
) -> Rated:
    """Rate a model by the metrics it has. ``weights`` replace those of the scale, by name.

    ``None``, NaN, infinities and values at or below zero of a metric that is divided by are missing, never good.
    """
    shares = {name: (weights or {}).get(name, metric.weight) for name, metric in scale.metrics.items()}
    usable = {}
    missing = []
    for name, metric in scale.metrics.items():
        value = values.get(name)
        if not is_usable(value, metric):
            missing.append(name)
        elif value is not None:
            usable[name] = rating(value, metric)
    letters = {name: scale.letters[step] for name, step in usable.items()}
    lacking = [name for name in scale.required if name in missing]
    if lacking:
        return Rated(None, letters, tuple(missing), ", ".join(lacking))
    if not usable:
        return Rated(None, {}, tuple(missing), said("any_of", names=", ".join(scale.metrics)))
    if scale.absent == "decide":
        return _decided(usable, letters, missing, shares, scale)
    if not any(shares[name] for name in usable):
        return Rated(None, letters, tuple(missing), said("weight"))
    mean = weighted_mean((Fraction(step), shares[name]) for name, step in usable.items())
    open_to = _ends(usable, shares, scale) if missing else None
    return Rated(scale.letters[_rounded(mean, scale)], letters, tuple(missing), span=open_to)


def is_usable(value: float | None, metric: RatedMetric) -> bool:
    """Whether a value can be rated. Zero is a mistake where less is better, and nothing is below it."""
    if value is None or not math.isfinite(value) or value < 0:
        return False
    return not (metric.lower_is_better or metric.cuts) or value > 0


def _decided(
    usable: Mapping[str, int],
    letters: Mapping[str, str],
    missing: Sequence[str],
    shares: Mapping[str, Number],
    scale: RatedScale,
) -> Rated:
    """The letter that the best and the worst of what is missing agree on; so no missing metric is an advantage."""
    best, worst = _ends(usable, shares, scale)
    if best != worst:
        reason = said("open_letter", names=", ".join(missing), best=best, worst=worst)
        return Rated(None, letters, tuple(missing), reason, (best, worst))
    return Rated(best, letters, tuple(missing))


def _ends(usable: Mapping[str, int], shares: Mapping[str, Number], scale: RatedScale) -> tuple[str, str]:
    """The letters with the best and with the worst of what is missing."""
    ends = []
    for step in (0, len(scale.letters) - 1):
        steps = {name: usable.get(name, step) for name in scale.metrics}
        mean = weighted_mean((Fraction(one), shares[name]) for name, one in steps.items())
        ends.append(scale.letters[_rounded(mean, scale)])
    return ends[0], ends[1]


def _rounded(mean: Fraction, scale: RatedScale) -> int:
    """The nearest rating; one exactly in the middle goes to the worse where the scale says so, else to the even."""
    return math.floor(mean + Fraction(1, 2)) if scale.ties == "worse" else round(mean)


def grade_rated(scale: RatedScale, facts: Facts) -> Verdict:
    """Rate facts on a scale of several metrics. Raises FactsError for a unit of the wrong kind."""
    letters = tuple(scale.letters)
    if scale.phase and facts.phase and facts.phase != scale.phase:
        reason = said("other_phase", phase=scale.phase, scale=scale.name, given=facts.phase)
        return Verdict(None, letters, reasons=(reason,))
    values = _values(scale, facts)
    rated = rate(values, scale, facts.weights)
    metrics = {}
    for name, metric in scale.metrics.items():
        value = values.get(name)
        if name in facts.metrics or value is not None:
            ok = value is not None and is_usable(value, metric)
            found = index(value, metric) if ok and value is not None and not metric.cuts else None
            metrics[name] = MetricGrade(value, found, rated.letters.get(name))
    reasons = [_why(name, values.get(name)) for name in rated.missing if name in facts.metrics]
    return Verdict(
        rated.letter,
        letters,
        metrics=metrics,
        missing=rated.missing,
        span=rated.span,
        reasons=(*([rated.reason] if rated.reason else []), *reasons),
        notes=(
            *_left_open(rated),
            *own_weights(facts.weights, {name: one.weight for name, one in scale.metrics.items()}),
        ),
    )


def _left_open(rated: Rated) -> tuple[str, ...]:
    """What is said beside a letter that metrics without a value could change."""
    if rated.letter is None or rated.span is None or rated.span[0] == rated.span[1]:
        return ()
    best, worst = rated.span
    return (said("left_open", names=", ".join(rated.missing), best=best, worst=worst),)


def own_weights(given: Mapping[str, float] | None, of_scale: Mapping[str, float | None]) -> tuple[str, ...]:
    """What is said beside a letter whose weights are not the scale's."""
    changed = {name: weight for name, weight in (given or {}).items() if weight != of_scale.get(name)}
    if not changed:
        return ()
    shown = ", ".join(f"{name} {weight:g}" for name, weight in changed.items())
    return (said("own_weights", weights=shown),)


def _values(scale: RatedScale, facts: Facts) -> dict[str, float | None]:
    """Values in the metrics' own units, with the efficiencies of the study where only their parts are given."""
    own = known_metrics(scale)
    values: dict[str, float | None] = {
        name: in_own_unit(value, unit, own.get(name, ""), f"$.metrics.{name}")
        for name, (value, unit) in facts.metrics.items()
    }
    parts = derived(values.get(_CO2), values.get("size"), values.get("datasets_size"))
    for name, value in parts.items():
        if name in scale.metrics and value is not None:
            values[name] = lower(values.get(name), value)
    return values


def lower(stated: float | None, computed: float) -> float:
    """Of two figures of which more is better the lower, so that a higher one beside the other changes nothing.

    A stated figure that is none (NaN, infinite, negative) does not hide the other.
    """
    return min(stated, computed) if stated is not None and 0 <= stated < math.inf else computed


def _why(name: str, value: float | None) -> str:
    if value is None:
        return said("no_number", name=name)
    return said("no_measurement", name=name, value=f"{value:g}")


def derived(
    co2_grams: float | None, size: float | None, dataset_size: float | None
) -> dict[str, float | None]:
    """The study's two efficiencies: bytes of model, and of data set, per gram. None where a part is missing or zero."""

    def per_gram(amount: float | None) -> float | None:
        if (
            amount is None
            or co2_grams is None
            or not math.isfinite(amount)
            or not amount >= 0
            or not co2_grams > 0
        ):
            return None
        found = amount / co2_grams
        return found if math.isfinite(found) else None

    return dict(zip(_EFFICIENCIES, (per_gram(size), per_gram(dataset_size)), strict=True))
