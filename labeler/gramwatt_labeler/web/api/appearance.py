"""``/api/v1/colours``: the colours of letters. Reading is for everybody, changing for managers."""

from __future__ import annotations

from anyio import to_thread
from fastapi import APIRouter, Depends, Request, Response

from ...appearance import Appearance
from ...render import palette
from ...store.people import Role
from ..auth.guard import Guard
from ..pages.desk import Desk
from . import shapes
from .answers import answer
from .asking import json_body, only


def router(desk: Desk, guard: Guard, appearance: Appearance) -> APIRouter:
    """Two calls."""
    routes = APIRouter(prefix="/api/v1", tags=["managing"])

    @routes.get("/colours", dependencies=[Depends(only())], responses=shapes.ok(dict, 422))
    def colours() -> Response:
        """The five colours in force, from the best letter to the worst; other numbers of letters lie between them."""
        return answer({"colours": list(palette.base()), "shipped": list(palette.SHIPPED)})

    @routes.put(
        "/colours", openapi_extra=shapes.body(shapes.ColoursIn),
        responses=shapes.ok(dict, 400, 401, 403, 413, 415, 422, 429, 503),
    )  # fmt: skip
    async def change(request: Request) -> Response:
        """Five other colours, on every label and page at once; ``null`` takes them back."""
        who = await to_thread.run_sync(guard.allow, request, Role.MANAGER)
        given = shapes.read(shapes.ColoursIn, await json_body(request))
        await to_thread.run_sync(lambda: appearance.choose(given.colours, who.name, desk.clock()))
        return colours()

    return routes
