"""Two to six evaluations side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from markupsafe import Markup

from ...charts.drawing import draw
from ...charts.specs import component_bars, named_bars
from ...compare import FEWEST, MOST, Difference, Quantity, comparable_units, difference
from ...errors import NotFound
from ...model import Graded
from ...render.shorten import shortened
from ...render.text import clean
from ...store.nouns import Stored
from ...units import duration, energy, energy_unit, mass
from .desk import Desk
from .page import svg


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


def router(desk: Desk) -> APIRouter:
    """``/compare?ids=...``; an id may be given several times over or with commas."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/compare")
    def compared(request: Request, ids: Annotated[list[str] | None, Query(max_length=50)] = None) -> Response:
        asked = list(
            dict.fromkeys(one.strip() for text in ids or () for one in text.split(",") if one.strip())
        )
        wrong = ""
        runs: list[Run] = []
        for number, one in enumerate(asked[:MOST], 1):
            try:
                stored = desk.store.evaluation(one)
            except NotFound:
                wrong = f"there is no evaluation {clean(one)[:80]!r}"
                continue
            runs.append(Run(number, stored, _graded(stored, desk.main_scale)))
        if not FEWEST <= len(asked) <= MOST:
            wrong = f"tick {FEWEST} to {MOST} evaluations in the list; {len(asked)} were ticked"
        units = [run.graded.grade.unit if run.graded else "" for run in runs]
        unit = comparable_units(units)
        ready = not wrong and len(runs) >= FEWEST
        return desk.pages.render(
            "compare.html.j2",
            request,
            422 if wrong else 200,
            here="/evaluations",
            wrong=wrong,
            runs=runs if ready else [],
            rows=_rows(runs, unit) if ready else [],
            unit=unit,
            mixed=bool(ready and not unit and any(units)),
            tasks=sorted({clean(run.stored.evaluation.window.task) or "no task" for run in runs}),
            charts=_charts(runs, unit) if ready else [],
        )

    return routes


def _graded(stored: Stored, main_scale: str) -> Graded | None:
    graded = stored.grades.get(main_scale)
    if graded is not None and graded.grade.letter:
        return graded
    return next((one for one in stored.grades.values() if one.grade.letter), graded)


def _rows(runs: Sequence[Run], unit: str) -> list[tuple[str, list[Cell]]]:
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

    # The sigma is that of the energy as a whole; of its parts, and of the CO2 with the grid's figure, none is known.
    own, none, exact = [run.sigma for run in runs], [None] * len(runs), [0.0] * len(runs)
    if unit:
        row(f"Energy per {unit}", [_per(run, "energy_per_unit_joules") for run in runs], energy, own)
        row(f"CO2 per {unit}", [_per(run, "emissions_per_unit_grams") for run in runs], mass, none)
    measured = [run.stored.evaluation.measurement for run in runs]
    row("Energy", [one.energy_joules if one else None for one in measured], energy, own)
    row("CO2", [run.stored.evaluation.grams for run in runs], mass, none)
    for name in ("cpu", "gpu", "dram", "other"):
        row(
            f"of it {name.upper()}",
            [one.components.get(name) if one else None for one in measured],
            energy,
            none,
        )
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


def _per(run: Run, name: str) -> float | None:
    return getattr(run.graded.grade, name) if run.graded else None


def _watts(watts: float) -> str:
    return f"{watts:,.3g} W"


def _plain(value: float) -> str:
    return f"{value:.4g}"


def _charts(runs: Sequence[Run], unit: str) -> list[tuple[str, Markup]]:
    found = []
    if unit:
        bars = []
        for run in runs:
            value = _per(run, "energy_per_unit_joules")
            if value is not None:
                spread = None if run.sigma is None else Quantity(value, run.sigma)
                bars.append(
                    (run.short, value, spread.low if spread else None, spread.high if spread else None)
                )
        if bars:
            words = f"Energy per {unit}, with one standard deviation"
            found.append((words, svg(draw(named_bars(bars, f"J per {unit}"), words))))
    measured = [(run, one) for run in runs if (one := run.stored.evaluation.measurement) and one.components]
    unit, size = energy_unit(max((one.energy_joules for _, one in measured), default=0.0))
    split = [
        (run.short, {name: joules / size for name, joules in one.components.items()}) for run, one in measured
    ]
    if split:
        found.append(("Energy by component", svg(draw(component_bars(split, unit), "energy by component"))))
    times = [(run.short, run.stored.evaluation.window.seconds / 60, None, None) for run in runs]
    if any(time for _, time, _, _ in times):
        found.append(("Run time", svg(draw(named_bars(times, "minutes"), "run time"))))
    return found
