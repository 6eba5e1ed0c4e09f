"""``/api/v1/metrics``, ``tools``, ``fields`` and ``tactics``: what managers define. Reading is for everybody."""

from __future__ import annotations

from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Path, Request, Response

from ...store.people import Role
from ..auth.guard import Guard
from ..pages.desk import Desk
from . import shapes
from .answers import answer
from .asking import json_body
from .defined import SHAPES, Given, listed, put
from .errors import ApiError


def router(desk: Desk, guard: Guard) -> APIRouter:
    """Four resources of the same manners."""
    routes = APIRouter(prefix="/api/v1", tags=["managing"])
    for kind, shape in SHAPES.items():
        _add(routes, desk, guard, kind, shape)
    return routes


def _add(routes: APIRouter, desk: Desk, guard: Guard, kind: str, shape: Any) -> None:
    def all_of() -> Response:
        return answer({kind: listed(desk, kind)})

    async def add(request: Request) -> Response:
        who = await to_thread.run_sync(guard.allow, request, Role.MANAGER)
        given = shapes.read(shape, await json_body(request))
        return await to_thread.run_sync(lambda: kept(given, who.name, True))

    async def change(request: Request, name: Annotated[str, Path(max_length=256)]) -> Response:
        who = await to_thread.run_sync(guard.allow, request, Role.MANAGER)
        given = shapes.read(shape, await json_body(request))
        if given.name != name:
            raise ApiError(
                422, "invalid", "the name of the body is another than that of the address", "$.name", [name]
            )
        return await to_thread.run_sync(lambda: kept(given, who.name, False))

    def kept(given: Given, by: str, is_new: bool) -> Response:
        names = {row["name"] for row in listed(desk, kind)}
        if is_new and given.name in names:
            raise ApiError(
                409, "duplicate", f"{given.name} is there; PUT changes it", "$.name", existing=given.name
            )
        if not is_new and given.name not in names:
            raise ApiError(404, "not_found", f"no {kind} are named {given.name[:64]!r}; POST adds it", "name")
        put(desk, given, by, is_new)
        row = next(one for one in listed(desk, kind) if one["name"] == given.name)
        return answer(row, 201 if is_new else 200)

    body = shapes.body(shape)
    changed = shapes.ok(dict, 400, 401, 403, 404, 409, 413, 415, 422, 429, 503)
    routes.add_api_route(
        f"/{kind}", all_of, methods=["GET"], responses=shapes.ok(dict, 503), name=f"list_{kind}",
        description=f"All {kind}, shipped and defined by managers.",
    )  # fmt: skip
    routes.add_api_route(
        f"/{kind}", add, methods=["POST"], status_code=201, responses=shapes.created(dict), openapi_extra=body,
        name=f"add_{kind}", description=f"Define one of the {kind}; in force at once.",
    )  # fmt: skip
    routes.add_api_route(
        f"/{kind}/{{name}}", change, methods=["PUT"], responses=changed, openapi_extra=body, name=f"change_{kind}",
        description=f"Change one of the {kind}; in force at once.",
    )  # fmt: skip
