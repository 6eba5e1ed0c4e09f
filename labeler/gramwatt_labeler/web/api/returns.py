"""``/api/v1/roi``: whether a tactic pays back, computed at once or kept with the evaluations it is about."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel

from ...forms.signs import written
from ...render.text import clean
from ...roi import returns
from ...roi.asked import plan_of, read
from ...roi.keeping import as_tree, completed, kept_form, title_of
from ...store.people import Role
from ...store.returns import ReturnRows
from ..auth.guard import Guard
from ..pages.desk import Desk
from . import shapes
from .answers import answer
from .asking import json_body, only
from .errors import ApiError

_Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
_AT = "/roi/analyses"


def router(desk: Desk, guard: Guard) -> APIRouter:
    """Computing and reading are for everybody, keeping for contributors."""
    routes = APIRouter(prefix="/api/v1", tags=["returns"])
    rows = ReturnRows(desk.store.database)

    @routes.post(
        "/roi", responses=shapes.ok(dict, 400, 413, 415, 422), openapi_extra=shapes.body(shapes.RoiIn)
    )
    async def compute(request: Request) -> Response:
        """Whether a tactic pays back: return, break-even, and what is saved. Texts are read as the form reads them."""
        form = _form(shapes.read(shapes.RoiIn, await json_body(request)))
        values, wrong = read(form)
        _refuse(wrong)
        return answer(asdict(returns(plan_of(values))))

    @routes.get(
        _AT, dependencies=[Depends(only("evaluation", "before", "limit"))],
        responses=shapes.ok(shapes.AnalysisPage, 422, 503),
    )  # fmt: skip
    def listed(
        evaluation: Annotated[str, Query(max_length=128)] = "",
        before: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> Response:
        """Kept analyses, newest first; ``next`` is the ``before`` of the next page, ``null`` on the last."""
        found = rows.some(evaluation, before, limit)
        following = found[-1].id if len(found) == limit else None
        return answer({"analyses": [as_tree(one) for one in found], "next": following})

    @routes.post(
        _AT, status_code=201, responses=shapes.created(shapes.AnalysisOut) | shapes.problems(404),
        openapi_extra=shapes.body(shapes.AnalysisIn),
    )  # fmt: skip
    async def add(request: Request) -> Response:
        """Keep an analysis. ``baseline`` and ``after`` are ids of evaluations, whose energy per unit fills ``old`` and
        ``new`` where these are not given."""
        who = await to_thread.run_sync(guard.allow, request, Role.CONTRIBUTOR)
        given = shapes.read(shapes.AnalysisIn, await json_body(request))
        return await to_thread.run_sync(lambda: kept(given, who.name))

    def kept(given: shapes.AnalysisIn, by: str) -> Response:
        form = completed(_form(given), desk.store.evaluation)
        _refuse(read(form)[1])
        number = rows.add(title_of(clean(given.title).strip()), kept_form(form), by, desk.clock())
        return answer(as_tree(rows.get(number)), 201)

    @routes.get(f"{_AT}/{{number}}", responses=shapes.ok(shapes.AnalysisOut, 404, 422, 503))
    def one(number: _Number) -> Response:
        """One kept analysis with what comes out of it."""
        return answer(as_tree(rows.get(number)))

    @routes.delete(
        f"{_AT}/{{number}}", status_code=204, responses=shapes.problems(401, 403, 404, 422, 429, 503)
    )
    def remove(number: _Number, request: Request) -> Response:
        """Forget one; for the user who kept it, and for managers."""
        who = guard.allow(request, Role.CONTRIBUTOR)
        if rows.get(number).by != who.name and who.role is not Role.MANAGER:
            raise ApiError(403, "forbidden", "it was kept by another user; a manager may remove it")
        rows.remove(number, who.name, desk.clock())
        return Response(status_code=204)

    return routes


def _form(given: BaseModel) -> dict[str, str]:
    fields = given.model_dump(exclude={"title"})
    return {name: _written(value) for name, value in fields.items() if value is not None}


def _written(value: Any) -> str:
    return value if isinstance(value, str) else written(float(value))


def _refuse(wrong: dict[str, str]) -> None:
    if wrong:
        name, message = next(iter(wrong.items()))
        raise ApiError(422, "invalid", message, f"$.{name}")
