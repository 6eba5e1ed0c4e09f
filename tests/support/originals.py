"""The published schemes once more, straight from their formulae: what the labeler's answers are compared with.

Nothing of the labeler is used here. Weights are fractions of their decimal digits, so that a tie is a tie.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

Numbers = Mapping[str, Any]
LETTERS = "ABCDE"

STUDY = {
    # name: (weight, higher is better, value of distilgpt2, falling bounds)
    "co2_eq_emissions": (
        ".35", False, 149200.0, (714.7319382763578, 287.3206928592824, 147.83558845363243, 72.891161400462),
    ),
    "size_efficency": (
        ".10", True, 2364.837238605898, (703521.395668811, 138905.45874035914, 43875.32352416312, 11653.799847234555),
    ),
    "datasets_size_efficency": (
        ".10", True, 266551.5743699732,
        (119.17585294323575, 12.95923138918398, 5.318215864878103, 0.7226821036817613),
    ),
    "downloads": (
        ".25", True, 1172830.0,
        (7.332691012337679e-05, 4.512162888057079e-05, 1.7052769796134137e-05, 5.115830938840241e-06),
    ),
    "performance_score": (
        ".20", True, 0.8235253357723011,
        (1.1743974830244868, 1.0865206250903061, 0.9094910515965511, 0.5815606170667225),
    ),
}  # fmt: skip
LABEL_TOOL = {
    "size_efficency": (".15", (621520.4974319822, 135784.50299839783, 40312.23486482583, 10344.486801846353)),
    "performance_score": (".2", (1.1745383012572745, 1.0863867368274065, 0.9087507286534131, 0.5819579813505866)),
}  # fmt: skip
COMPARIA = (("A", 100), ("B", 300), ("C", 1000), ("D", 3000), ("E", 10000))


def interval(number: float, bounds: Sequence[float]) -> int:
    """Rating of the first interval with lower < number <= upper; 4 where none is."""
    edges = (float("inf"), *bounds, 0.0)
    for place in range(len(edges) - 1):
        if edges[place + 1] < number <= edges[place]:
            return place
    return len(bounds)


def mean_letter(ratings: Mapping[str, int], weights: Mapping[str, str]) -> str | None:
    if not ratings:
        return None
    total = sum((Fraction(weights[name]) for name in ratings), Fraction(0))
    mean = sum((Fraction(weights[name]) * step for name, step in ratings.items()), Fraction(0)) / total
    return LETTERS[round(mean)]


def study_letter(model: Numbers, weights: Mapping[str, str] | None = None) -> str | None:
    """The Hugging Face study: ratings of the indices, averaged over the metrics that are there."""
    ratings = {}
    for name, value in model.items():
        _, higher, reference, bounds = STUDY[name]
        ratings[name] = interval(value / reference if higher else reference / value, bounds)
    return mean_letter(ratings, {name: row[0] for name, row in STUDY.items()} | dict(weights or {}))


def label_tool_letter(model: Numbers) -> str | None:
    """GAISSALabel: the values themselves in its intervals."""
    ratings = {name: interval(value, LABEL_TOOL[name][1]) for name, value in model.items()}
    return mean_letter(ratings, {name: row[0] for name, row in LABEL_TOOL.items()})


def comparia_class(wh_per_million_tokens: Fraction) -> str:
    return next((letter for letter, limit in COMPARIA if wh_per_million_tokens < limit), "F")


def quintile_letters(values: Mapping[str, Fraction]) -> dict[str, str]:
    """STREP: at or above the 80 % quantile is A, and so on down."""
    ordered = sorted(values.values())
    cuts = []
    for share in (Fraction(4, 5), Fraction(3, 5), Fraction(2, 5), Fraction(1, 5)):
        at = share * (len(ordered) - 1)
        below = ordered[at.numerator // at.denominator]
        above = ordered[min(at.numerator // at.denominator + 1, len(ordered) - 1)]
        cuts.append(below + (above - below) * (at - at.numerator // at.denominator))
    return {name: LETTERS[sum(value < cut for cut in cuts)] for name, value in values.items()}


def middle(pairs: Sequence[tuple[Fraction, Fraction]]) -> Fraction:
    """STREP's weighted median of (value, weight), whose weights add up to one."""
    ordered = sorted(pairs)
    reached = [sum((weight for _, weight in ordered[: n + 1]), Fraction(0)) for n in range(len(ordered))]
    half = Fraction(1, 2)
    if half in reached:
        at = reached.index(half)
        return statistics.mean((ordered[at][0], ordered[at + 1][0]))
    crossing = next(n for n, share in enumerate(reached) if share > half)
    return ordered[max(0, crossing - 1)][0]


def strep(
    population: Mapping[str, Numbers], metrics: Mapping[str, Mapping[str, Any]], mode: str = "mean"
) -> dict[str, dict[str, Any]]:
    """Per member: letters of its metrics and groups, compound and its letter."""
    index: dict[str, dict[str, Fraction]] = {name: {} for name in population}
    letters: dict[str, dict[str, str]] = {name: {} for name in population}
    for metric, about in metrics.items():
        there = {name: Fraction(str(row[metric])) for name, row in population.items() if metric in row}
        if not there:
            continue
        best = (max if about.get("higher_is_better") else min)(there.values())
        found = {
            name: value / best if about.get("higher_is_better") else best / value
            for name, value in there.items()
        }
        for name, letter in quintile_letters(found).items():
            index[name][metric], letters[name][metric] = found[name], letter
    groups = {about["group"] for about in metrics.values()}
    size = {one: sum(about["group"] == one for about in metrics.values()) for one in groups}
    weight = {
        name: Fraction(str(about["weight"]))
        if "weight" in about
        else Fraction(1, len(groups) * size[about["group"]])
        for name, about in metrics.items()
    }

    def together(names: Sequence[str]) -> dict[str, Fraction]:
        whole = sum((weight[name] for name in names), Fraction(0))
        shares = {name: weight[name] / whole for name in names}
        return {
            member: middle([(row.get(name, Fraction(0)), shares[name]) for name in names])
            if mode == "median"
            else sum((row.get(name, Fraction(0)) * shares[name] for name in names), Fraction(0))
            for member, row in index.items()
        }

    compounds = together(list(metrics))
    whole = quintile_letters(compounds)
    by_group = {
        one: quintile_letters(together([name for name, about in metrics.items() if about["group"] == one]))
        for one in groups
    }
    return {
        name: {
            "metrics": letters[name], "grade": whole[name], "compound": float(compounds[name]),
            "groups": {one: found[name] for one, found in by_group.items()},
        }
        for name in population
    }  # fmt: skip
