"""One evaluation's page: its label, every metric, equivalents, a year of it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from ...charts.drawing import draw
from ...charts.specs import component_bars
from ...equivalents import equivalents, per_year
from ...errors import NotFound, TakenBack
from ...forms.mistakes import Mistake
from ...forms.quantities import COUNT, read_quantity
from ...render.label import LAYOUTS, alt_text
from ...render.text import clean
from ...render.words import LANGUAGES, words
from ...store.nouns import Origin
from ...store.returns import ReturnRows
from ...store.withdrawals import Withdrawals
from ...units import energy_unit
from .desk import Desk
from .evaluations import ORIGINS
from .page import svg
from .values import metric_views
from .withdrawing import correcting_address, gone_page, is_undated, may_change

_MOST_RUNS = 1e9


def router(desk: Desk) -> APIRouter:
    """``/evaluations/{id}``."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/evaluations/{evaluation_id}")
    def page(
        request: Request,
        evaluation_id: str,
        scale: Annotated[str, Query(max_length=64)] = "",
        runs: Annotated[str, Query(max_length=64)] = "1",
        new: Annotated[str, Query(max_length=8)] = "",
    ) -> Response:
        try:
            stored = desk.store.evaluation(evaluation_id)
        except TakenBack:
            return gone_page(desk, request, evaluation_id)
        except NotFound:
            return desk.pages.render("missing.html.j2", request, 404, here="/evaluations", id=evaluation_id)
        evaluation, shown = stored.evaluation, desk.on_label(stored.grades, scale)
        measured = evaluation.measurement
        joules = measured.energy_joules if measured else None
        wrong, daily = "", 1.0
        try:
            daily = _runs(runs)
        except Mistake as mistake:
            wrong = str(mistake)
        bars = ""
        if measured and len(measured.components) > 1:
            unit, size = energy_unit(measured.energy_joules)
            shares = {name: value / size for name, value in measured.components.items()}
            bars = draw(component_bars([("this run", shares)], unit), "energy by component")
        known = desk.definitions.metrics()
        before = Withdrawals(desk.store.database).corrected_by(evaluation.id)
        yearly = per_year(joules, daily), per_year(evaluation.grams, daily)
        return desk.pages.render(
            "evaluation.html.j2",
            request,
            here="/evaluations",
            evaluation=evaluation,
            window=evaluation.window,
            measured=measured,
            stored=stored,
            earlier=desk.store.earlier(evaluation_id),
            shown=shown,
            alt=alt_text(shown) if shown else "",
            metrics=metric_views(shown.grade, desk.scale(shown.grade.scale.name), known) if shown else [],
            equivalents=equivalents(joules, evaluation.grams),
            runs=runs,
            wrong=wrong,
            yearly=yearly,
            yearly_equivalents=equivalents(*yearly),
            bars=svg(bars),
            new=bool(new),
            known=known,
            analyses=ReturnRows(desk.store.database).some(evaluation.id),
            layouts=LAYOUTS,
            languages={one: words(one).name for one in LANGUAGES},
            origins=ORIGINS,
            is_recorded=evaluation.origin is Origin.WINDOW,
            may_change=may_change(desk.pages.visitors(request), evaluation),
            correcting=correcting_address(evaluation),
            corrects=before,
            is_undated=is_undated(evaluation, before),
            title=clean(evaluation.window.model or evaluation.window.name or evaluation.id),
        )

    return routes


def _runs(text: str) -> float:
    value = read_quantity(text or "1", COUNT)
    if not 0 < value <= _MOST_RUNS:
        raise Mistake(f"write a number of runs a day above 0 and up to {_MOST_RUNS:.0e}")
    return value
