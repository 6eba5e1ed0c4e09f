"""``/api/v1/models``: the list, one with its evaluations, registering one."""

from __future__ import annotations

from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Depends, Path, Query, Request, Response

from ...render.text import clean
from ...store.listing import DEFAULT_SORT
from ...store.nouns import Filters, ModelFacts
from ...store.people import Role
from ..auth.guard import Guard
from ..pages.desk import Desk
from . import shapes
from .answers import answer, model_json
from .asking import json_body, only
from .evaluations import listed_page

_TEXT = Query(max_length=256)


def router(desk: Desk, guard: Guard) -> APIRouter:
    """Reading is for everybody; registering for contributors."""
    routes = APIRouter(prefix="/api/v1", tags=["models"])
    store = desk.store

    @routes.get(
        "/models", dependencies=[Depends(only("q", "after", "limit"))],
        responses=shapes.ok(shapes.ModelPage, 422, 503),
    )  # fmt: skip
    def models(
        q: Annotated[str, _TEXT] = "",
        after: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> Response:
        """Models in the order of their ids; ``next`` is the ``after`` of the next page, ``null`` on the last."""
        found = store.models(clean(q), after, limit)
        following = found[-1].id if len(found) == limit else None
        return answer({"models": [model_json(one) for one in found], "next": following})

    @routes.get("/models/{model_id}", responses=shapes.ok(shapes.ModelOut, 404, 503))
    def model_of(model_id: Annotated[int, Path(ge=1, le=2**31 - 1)]) -> Response:
        """One model."""
        return answer(model_json(store.model(model_id)))

    @routes.get(
        "/models/{model_id}/evaluations",
        dependencies=[Depends(only("scale", "sort", "cursor", "limit"))],
        responses=shapes.ok(shapes.EvaluationPage, 404, 422, 503),
    )  # fmt: skip
    def of_model(
        model_id: Annotated[int, Path(ge=1, le=2**31 - 1)],
        scale: Annotated[str, _TEXT] = "",
        sort: Annotated[str, Query(max_length=32)] = DEFAULT_SORT,
        cursor: Annotated[str, Query(max_length=1000)] = "",
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> Response:
        """The evaluations of one model."""
        store.model(model_id)
        return listed_page(desk, Filters(model_id=model_id), scale, sort, cursor, limit)

    @routes.post(
        "/models", status_code=201, responses=shapes.created(shapes.ModelOut),
        openapi_extra=shapes.body(shapes.ModelIn),
    )  # fmt: skip
    async def put_model(request: Request) -> Response:
        """Register a model, or give the one of this author, name and revision these facts."""
        requester = await to_thread.run_sync(guard.allow, request, Role.CONTRIBUTOR)
        facts = shapes.read(shapes.ModelIn, await json_body(request))
        return await to_thread.run_sync(lambda: kept(facts, requester.name))

    def kept(facts: shapes.ModelIn, by: str) -> Response:
        fields: dict[str, Any] = {
            name: clean(value) if isinstance(value, str) else value
            for name, value in facts.model_dump().items()
        }
        model_id = store.put_model(ModelFacts(**fields), desk.clock(), by)
        return answer(model_json(store.model(model_id)), 201)

    return routes
