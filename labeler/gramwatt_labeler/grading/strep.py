"""STREP: every metric as a share of the best in its population, letters by quintiles, and a compound of all.

Reproduced: index v/max or min/v within a (task, dataset, environment) group, A at or above the 80 % quantile, compound
as weighted mean or weighted median with a missing metric counted 0, cut at the quintiles of the compounds.
Not reproduced: the modes ``min`` and ``max`` (they crash) and NaN graded A. See docs/grading.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from .exact import Number, exact, nearest, weighted_mean

LETTERS = ("A", "B", "C", "D", "E")
MINIMUM = 10
_QUINTILES = tuple(Fraction(fifths, 5) for fifths in (4, 3, 2, 1))
Mode = Literal["mean", "median"]


@dataclass(frozen=True, slots=True)
class StrepMetric:
    """A metric: its group (resources, quality, ...), direction, and its weight when not shared out evenly."""

    group: str
    higher_is_better: bool = False
    weight: float | None = None


@dataclass(frozen=True, slots=True)
class StrepGrade:
    """Index and letter per metric present, and of the compound; ``missing`` metrics counted 0."""

    indices: Mapping[str, float]
    letters: Mapping[str, str]
    compound: float
    letter: str
    missing: tuple[str, ...]
    n: int


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
    ordered = sorted(exact(value) for value in values)
    place = exact(share) * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def weighted_median(pairs: Sequence[tuple[Number, Number]]) -> Fraction:
    """The value at which half of the weight is reached; a tie goes to the lower (worse) value."""
    listed = sorted((exact(value), exact(weight)) for value, weight in pairs)
    half = sum((weight for _, weight in listed), Fraction(0)) / 2
    reached = Fraction(0)
    for value, weight in listed:
        reached += weight
        if reached >= half:
            return value
    raise ValueError("a median of nothing")


def grade_population(
    models: Mapping[str, Mapping[str, float | None]],
    metrics: Mapping[str, StrepMetric],
    mode: Mode = "mean",
) -> dict[str, StrepGrade]:
    """Grade every model of one (task, dataset, environment) population.

    Raises ValueError for fewer than ten models, no metrics, or an unknown mode.
    """
    if mode not in ("mean", "median"):
        raise ValueError(f"mode {mode!r} is not one of mean, median")
    if len(models) < MINIMUM:
        raise ValueError(f"a population of at least {MINIMUM} is needed, this one has {len(models)}")
    if not metrics:
        raise ValueError("no metrics")
    share = weights(metrics)
    indices: dict[str, dict[str, Fraction]] = {model: {} for model in models}
    letters: dict[str, dict[str, str]] = {model: {} for model in models}
    for name, metric in metrics.items():
        usable = {
            model: value
            for model, row in models.items()
            if (value := _usable(row.get(name), metric)) is not None
        }
        if not usable:
            continue
        best = exact(max(usable.values()) if metric.higher_is_better else min(usable.values()))
        found = {
            model: (exact(value) / best if metric.higher_is_better else best / exact(value))
            for model, value in usable.items()
        }
        cuts = [quantile(list(found.values()), at) for at in _QUINTILES]
        for model, ratio in found.items():
            indices[model][name] = ratio
            letters[model][name] = _letter(ratio, cuts)
    compounds = {model: _compound(found, share, mode) for model, found in indices.items()}
    cuts = [quantile(list(compounds.values()), at) for at in _QUINTILES]
    return {
        model: StrepGrade(
            {name: nearest(ratio) for name, ratio in indices[model].items()},
            letters[model],
            nearest(compounds[model]),
            _letter(compounds[model], cuts),
            tuple(name for name in metrics if name not in indices[model]),
            len(models),
        )
        for model in models
    }


def _compound(found: Mapping[str, Fraction], share: Mapping[str, Fraction], mode: Mode) -> Fraction:
    pairs = [(found.get(name, Fraction(0)), weight) for name, weight in share.items()]
    return weighted_median(pairs) if mode == "median" else weighted_mean(pairs)


def _letter(ratio: Fraction, cuts: Sequence[Fraction]) -> str:
    return next((letter for letter, cut in zip(LETTERS, cuts, strict=False) if ratio >= cut), LETTERS[-1])


def _usable(value: float | None, metric: StrepMetric) -> float | None:
    """A value an index can be made of; zero is only one where higher is better (a quality of 0)."""
    if value is None or not math.isfinite(value) or value < 0 or (value == 0 and not metric.higher_is_better):
        return None
    return value
