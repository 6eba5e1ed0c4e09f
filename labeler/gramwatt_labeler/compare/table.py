"""Evaluations side by side: a row a quantity, a cell a run, and how each stands to the first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..errors import InputError
from ..evaluate.on_label import LabelOrder, is_open, on_label
from ..model import Graded
from ..render.shorten import shortened
from ..render.text import clean
from ..store import Store
from ..store.nouns import Stored
from ..units import duration, energy, energy_unit, mass, number
from . import FEWEST, MOST, Difference, Quantity, difference


@dataclass(frozen=True, slots=True)
class Cell:
    """A value as text, and how it stands to the first run's."""

    text: str
    difference: Difference | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One of the compared runs."""

    number: int
    stored: Stored
    graded: Graded | None

    @property
    def title(self) -> str:
        window = self.stored.evaluation.window
        return clean(window.model or window.name or window.id)

    @property
    def short(self) -> str:
        """Unique in a chart: two runs of one model differ by their number."""
        return f"{self.number} {shortened(self.title, 19)}"

    @property
    def sigma(self) -> float | None:
        measured = self.stored.evaluation.measurement
        return measured.uncertainty_ratio if measured else None


def runs_of(store: Store, ids: Sequence[str], order: LabelOrder) -> list[Run]:
    """The runs with these ids, in their order. Raises NotFound, and InputError for their number.

    ``order`` is that of the scales, as :func:`~gramwatt_labeler.evaluate.on_label.label_order` has it.
    """
    asked = list(dict.fromkeys(ids))
    if not FEWEST <= len(asked) <= MOST:
        raise InputError(f"expected {FEWEST} to {MOST} different evaluations, got {len(asked)}")
    return graded_alike([store.evaluation(one) for one in asked], order)


def graded_alike(found: Sequence[Stored], order: LabelOrder) -> list[Run]:
    """Runs with the grades of their labels; those of one scale where one gives each of them a letter that stands."""
    grades = [on_label(one.grades, order) for one in found]
    if len({one.grade.scale.name for one in grades if one}) > 1:
        for name in order.names:
            alike = [one.grades[name] for one in found if name in one.grades]
            if len(alike) == len(found) and all(one.grade.letter and not is_open(one.grade) for one in alike):
                return _numbered(found, alike)
    return _numbered(found, grades)


def _numbered(found: Sequence[Stored], grades: Sequence[Graded | None]) -> list[Run]:
    return [Run(number, *pair) for number, pair in enumerate(zip(found, grades, strict=True), 1)]


def rows_of(runs: Sequence[Run], unit: str) -> list[tuple[str, list[Cell]]]:
    """A row a quantity, a cell a run."""
    found: list[tuple[str, list[Cell]]] = []

    def row(
        title: str,
        values: Sequence[float | None],
        text: Callable[[float], str],
        sigmas: Sequence[float | None],
    ) -> None:
        if all(value is None for value in values):
            return
        cells = []
        for run, value, sigma in zip(runs, values, sigmas, strict=True):
            differs = None
            if run is not runs[0] and value is not None and values[0] is not None:
                differs = difference(Quantity(value, sigma), Quantity(values[0], sigmas[0]))
            cells.append(Cell("not known" if value is None else text(value), differs))
        found.append((title, cells))

    def joules(title: str, values: Sequence[float | None], sigmas: Sequence[float | None]) -> None:
        """In one unit, so that a row is compared at a look; each in its own unit where they lie far apart."""
        known = [value for value in values if value is not None]
        name, size = energy_unit(max(known, default=0.0))
        is_near = all(value >= 0.1 * size for value in known if value)
        row(title, values, (lambda value: f"{number(value / size)} {name}") if is_near else energy, sigmas)

    # The sigma is that of the energy as a whole; of its parts, and of the CO2 with the grid's figure, none is known.
    own, none, exact = [run.sigma for run in runs], [None] * len(runs), [0.0] * len(runs)
    if unit:
        joules(f"Energy per {unit}", [per_unit(run, "energy_per_unit_joules") for run in runs], own)
        row(f"CO2 per {unit}", [per_unit(run, "emissions_per_unit_grams") for run in runs], mass, none)
    measured = [run.stored.evaluation.measurement for run in runs]
    joules("Energy", [one.energy_joules if one else None for one in measured], own)
    for name in ("cpu", "gpu", "dram", "other"):
        joules(
            f"of which {name.upper()}", [one.components.get(name) if one else None for one in measured], none
        )
    row("CO2", [run.stored.evaluation.grams for run in runs], mass, none)
    seconds = [run.stored.evaluation.window.seconds or None for run in runs]
    row("Run time", seconds, duration, exact)
    row(
        "Mean power",
        [
            one.energy_joules / time if one and time else None
            for one, time in zip(measured, seconds, strict=True)
        ],
        _watts,
        own,
    )
    for name in ("accuracy", "f1", "rouge"):
        row(name.capitalize(), [run.stored.evaluation.window.values.get(name) for run in runs], number, none)
    return found


def per_unit(run: Run, name: str) -> float | None:
    """A quantity of the run's grade."""
    return getattr(run.graded.grade, name) if run.graded else None


def _watts(watts: float) -> str:
    return f"{number(watts)} W"
