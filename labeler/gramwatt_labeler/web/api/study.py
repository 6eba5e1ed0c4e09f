"""``/api/v1/study``: totals, letters and charts of the hub's models that pass the filters."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request, Response

from ...charts.drawing import draw
from ...hub.evaluating import evaluation_id
from ...store.hub import HubRows
from ...study.analysis import analyse
from ...study.charts import CHARTS
from ...study.filters import MEANINGS, NAMES, narrowed
from ...study.frame import Row
from ...study.reading import STUDY_SCALE, Reading, letters_of
from ..pages.desk import Desk
from . import shapes
from .answers import answer, kept
from .asking import one_of, only
from .errors import ApiError

_FILTERS = {
    "parameters": [
        {
            "name": name,
            "in": "query",
            "description": MEANINGS[name],
            "schema": {"type": "string", "maxLength": 256},
        }
        for name in NAMES
    ]
}


def router(desk: Desk) -> APIRouter:
    """For everybody."""
    routes = APIRouter(prefix="/api/v1", tags=["hub"])
    hub = HubRows(desk.store.database)
    reading = Reading(hub)

    def narrowed_rows(request: Request) -> list[Row]:
        return narrowed(reading.rows(), request.query_params)

    @routes.get("/study/summary", dependencies=[Depends(only(*NAMES))], openapi_extra=_FILTERS,
                responses=shapes.ok(dict, 422, 503))  # fmt: skip
    def summary(request: Request) -> Response:
        """Totals, how CO2 is reported, and what it goes along with, of the hub's models that pass the filters."""
        return answer(msgspec.to_builtins(asdict(analyse(narrowed_rows(request)))))

    @routes.get("/study/letters", dependencies=[Depends(only(*NAMES, "scale"))], openapi_extra=_FILTERS,
                responses=shapes.ok(dict, 422, 503))  # fmt: skip
    def letters(request: Request, scale: Annotated[str, Query(max_length=64)] = STUDY_SCALE) -> Response:
        """How many models have each letter on a scale, and of each letter the model with the least CO2."""
        one_of("scale", scale, desk.scales)
        rows = narrowed_rows(request)
        found = letters_of(hub, rows, scale)
        counts = Counter(found.values())
        best: dict[str, dict[str, Any]] = {}
        for row in sorted((row for row in rows if row.hub_id in found), key=lambda row: row.grams or 0.0):
            of = {"hub_id": row.hub_id, "grams": row.grams, "evaluation": evaluation_id(row.hub_id)}
            best.setdefault(found[row.hub_id], of)
        return answer(
            {"scale": scale, "models": len(rows), "letters": dict(sorted(counts.items())), "best": best}
        )

    @routes.get("/study/charts", dependencies=[Depends(only())], responses=shapes.ok(dict, 422))
    def charts() -> Response:
        """The charts that there are."""
        return answer({"charts": [{"name": name, "title": title} for name, (title, _) in CHARTS.items()]})

    @routes.get(
        "/study/charts/{name}.{form}", dependencies=[Depends(only(*NAMES, "scale"))], openapi_extra=_FILTERS,
        response_class=Response,
        responses=shapes.problems(404, 422, 503) | {200: {"content": {"image/svg+xml": {}, "application/json": {}}}},
    )  # fmt: skip
    def chart(
        request: Request,
        name: Annotated[str, Path(max_length=64)],
        form: Annotated[str, Path(max_length=8)],
        scale: Annotated[str, Query(max_length=64)] = STUDY_SCALE,
    ) -> Response:
        """A chart as SVG, or as JSON: its Vega-Lite specification with the numbers in ``data.values``."""
        one_of("scale", scale, desk.scales)
        if name not in CHARTS or form not in ("svg", "json"):
            names = [f"{one}.{kind}" for one in CHARTS for kind in ("svg", "json")]
            raise ApiError(404, "not_found", f"there is no chart {name[:64]}.{form}", "name", names)
        rows = narrowed_rows(request)
        title, make = CHARTS[name]
        spec = make(rows, letters_of(hub, rows, scale))
        if spec is None:
            raise ApiError(
                404, "not_found", f"too few of the {len(rows)} models have what this chart shows", "name"
            )
        if form == "json":
            body = msgspec.json.encode({"name": name, "title": title, "models": len(rows), "spec": spec})
            return kept(request, body, "application/json")
        answer = kept(request, draw(spec, title).encode(), "image/svg+xml")
        answer.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
        return answer

    return routes
