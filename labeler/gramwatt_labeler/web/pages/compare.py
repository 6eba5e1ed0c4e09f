"""Two to six evaluations side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from markupsafe import Markup

from ...charts.drawing import draw
from ...charts.specs import component_bars, named_bars
from ...compare import FEWEST, MOST, Quantity, comparable_units
from ...compare.table import Run, graded_alike, per_unit, rows_of
from ...errors import NotFound, TakenBack
from ...render.text import clean
from ...store.nouns import Stored
from ...units import energy_unit
from .desk import Desk
from .page import svg


def router(desk: Desk) -> APIRouter:
    """``/compare?ids=...``; an id may be given several times over or with commas."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/compare")
    def compared(request: Request, ids: Annotated[list[str] | None, Query(max_length=50)] = None) -> Response:
        asked = list(
            dict.fromkeys(one.strip() for text in ids or () for one in text.split(",") if one.strip())
        )
        wrong = ""
        found: list[Stored] = []
        for one in asked[:MOST]:
            try:
                found.append(desk.store.evaluation(one))
            except TakenBack as error:
                wrong = clean(str(error))
            except NotFound:
                wrong = f"There is no evaluation {clean(one)[:80]!r}"
        runs = graded_alike(found, desk.label_order)
        if not FEWEST <= len(asked) <= MOST:
            wrong = f"Tick {FEWEST} to {MOST} evaluations in the list; ticked: {len(asked)}"
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
            rows=rows_of(runs, unit) if ready else [],
            unit=unit,
            mixed=bool(ready and not unit and any(units)),
            tasks=sorted({clean(run.stored.evaluation.window.task) or "no task" for run in runs}),
            scales=sorted(
                {run.graded.grade.scale.name for run in runs if run.graded and run.graded.grade.letter}
            ),
            charts=_charts(runs, unit) if ready else [],
        )

    return routes


def _charts(runs: Sequence[Run], unit: str) -> list[tuple[str, Markup]]:
    found = []
    if unit:
        bars = []
        for run in runs:
            value = per_unit(run, "energy_per_unit_joules")
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
    seconds = [(run, run.stored.evaluation.window.seconds) for run in runs]
    times = [(run.short, time / 60, None, None) for run, time in seconds if time > 0]
    if len(times) > 1:
        found.append(("Run time", svg(draw(named_bars(times, "minutes"), "run time"))))
    return found
