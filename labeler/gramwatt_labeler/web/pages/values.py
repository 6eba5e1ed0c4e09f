"""Metrics for people: their value with a unit, and how far through its band a value is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...grading.exact import exact, nearest
from ...grading.quantities import FAMILY
from ...grading.scale import AbsoluteScale, EeiScale, RatedScale, Scale
from ...model import Grade, MetricGrade
from ...recommendations import MetricFacts, Recommendation, facts_of, recommendations
from ...render.quantity import quantity

_PER_UNIT = "energy_per_"


@dataclass(frozen=True, slots=True)
class MetricView:
    """One metric of a page: what it is, its value, its letter and where in the band it stands."""

    name: str
    title: str
    text: str
    letter: str | None
    share: float
    facts: MetricFacts | None
    advice: Sequence[Recommendation]


def metric_views(
    grade: Grade, scale: Scale | None, known: Mapping[str, MetricFacts] | None = None
) -> list[MetricView]:
    """The graded metrics of a grade, with a value."""
    found = []
    for name, one in grade.metrics.items():
        if one.value is None:
            continue
        key = "energy_per_unit" if name.startswith(_PER_UNIT) else name
        facts = facts_of(key) if known is None else known.get(key)
        title = facts.title if facts and not name.startswith(_PER_UNIT) else per_unit_title(name)
        advice = recommendations(key, one.letter, grade.letters, facts)
        text = quantity(_in_base_unit(one.value, scale, name), facts.kind if facts else "")
        found.append(MetricView(name, title, text, one.letter, band_share(scale, name, one), facts, advice))
    return found


def _in_base_unit(value: float, scale: Scale | None, name: str) -> float:
    """A scale may have a metric in a unit of its own, such as kWh; pages know joules, grams, bytes and seconds."""
    metric = scale.metrics.get(name) if isinstance(scale, RatedScale) else None
    family = FAMILY.get(metric.unit, {}) if metric else {}
    return nearest(exact(value) * family[metric.unit]) if metric and metric.unit in family else value


def per_unit_title(name: str) -> str:
    """``energy_per_token`` in words; another name as it is."""
    return f"Energy per {name.removeprefix(_PER_UNIT)}" if name.startswith(_PER_UNIT) else name


def band_share(scale: Scale | None, name: str, one: MetricGrade) -> float:
    """How far through the band of its letter a value is: 0 at its better end, 1 at its worse; 0.5 where not known."""
    limits = _limits(scale, name, one)
    if limits is None:
        return 0.5
    value, better, worse = limits
    return _between(value, better, worse)


def _limits(scale: Scale | None, name: str, one: MetricGrade) -> tuple[float, float, float] | None:
    """The value that is cut, and the better and the worse end of its band."""
    if isinstance(scale, EeiScale | AbsoluteScale):
        if one.index is None:
            return None
        cuts = [band.up_to for band in scale.bands if band.up_to is not None]
        return _rising(one.index, cuts)
    if (
        isinstance(scale, RatedScale)
        and (metric := scale.metrics.get(name)) is not None
        and one.value is not None
    ):
        if metric.cuts:
            return _rising(one.value, metric.cuts)
        value = one.index if one.index is not None else one.value
        bounds = list(metric.bounds)
        place = sum(value <= bound for bound in bounds)
        better = bounds[place - 1] if place else max(value, bounds[0]) * 1.5
        worse = bounds[place] if place < len(bounds) else min(value, bounds[-1]) / 1.5
        return value, better, worse
    return None


def _rising(value: float, cuts: Sequence[float]) -> tuple[float, float, float]:
    place = sum(value > cut for cut in cuts)
    better = cuts[place - 1] if place else min(value, cuts[0] / 2)
    worse = cuts[place] if place < len(cuts) else max(value, cuts[-1] * 2)
    return value, better, worse


def _between(value: float, better: float, worse: float) -> float:
    if min(value, better, worse) > 0:
        value, better, worse = math.log(value), math.log(better), math.log(worse)
    return 0.5 if better == worse else min(1.0, max(0.0, (value - better) / (worse - better)))
