"""One evaluation's page: its label, every metric, the power curve, equivalents, a year of it, and the record."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, HTTPException, Query, Request, Response

from ...charts.drawing import draw
from ...charts.specs import component_bars, power_curve
from ...equivalents import equivalents, per_year
from ...errors import LabelerError, NotFound
from ...exchange.boamps import as_boamps
from ...forms.mistakes import Mistake
from ...forms.numbers import split_number
from ...json_shapes import as_json
from ...render.files import MEDIA_TYPES, convert
from ...render.label import LAYOUTS, Layout, alt_text, render_svg
from ...render.text import clean
from ...render.words import LANGUAGES, words
from ...store.nouns import Origin, Stored
from ...store.returns import ReturnRows
from ...units import energy_unit
from ..api.asking import one_of
from .desk import Desk
from .evaluations import ORIGINS
from .page import HEADERS, svg
from .power import power_points
from .values import metric_views

_MOST_RUNS = 1e9


def router(desk: Desk) -> APIRouter:
    """``/evaluations/{id}``, its label files, and its power curve."""
    routes = APIRouter(include_in_schema=False)

    def stored_of(evaluation_id: str) -> Stored:
        try:
            return desk.store.evaluation(evaluation_id)
        except NotFound:
            raise HTTPException(404, f"no evaluation {clean(evaluation_id)!r}; see /evaluations") from None

    @routes.get("/evaluations/{evaluation_id}/label.{form}")
    def label(
        evaluation_id: str,
        form: str,
        scale: Annotated[str, Query(max_length=64)] = "",
        layout: Layout = "full",
        lang: Annotated[str, Query(max_length=16)] = "en",
    ) -> Response:
        if form not in MEDIA_TYPES:
            raise HTTPException(404, f"no format {form!r}; there are {', '.join(MEDIA_TYPES)}")
        shown = desk.on_label(stored_of(evaluation_id).grades, scale)
        if shown is None:
            raise HTTPException(404, "this evaluation has no grade, so no label")
        content = convert(
            render_svg(shown, desk.page_of(evaluation_id), layout, one_of("lang", lang, LANGUAGES)), form
        )
        return Response(content, media_type=MEDIA_TYPES[form], headers=HEADERS)

    @routes.get("/evaluations/{evaluation_id}/power.svg")
    def power(evaluation_id: str) -> Response:
        stored = stored_of(evaluation_id)
        window = stored.evaluation.window
        note = ""
        points = []
        if desk.prometheus is None:
            note = "no power curve: the labeler has no Prometheus to ask"
        elif stored.evaluation.origin is not Origin.WINDOW:
            note = "no power curve: this run was not recorded by Gramwatt"
        else:
            try:
                points = power_points(desk.prometheus, window)
            except LabelerError:
                note = "Prometheus does not answer: no power curve now"
            if not points and not note:
                note = "Prometheus no longer has the samples of this window"
            elif len(points) == 1:
                points, note = [], "no power curve: the run ended before its energy was scraped a second time"
        drawing = draw(power_curve(points), f"power of {clean(window.name)}") if points else _note(note)
        return Response(drawing, media_type="image/svg+xml", headers=HEADERS)

    @routes.get("/evaluations/{evaluation_id}/boamps.json")
    def boamps(evaluation_id: str) -> Response:
        report = as_boamps(stored_of(evaluation_id).evaluation, desk.page_of(evaluation_id))
        if report is None:
            raise HTTPException(404, "this evaluation has no energy, so no BoAmps report")
        content = msgspec.json.format(msgspec.json.encode(report))
        return Response(content, media_type="application/json", headers=HEADERS)

    @routes.get("/evaluations/{evaluation_id}.json")
    def record(evaluation_id: str) -> Response:
        stored = stored_of(evaluation_id)
        body = {
            "id": stored.evaluation.id,
            "origin": stored.evaluation.origin.value,
            "measures": {name: one.value for name, one in stored.evaluation.measures.items()},
            "grades": [as_json(one, desk.page_of) for one in stored.grades.values()],
            "earlier_grades": [as_json(one, desk.page_of) for one in desk.store.earlier(evaluation_id)],
        }
        return Response(
            msgspec.json.format(msgspec.json.encode(body)), media_type="application/json", headers=HEADERS
        )

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
            title=clean(evaluation.window.model or evaluation.window.name or evaluation.id),
        )

    return routes


def _runs(text: str) -> float:
    value, behind = split_number(text or "1")
    if behind or not 0 < value <= _MOST_RUNS:
        raise Mistake(f"write a number of runs a day above 0 and up to {_MOST_RUNS:.0e}")
    return value


_NOTE = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 90" role="img"><rect x="1" y="1" width="758" height="88" '
    'rx="8" fill="none" stroke="#8a978f" stroke-dasharray="5 5"/><text x="380" y="50" font-size="15" '
    'fill="#6f7d75" font-family="Liberation Sans, Arial, sans-serif" text-anchor="middle">{words}</text></svg>'
)


def _note(words: str) -> str:
    return _NOTE.format(words=words)
