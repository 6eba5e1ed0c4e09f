"""``/api/v1/hub/syncs`` and models of the hub: what a card says, and corrections."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import msgspec
from anyio import to_thread
from fastapi import APIRouter, Depends, Query, Request, Response

from ...forms.mistakes import Mistake
from ...hub.curating import curate
from ...hub.evaluating import corrected, curation_texts, evaluation_id
from ...store.hub import HubRows
from ...store.people import Role
from ..auth.guard import Guard
from ..manage.services import Services
from ..pages.desk import Desk
from . import shapes
from .answers import answer
from .asking import json_body, only
from .errors import ApiError
from .jobs import job_json


def router(desk: Desk, guard: Guard, services: Services) -> APIRouter:
    """Reading is for everybody; syncing for managers, correcting for contributors."""
    routes = APIRouter(prefix="/api/v1", tags=["hub"])
    hub = HubRows(desk.store.database)

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
