"""``/api/v1/scales`` for managers: what a scale would change, a new version."""

from __future__ import annotations

from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Path, Request, Response

from ...errors import Duplicate, ScaleError
from ...json_shapes import scale_json
from ...scale_book.content import read_scale
from ...scale_book.regrading import preview
from ...scale_files import LoadedScale
from ...store.people import Role
from ..auth.guard import Guard
from ..manage.services import Services
from ..pages.desk import Desk
from . import shapes
from .answers import answer
from .asking import json_body
from .errors import ApiError
from .jobs import job_json


def router(desk: Desk, guard: Guard, services: Services) -> APIRouter:
    """All of it needs the role manager."""
    routes = APIRouter(prefix="/api/v1", tags=["managing"])

    @routes.post(
        "/scales/check", responses=shapes.ok(shapes.Changes, 400, 401, 403, 413, 415, 422, 429, 503),
        openapi_extra=shapes.body(shapes.ScaleIn),
    )  # fmt: skip
    async def check(request: Request) -> Response:
        """How many stored letters a scale would change. Nothing is kept."""
        await to_thread.run_sync(guard.allow, request, Role.MANAGER)
        given = shapes.read(shapes.ScaleIn, await json_body(request))
        return await to_thread.run_sync(lambda: answer(changes(given.content)))

    def changes(content: str) -> dict[str, Any]:
        found = preview(desk.store, scale_of(content), services.hardware, of_measured=desk.named_scales)
        return {
            "examined": found.examined,
            "changed": found.changed,
            "transitions": [
                {"from": before, "to": after, "count": count}
                for (before, after), count in sorted(found.transitions.items())
            ],
            "examples": [
                {"id": one, "name": name, "from": before, "to": after}
                for one, name, before, after in found.examples
            ],
        }

    @routes.post(
        "/scales", status_code=201, responses=shapes.created(dict), openapi_extra=shapes.body(shapes.ScaleIn)
    )
    async def add(request: Request) -> Response:
        """A new version of a scale, in force for what is graded from now on."""
        who = await to_thread.run_sync(guard.allow, request, Role.MANAGER)
        given = shapes.read(shapes.ScaleIn, await json_body(request))
        return await to_thread.run_sync(lambda: added(given.content, who.name))

    def added(content: str, by: str) -> Response:
        loaded = scale_of(content)
        try:
            services.scales.put(loaded, content, by, desk.clock())
        except Duplicate as there:
            raise ApiError(409, "duplicate", str(there), "$.content", existing=there.existing) from None
        services.forget()
        return answer(scale_json(loaded), 201)

    @routes.post("/scales/{name}/regrade", status_code=202, responses=shapes.accepted(shapes.JobOut))
    def regrade(name: Annotated[str, Path(max_length=64)], request: Request) -> Response:
        """Grade all stored evaluations again on the version in force: a job.

        What had no grade on this scale gets one where that is a letter.
        """
        who = guard.allow(request, Role.MANAGER)
        if name not in desk.scales:
            raise ApiError(404, "not_found", f"no scale {name[:64]!r}", "name", sorted(desk.scales))
        job = services.jobs.add("regrade", {"scale": name}, who.name, desk.clock())
        services.wake()
        return answer(job_json(services.jobs.get(job)), 202)

    return routes


def scale_of(content: str) -> LoadedScale:
    """Raises ApiError with what is wrong with the text."""
    try:
        return read_scale(content)
    except ScaleError as error:
        raise ApiError(422, "invalid", str(error), "$.content") from None
