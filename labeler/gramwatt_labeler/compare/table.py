"""Evaluations side by side: a row a quantity, a cell a run, and how each stands to the first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ..errors import InputError
from ..model import Graded
from ..render.shorten import shortened
from ..render.text import clean
from ..store import Store
from ..store.nouns import Stored
from ..units import duration, energy_unit, mass, number
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


Shown = Callable[[Mapping[str, Graded]], Graded | None]
"""Which of an evaluation's grades stands for it."""


def runs_of(store: Store, ids: Sequence[str], shown: Shown) -> list[Run]:
    """The runs with these ids, in their order. Raises NotFound, and InputError for their number."""
    asked = list(dict.fromkeys(ids))
    if not FEWEST <= len(asked) <= MOST:
        raise InputError(f"expected {FEWEST} to {MOST} different evaluations, got {len(asked)}")
    found = [store.evaluation(one) for one in asked]
    return [Run(number, stored, shown(stored.grades)) for number, stored in enumerate(found, 1)]


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
        """In one unit, so that the numbers of a row can be compared at a look."""
        largest = max((value for value in values if value is not None), default=0.0)
        name, size = energy_unit(largest)
        row(title, values, lambda value: f"{number(value / size)} {name}", sigmas)

    # The sigma is that of the energy as a whole; of its parts, and of the CO2 with the grid's figure, none is known.
    own, none, exact = [run.sigma for run in runs], [None] * len(runs), [0.0] * len(runs)
    if unit:
        joules(f"Energy per {unit}", [per_unit(run, "energy_per_unit_joules") for run in runs], own)
        row(f"CO2 per {unit}", [per_unit(run, "emissions_per_unit_grams") for run in runs], mass, none)
    measured = [run.stored.evaluation.measurement for run in runs]
    joules("Energy", [one.energy_joules if one else None for one in measured], own)
    row("CO2", [run.stored.evaluation.grams for run in runs], mass, none)
    for name in ("cpu", "gpu", "dram", "other"):
        joules(f"of it {name.upper()}", [one.components.get(name) if one else None for one in measured], none)
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
        row(name.capitalize(), [run.stored.evaluation.window.values.get(name) for run in runs], _plain, none)
    return found


def per_unit(run: Run, name: str) -> float | None:
    """A quantity of the run's grade."""
    return getattr(run.graded.grade, name) if run.graded else None


def _watts(watts: float) -> str:
    return f"{number(watts)} W"


def _plain(value: float) -> str:
    return f"{value:.4g}"
