"""Facts among others: the relative and the STREP scales, whose letters depend on the whole population."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from ..errors import FactsError
from ..model import MetricGrade
from ..reasons import said
from .gaissa import own_weights
from .names import refuse_unknown
from .quantities import in_own_unit
from .relative import Population as Ranked
from .relative import place
from .scale import RelativeScale, StrepScale
from .strep import FEW, MODES, Mode, StrepMetric, grade_population
from .verdict import Facts, Population, Verdict


class Members(Mapping[str, Mapping[str, float | None]]):
    """A population that sorts each of its metrics once, however many are compared with it."""

    def __init__(self, rows: Population) -> None:
        self._rows = dict(rows)
        self._ranked: dict[str, Ranked] = {}

    def __getitem__(self, name: str) -> Mapping[str, float | None]:
        return self._rows[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def ranked(self, metric: str) -> Ranked:
        """The members that have a usable value of a metric, by that value."""
        if metric not in self._ranked:
            rows = ((member, row.get(metric)) for member, row in self._rows.items())
            values = [(member, value) for member, value in rows if value is not None and value > 0]
            self._ranked[metric] = Ranked.of("the population", values)
        return self._ranked[metric]


def with_columns(population: Population) -> Members:
    """The population as one that can be asked many times."""
    return population if isinstance(population, Members) else Members(population)


_SELF = "\x00these facts"  # no name of a member can be this


def grade_relative(scale: RelativeScale, facts: Facts, population: Population | None) -> Verdict:
    """The letter of one metric by its place in a population. Raises FactsError where it is not one metric."""
    letters = tuple(scale.letters)
    if not population:
        return Verdict(None, letters, reasons=(said("population"),))
    known = {name for row in population.values() for name in row}
    refuse_unknown(facts.metrics, known, "$.metrics")
    if scale.metric:
        name = scale.metric
    elif len(facts.metrics) == 1:
        name = next(iter(facts.metrics))
    else:
        shown = ", ".join(sorted(known))
        raise FactsError(
            "$.metrics", f"{scale.name} grades exactly one metric, got {len(facts.metrics)} ({shown})"
        )
    value = own(facts, name, "")
    if value is None or not math.isfinite(value) or value <= 0:
        shown = "not a number" if value is None else f"{value:g}"
        return Verdict(
            None,
            letters,
            {name: MetricGrade(value)},
            missing=(name,),
            reasons=(said("unusable", name=name, value=shown),),
        )
    placed = place(value, with_columns(population).ranked(name), scale)
    return Verdict(
        placed.letter,
        letters,
        {name: MetricGrade(value, None, placed.letter)},
        reasons=(placed.reason,) if placed.reason else (),
        notes=(said("place", n=str(placed.n)),),
    )


def grade_strep(scale: StrepScale, facts: Facts, population: Population | None) -> Verdict:
    """Facts as a member of a population; a member with the same numbers counts once."""
    row = {
        name: own(facts, name, scale.metrics[name].unit if name in scale.metrics else "")
        for name in facts.metrics
    }
    refuse_unknown(row, scale.metrics, "$.metrics")
    members = dict(population or {})
    twin = next((name for name, other in members.items() if _same(other, row, scale)), None)
    if twin is None:
        members[_SELF] = row
    return grade_members(scale, members, facts.weights)[twin or _SELF]


def grade_members(
    scale: StrepScale, population: Population, weights: Mapping[str, float] | None = None, mode: str = ""
) -> dict[str, Verdict]:
    """Every member of a population. Raises FactsError for an unknown metric or mode."""
    letters = tuple(scale.letters)
    chosen = mode or scale.mode
    if chosen not in MODES:
        raise FactsError("$.mode", f"mode {chosen!r} is not one of {', '.join(MODES)}", MODES)
    for member, row in population.items():
        refuse_unknown(row, scale.metrics, f"$.population[{member[:40]!r}].metrics")
    metrics = {
        name: StrepMetric(one.group, one.higher_is_better, (weights or {}).get(name, one.weight))
        for name, one in scale.metrics.items()
    }
    as_mode: Mode = "median" if chosen == "median" else "mean"
    try:
        grades = grade_population(population, metrics, as_mode)
    except ValueError as error:
        return {
            name: Verdict(None, letters, reasons=(str(error),), missing=tuple(metrics)) for name in population
        }
    found = {}
    of_weights = own_weights(weights, {name: one.weight for name, one in scale.metrics.items()})
    for member, one in grades.items():
        of_few = said("few", n=str(one.n), least=str(FEW))
        row = population[member]
        known = [name for name in metrics if name in row or name in one.indices]
        found[member] = Verdict(
            letters["ABCDE".index(one.letter)],
            letters,
            {
                name: MetricGrade(row.get(name), one.indices.get(name), one.letters.get(name))
                for name in known
            },
            missing=one.missing,
            notes=(of_few if one.n < FEW else said("population_of", n=str(one.n)), *of_weights),
            reasons=tuple(said("counts_zero", name=name) for name in one.missing),
            groups=one.groups,
            compound=one.compound,
        )
    return found


def own(facts: Facts, name: str, unit: str) -> float | None:
    """The value of a metric in its own unit; None where it is not there."""
    if name not in facts.metrics:
        return None
    value, given = facts.metrics[name]
    return in_own_unit(value, given, unit, f"$.metrics.{name}") if unit else value


def _same(one: Mapping[str, float | None], other: Mapping[str, float | None], scale: StrepScale) -> bool:
    return all(one.get(name) == other.get(name) for name in scale.metrics)
