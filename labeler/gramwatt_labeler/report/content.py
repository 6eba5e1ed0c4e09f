"""What a report says, from the rows of the store. Pure: no clock, no network."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ..store.nouns import Listed

MOST_ROWS = 20_000
MOST_GROUPS = 15


@dataclass(frozen=True, slots=True)
class Budget:
    """A budget's state: grams of its period used, and its limit."""

    name: str
    used_grams: float
    limit_grams: float

    @property
    def share(self) -> float:
        return self.used_grams / self.limit_grams if self.limit_grams > 0 else math.inf


@dataclass(frozen=True, slots=True)
class Group:
    """The runs of one model, task or user together. ``joules`` is None when no run's energy is known."""

    name: str
    runs: int
    joules: float | None
    grams: float | None
    letters: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over the runs whose number is known, and how many those are."""

    runs: int
    joules: float
    with_energy: int
    grams: float
    with_grams: int
    seconds: float
    sigma_joules: float
    with_sigma: int

    @property
    def uncertainty_ratio(self) -> float | None:
        """One sigma as a share, when it is known for every energy."""
        if not self.joules or self.with_sigma < self.with_energy:
            return None
        return self.sigma_joules / self.joules


@dataclass(frozen=True, slots=True)
class Report:
    """Everything a report shows. ``components`` are joules; ``days`` are joules by ``2026-11-28``.

    ``scales`` are those that gave the letters: name, SHA-256 and how many.
    """

    title: str
    subtitle: str
    made_at: float
    rows: Sequence[Listed]
    totals: Totals
    models: Sequence[Group]
    tasks: Sequence[Group]
    users: Sequence[Group]
    letters: Sequence[tuple[str, int]]
    not_graded: int
    components: Mapping[str, float]
    days: Sequence[tuple[str, float]]
    sources: Sequence[tuple[str, int]]
    scales: Sequence[tuple[str, str, int]]
    budgets: Sequence[Budget] | None
    cut: bool = False
    is_of_one: bool = False  # about a single run: no groups, no budgets

    @property
    def uncertainty(self) -> str:
        """The uncertainty of the total in one sentence."""
        totals = self.totals
        if not totals.with_energy:
            return "No run of this report has an energy."
        ratio = totals.uncertainty_ratio
        if ratio is None:
            without = totals.with_energy - totals.with_sigma
            return f"The uncertainty of {without} of {totals.with_energy} energies is not known, nor is their sum's."
        return (
            f"One standard deviation of the total energy is at most {100 * ratio:.2g} %. The errors of the runs "
            "are added as they are, because runs on one machine share its sensors."
        )


def build(
    title: str,
    subtitle: str,
    rows: Sequence[Listed],
    letters: Sequence[str],
    made_at: float,
    budgets: Sequence[Budget] | None,
    cut: bool = False,
    is_of_one: bool = False,
) -> Report:
    """Count and add up. No run of ``rows`` is inside another one of them, so nothing counts twice."""
    found = Counter(_letter(row) for row in rows)
    components: defaultdict[str, list[float]] = defaultdict(list)
    days: defaultdict[str, list[float]] = defaultdict(list)
    sources: Counter[str] = Counter()
    for row in rows:
        measured = row.evaluation.measurement
        if measured is None:
            continue
        for name, joules in measured.components.items():
            components[name].append(joules)
        sources.update(measured.sources or ["not stated"])
        days[_day(row.evaluation.window.end)].append(measured.energy_joules)
    return Report(
        title=title,
        subtitle=subtitle,
        made_at=made_at,
        rows=rows,
        totals=_totals(rows),
        models=_groups(rows, _model),
        tasks=_groups(rows, lambda row: row.evaluation.window.task or "no task"),
        users=_groups(rows, lambda row: row.evaluation.window.user or "not stated"),
        letters=[(letter, found[letter]) for letter in letters],
        not_graded=sum(count for letter, count in found.items() if letter not in list(letters)),
        components={name: math.fsum(joules) for name, joules in components.items()},
        days=[(day, math.fsum(joules)) for day, joules in sorted(days.items())],
        sources=sources.most_common(),
        scales=[(name, sha256, count) for (name, sha256), count in _scales(rows).most_common()],
        budgets=budgets,
        cut=cut,
        is_of_one=is_of_one,
    )


def _model(row: Listed) -> str:
    """What a report of this model has as well; a run's own name is no model's."""
    window = row.evaluation.window
    return window.model or f"no model, named {window.name or 'nothing'}"


def _letter(row: Listed) -> str:
    return (row.graded.grade.letter if row.graded else None) or ""


def _scales(rows: Iterable[Listed]) -> Counter[tuple[str, str]]:
    given = (row.graded.grade.scale for row in rows if row.graded and row.graded.grade.letter)
    return Counter((scale.name, scale.sha256) for scale in given)


def _day(at: float) -> str:
    try:
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")
    except (ValueError, OverflowError, OSError):
        return "?"


def _totals(rows: Sequence[Listed]) -> Totals:
    measured = [row.evaluation.measurement for row in rows if row.evaluation.measurement]
    grams = [row.evaluation.grams for row in rows if row.evaluation.grams is not None]
    sigmas = [
        one.energy_joules * one.uncertainty_ratio for one in measured if one.uncertainty_ratio is not None
    ]
    return Totals(
        runs=len(rows),
        joules=math.fsum(one.energy_joules for one in measured),
        with_energy=len(measured),
        grams=math.fsum(grams),
        with_grams=len(grams),
        seconds=math.fsum(max(0.0, row.evaluation.window.seconds) for row in rows),
        sigma_joules=math.fsum(sigmas),
        with_sigma=len(sigmas),
    )


def _groups(rows: Iterable[Listed], name_of: Callable[[Listed], str]) -> list[Group]:
    """The groups with the most energy; the others together as one."""
    by_name: defaultdict[str, list[Listed]] = defaultdict(list)
    for row in rows:
        by_name[name_of(row)].append(row)
    found = sorted(
        (_group(name, some) for name, some in by_name.items()), key=lambda one: -(one.joules or 0.0)
    )
    if len(found) <= MOST_GROUPS:
        return found
    rest = [row for one in found[MOST_GROUPS - 1 :] for row in by_name[one.name]]
    return [*found[: MOST_GROUPS - 1], _group(f"{len(found) - MOST_GROUPS + 1:,} others", rest)]


def _group(name: str, rows: Sequence[Listed]) -> Group:
    joules = [row.evaluation.measurement.energy_joules for row in rows if row.evaluation.measurement]
    grams = [row.evaluation.grams for row in rows if row.evaluation.grams is not None]
    letters = Counter(letter for row in rows if (letter := _letter(row)))
    return Group(
        name,
        len(rows),
        math.fsum(joules) if joules else None,
        math.fsum(grams) if grams else None,
        dict(sorted(letters.items())),
    )
