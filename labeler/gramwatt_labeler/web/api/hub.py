"""``/api/v1/hub/syncs`` and ``/api/v1/study``: models of the hub, corrections, and what their CO2 goes along with."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Annotated, Any

import msgspec
from anyio import to_thread
from fastapi import APIRouter, Depends, Path, Query, Request, Response

from ...charts.drawing import draw
from ...forms.mistakes import Mistake
from ...hub.curating import curate
from ...hub.evaluating import corrected, curation_texts, evaluation_id
from ...store.hub import HubRows
from ...store.people import Role
from ...study.analysis import analyse
from ...study.charts import CHARTS
from ...study.filters import AMOUNTS, MONTHS, NAMES, WORDS, narrowed
from ...study.frame import Row
from ...study.reading import STUDY_SCALE, Reading, letters_of
from ..auth.guard import Guard
from ..manage.services import Services
from ..pages.desk import Desk
from . import shapes
from .answers import answer, kept
from .asking import json_body, one_of, only
from .errors import ApiError
from .jobs import job_json

_TITLES = WORDS | {name: title for name, (title, _, _) in AMOUNTS.items()} | MONTHS
_FILTERS = {
    "parameters": [
        {
            "name": name,
            "in": "query",
            "description": _TITLES[name],
            "schema": {"type": "string", "maxLength": 256},
        }
        for name in NAMES
    ]
}


def router(desk: Desk, guard: Guard, services: Services) -> APIRouter:
    """Reading is for everybody; syncing for managers, correcting for contributors."""
    routes = APIRouter(prefix="/api/v1", tags=["hub"])
    hub = HubRows(desk.store.database)
    reading = Reading(hub)

    @routes.get("/hub/syncs", dependencies=[Depends(only())], responses=shapes.ok(dict, 422, 503))
    def syncs() -> Response:
        """The newest syncs: how many models were seen, new, changed, and failed."""
        return answer({"syncs": [asdict(one) for one in hub.syncs()]})

    @routes.post(
        "/hub/syncs", status_code=202, responses=shapes.accepted(shapes.JobOut) | shapes.problems(400, 413, 415),
        openapi_extra=shapes.body(shapes.SyncIn),
    )  # fmt: skip
    async def add(request: Request) -> Response:
        """Read the models that changed since the last sync from the hub: a job."""
        who = await to_thread.run_sync(guard.allow, request, Role.MANAGER)
        given = shapes.read(shapes.SyncIn, await json_body(request))
        job = await to_thread.run_sync(
            lambda: queue_sync(services, given.whole, given.texts, who.name, desk.clock())
        )
        return answer(job_json(await to_thread.run_sync(services.jobs.get, job)), 202)

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

    @routes.get("/study/models", dependencies=[Depends(only("id"))], responses=shapes.ok(dict, 404, 422, 503))
    def one(hub_id: Annotated[str, Query(alias="id", min_length=1, max_length=256)]) -> Response:
        """What a model's card says, what people say in its place, and its evaluation."""
        if "\x00" in hub_id:
            raise ApiError(404, "not_found", "no such model of the hub is here", "id")
        card = hub.card(hub_id)
        curated = hub.curated([hub_id]).get(hub_id, {})
        known, mined, layers = corrected(card, curation_texts(curated))
        body: dict[str, Any] = {
            "hub_id": hub_id, "sha": card.sha, "last_modified": card.last_modified, "task": card.task,
            "library": card.library, "downloads": card.downloads, "likes": card.likes, "file_bytes": known.file_bytes,
            "dataset_bytes": known.dataset_bytes, "mined": asdict(mined),
            "layers": {name: layer.value for name, layer in layers.items()},
            "curated": {name: asdict(value) for name, value in curated.items()},
            "evaluation": evaluation_id(hub_id) if mined.emissions.grams is not None else None,
        }  # fmt: skip
        return answer(msgspec.to_builtins(body))

    @routes.post(
        "/study/curation", status_code=201, responses=shapes.created(dict) | shapes.problems(404),
        openapi_extra=shapes.body(shapes.CurationIn),
    )  # fmt: skip
    async def correct(request: Request) -> Response:
        """Set a value of a model in place of its card's; ``null`` takes it back. Its evaluation is graded anew."""
        who = await to_thread.run_sync(guard.allow, request, Role.CONTRIBUTOR)
        given = shapes.read(shapes.CurationIn, await json_body(request))
        return await to_thread.run_sync(lambda: corrected_by(given, who.name))

    def corrected_by(given: shapes.CurationIn, by: str) -> Response:
        if "\x00" in given.hub_id:
            raise ApiError(404, "not_found", "no such model of the hub is here", "$.hub_id")
        try:
            curate(
                hub, given.hub_id, given.field, given.value, given.note, by, desk.scales, desk.main_scale, desk.clock()
            )  # fmt: skip
        except Mistake as mistake:
            raise ApiError(422, "invalid", str(mistake), "$.value") from None
        return answer({"hub_id": given.hub_id, "field": given.field, "value": given.value}, 201)

    return routes


def queue_sync(services: Services, whole: bool, texts: bool, by: str, now: float) -> int:
    """The number of the job."""
    job = services.jobs.add("hub", {"whole": whole, "texts": texts, "by": by}, by, now)
    services.wake()
    return job
