"""What belongs to one evaluation beside its page: its label, its power curve, its record and its report."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, HTTPException, Query, Response

from ...charts.drawing import alone, draw
from ...charts.specs import power_curve
from ...errors import LabelerError, NotFound, TakenBack
from ...exchange.boamps import as_boamps
from ...json_shapes import as_json
from ...render.files import MEDIA_TYPES, convert
from ...render.label import Layout, render_svg
from ...render.text import clean
from ...render.words import LANGUAGES
from ...store.nouns import Origin, Stored
from ..api.asking import one_of
from .desk import Desk
from .page import HEADERS
from .power import power_points


def router(desk: Desk) -> APIRouter:
    """Files below ``/evaluations/{id}``."""
    routes = APIRouter(include_in_schema=False)

    def stored_of(evaluation_id: str) -> Stored:
        try:
            return desk.store.evaluation(evaluation_id)
        except TakenBack as error:
            raise HTTPException(410, clean(str(error))) from None
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
        return Response(alone(drawing), media_type="image/svg+xml", headers=HEADERS)

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

    return routes


_NOTE = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 570 70" role="img"><rect x="1" y="1" width="568" height="68" '
    'rx="8" fill="none" stroke="#8a978f" stroke-dasharray="5 5"/><text x="285" y="40" font-size="15" '
    'fill="#66736b" font-family="Liberation Sans, Arial, sans-serif" text-anchor="middle">{words}</text></svg>'
)


def _note(words: str) -> str:
    return _NOTE.format(words=words)
