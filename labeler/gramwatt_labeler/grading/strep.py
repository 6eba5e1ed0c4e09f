"""STREP: every metric as a share of the best in its population, letters by fifths, and a compound of all.

Reproduced: index v/max or min/v within one population, A at or above the 80 % quantile, compound as weighted mean or
weighted median with a missing metric counted 0, cut at the quintiles of the compounds; groups likewise. Not reproduced:
the modes ``min`` and ``max`` (they crash), NaN graded A, infinity taken for the best. See docs/grading.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from ..reasons import said
from .exact import Number, exact, nearest, weighted_mean

LETTERS = ("A", "B", "C", "D", "E")
FEW = 10
"""Below this many members a fifth of a population is a coin toss, and said to be."""
MODES = ("mean", "median")
_QUINTILES = tuple(Fraction(fifths, 5) for fifths in (4, 3, 2, 1))
Mode = Literal["mean", "median"]
Rows = Mapping[str, Mapping[str, float | None]]


@dataclass(frozen=True, slots=True)
class StrepMetric:
    """A metric: its group (Resources, Quality, ...), direction, and its weight when not shared out evenly."""

    group: str
    higher_is_better: bool = False
    weight: float | None = None


@dataclass(frozen=True, slots=True)
class StrepGrade:
    """Index and letter per metric present, per group and of the compound; ``missing`` metrics counted 0."""

    indices: Mapping[str, float]
    letters: Mapping[str, str]
    compound: float
    letter: str
    missing: tuple[str, ...]
    n: int
    groups: Mapping[str, str] = field(default_factory=dict)


def weights(metrics: Mapping[str, StrepMetric]) -> dict[str, Fraction]:
    """Weight per metric, by name: 1 / (groups x metrics in the group), unless given."""
    groups = {metric.group for metric in metrics.values()}
    size = {group: sum(metric.group == group for metric in metrics.values()) for group in groups}
    return {
        name: Fraction(1, len(groups) * size[metric.group]) if metric.weight is None else exact(metric.weight)
        for name, metric in metrics.items()
    }


def quantile(values: Sequence[Number], share: Number) -> Fraction:
    """Linear interpolation between the two nearest of the sorted values (numpy's default). Raises on none."""
    return _quantiles([exact(value) for value in values], [exact(share)])[0]


def _quantiles(values: Sequence[Fraction], shares: Sequence[Fraction]) -> list[Fraction]:
    ordered = sorted(values)
    found = []
    for share in shares:
        place = share * (len(ordered) - 1)
        low = math.floor(place)
        high = min(low + 1, len(ordered) - 1)
        found.append(ordered[low] + (ordered[high] - ordered[low]) * (place - low))
    return found


def weighted_median(pairs: Sequence[tuple[Number, Number]]) -> Fraction:
    """The value at half of the weight, from the lowest up, as STREP takes it.

    Where exactly half is reached, the mean of this and the next value; where half is crossed, the value before the
    crossing, but the first value if that one crosses. Raises ValueError when there is no weight.
    """
    listed = sorted((exact(value), exact(weight)) for value, weight in pairs)
    half = sum((weight for _, weight in listed), Fraction(0)) / 2
    if not half:
        raise ValueError("no weight")
    reached = Fraction(0)
    for place, (value, weight) in enumerate(listed):
        reached += weight
        if reached == half:
            return (value + listed[place + 1][0]) / 2
        if reached > half or reached + listed[place + 1][1] > half:
            return value
    raise ValueError("a median of nothing")


def grade_population(
    models: Rows, metrics: Mapping[str, StrepMetric], mode: Mode = "mean"
) -> dict[str, StrepGrade]:
    """Grade every model of one (task, dataset, environment) population.

    A metric that no model has is left out. Raises ValueError for no models, no metrics, or an unknown mode.
    """
    if mode not in MODES:
        raise ValueError(f"mode {mode!r} is not one of {', '.join(MODES)}")
    if not metrics or not models:
        raise ValueError(said("no_metrics") if not metrics else said("no_models"))
    indices, letters = _indices(models, metrics)
    seen = {name for found in indices.values() for name in found}
    share = {name: weight for name, weight in weights(metrics).items() if name in seen}
    if not any(share.values()):
        raise ValueError(said("no_value"))
    compounds = {model: _compound(found, share, mode) for model, found in indices.items()}
    letter = _lettered(compounds)
    groups: dict[str, dict[str, str]] = {}
    for group in dict.fromkeys(metric.group for name, metric in metrics.items() if name in seen):
        part = {name: weight for name, weight in share.items() if metrics[name].group == group}
        if any(part.values()):
            groups[group] = _lettered({model: _compound(one, part, mode) for model, one in indices.items()})
    return {
        model: StrepGrade(
            {name: nearest(ratio) for name, ratio in indices[model].items()},
            letters[model],
            nearest(compounds[model]),
            letter[model],
            tuple(name for name in metrics if name not in indices[model]),
            len(models),
            {group: found[model] for group, found in groups.items()},
        )
        for model in models
    }


def _indices(
    models: Rows, metrics: Mapping[str, StrepMetric]
) -> tuple[dict[str, dict[str, Fraction]], dict[str, dict[str, str]]]:
    """Index and letter of every model and metric that has a usable value."""
    indices: dict[str, dict[str, Fraction]] = {model: {} for model in models}
    letters: dict[str, dict[str, str]] = {model: {} for model in models}
    for name, metric in metrics.items():
        usable = {
            model: exact(value)
            for model, row in models.items()
            if (value := usable_value(row.get(name), metric)) is not None
        }
        best = (max if metric.higher_is_better else min)(usable.values(), default=Fraction(0))
        if not best:
            continue
        found = {
            model: (value / best if metric.higher_is_better else best / value)
            for model, value in usable.items()
        }
        for model, letter in _lettered(found).items():
            indices[model][name] = found[model]
            letters[model][name] = letter
    return indices, letters


def _compound(found: Mapping[str, Fraction], share: Mapping[str, Fraction], mode: Mode) -> Fraction:
    pairs = [(found.get(name, Fraction(0)), weight) for name, weight in share.items()]
    return weighted_median(pairs) if mode == "median" else weighted_mean(pairs)


def _lettered(values: Mapping[str, Fraction]) -> dict[str, str]:
    cuts = _quantiles(list(values.values()), _QUINTILES)
    return {
        model: next((letter for letter, cut in zip(LETTERS, cuts, strict=False) if value >= cut), LETTERS[-1])
        for model, value in values.items()
    }


def usable_value(value: float | None, metric: StrepMetric) -> float | None:
    """A value an index can be made of; zero is only one where higher is better (a quality of 0)."""
    if value is None or not math.isfinite(value) or value < 0 or (value == 0 and not metric.higher_is_better):
        return None
    return value
