"""Evaluations that are corrected, taken back and put back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Depends, Path, Query, Request, Response

from ...errors import Duplicate
from ...render.text import clean
from ...store.people import Role
from ...store.withdrawals import Item, Which, Withdrawal, Withdrawals
from ..auth.guard import Guard, Requester
from ..pages.desk import Desk
from . import shapes
from .answers import answer
from .asking import json_body, only, storable_id
from .entries import entries_of
from .errors import ApiError
from .withdrawn_shapes import Corrected, Restored, RestoreIn, TakeBackIn, WithdrawalOut, WithdrawalPage

_Id = Annotated[str, Path(max_length=1024)]
_Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
_Reason = Annotated[str, Query(max_length=1000)]
_AT = "/taken-back"


def router(desk: Desk, guard: Guard) -> APIRouter:
    """Reading is for everybody; writing for the user who added an evaluation, and for managers."""
    routes = APIRouter(prefix="/api/v1", tags=["evaluations"])
    withdrawals = Withdrawals(desk.store.database)

    @routes.put(
        "/evaluations/{evaluation_id}", status_code=201, dependencies=[Depends(only("reason"))],
        responses=shapes.created(Corrected) | shapes.problems(404, 410),
        openapi_extra=shapes.body(shapes.EvaluationIn),
    )  # fmt: skip
    async def correct(evaluation_id: _Id, request: Request, reason: _Reason = "") -> Response:
        """Other numbers for a run that a form, a file or a call stated: a new evaluation in place of the old one.

        The body is whole, as for ``POST evaluations``: what is left out is not known. The run keeps when it ended and
        whose it is. The old evaluation is taken back.
        """
        who = await to_thread.run_sync(guard.allow, request, Role.CONTRIBUTOR)
        body = await json_body(request)
        return await to_thread.run_sync(lambda: corrected(evaluation_id, body, who, reason))

    def corrected(evaluation_id: str, body: Any, who: Requester, reason: str) -> Response:
        old = desk.store.evaluation(storable_id(evaluation_id)).evaluation
        if isinstance(body, list):
            raise ApiError(422, "invalid", "expected an object, got a list", "$")
        entry = entries_of(body, desk.definitions.fields())[0]
        try:
            new = desk.correct(old, entry, who.name, reason, owner_of(who))
        except Duplicate as there:
            raise ApiError(409, "duplicate", str(there), "$", existing=there.existing) from None
        return answer({"id": new, "corrects": old.id, "label": desk.page_of(new)}, 201)

    @routes.delete(
        "/evaluations/{evaluation_id}", dependencies=[Depends(only("reason"))],
        responses=shapes.ok(WithdrawalOut, 401, 403, 404, 410, 422, 429, 503),
    )  # fmt: skip
    def remove(evaluation_id: _Id, request: Request, reason: _Reason = "") -> Response:
        """Take an evaluation back, with the runs inside it. It is in no list, sum, report or metric from then on.

        Nothing is destroyed: a manager can put it back.
        """
        who = guard.allow(request, Role.CONTRIBUTOR)
        return taken(Which([storable_id(evaluation_id)]), reason, who)

    @routes.post(
        "/evaluations/take-back",
        responses=shapes.ok(WithdrawalOut, 400, 401, 403, 404, 410, 413, 415, 422, 429, 503),
        openapi_extra=shapes.body(TakeBackIn),
    )  # fmt: skip
    async def take_back(request: Request) -> Response:
        """Take back several evaluations, a whole import, or all of a file, with the runs inside them: all or none.

        One of ``ids``, ``import_id`` and ``file`` is given.
        """
        who = await to_thread.run_sync(guard.allow, request, Role.CONTRIBUTOR)
        given = shapes.read(TakeBackIn, await json_body(request))
        if sum(map(bool, (given.ids, given.import_id, given.file))) != 1:
            raise ApiError(422, "invalid", "give one of ids, import_id and file", "$", _WHICH)
        which = Which([storable_id(one) for one in given.ids], given.import_id, given.file)
        return await to_thread.run_sync(lambda: taken(which, given.reason, who))

    def taken(which: Which, reason: str, who: Requester) -> Response:
        done = withdrawals.take_back(which, who.name, clean(reason), desk.clock(), owner_of(who))
        return answer(withdrawal_json(done))

    @routes.get(
        _AT, dependencies=[Depends(only("evaluation", "before", "limit"))],
        responses=shapes.ok(WithdrawalPage, 422, 503),
    )  # fmt: skip
    def listed(
        evaluation: Annotated[str, Query(max_length=128)] = "",
        before: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> Response:
        """What is taken back, newest first, each with its first five evaluations.

        ``next`` is the ``before`` of the next page, ``null`` on the last.
        """
        found = withdrawals.some(evaluation, before, limit)
        following = found[-1].id if len(found) == limit else None
        return answer({"withdrawals": [withdrawal_json(one) for one in found], "next": following})

    @routes.get(f"{_AT}/{{number}}", responses=shapes.ok(WithdrawalOut, 404, 422, 503))
    def one(number: _Number) -> Response:
        """What one call took back, with its first 500 evaluations."""
        return answer(withdrawal_json(withdrawals.get(number)))

    @routes.post(
        f"{_AT}/{{number}}/restore",
        responses=shapes.ok(Restored, 400, 401, 403, 404, 409, 413, 415, 422, 429, 503),
        openapi_extra=shapes.body(RestoreIn, required=False),
    )  # fmt: skip
    async def restore(number: _Number, request: Request) -> Response:
        """Put back all that one call took, or the ``ids`` of it alone, as it was. For managers."""
        who = await to_thread.run_sync(guard.allow, request, Role.MANAGER)
        body = await json_body(request) if await request.body() else {}
        given = shapes.read(RestoreIn, body)
        ids = [storable_id(one) for one in given.ids]
        return await to_thread.run_sync(
            lambda: answer({"ids": withdrawals.restore(number, who.name, desk.clock(), ids)})
        )

    return routes


_WHICH = ("ids", "import_id", "file")


def owner_of(who: Requester) -> str | None:
    """Whose evaluations a user may take back: all of them for a manager (None), else the user's own."""
    return None if who.role is Role.MANAGER else who.name


def withdrawal_json(one: Withdrawal) -> Mapping[str, Any]:
    """As JSON; ``by`` is "" where Gramwatt itself did it."""
    return {
        "id": one.id, "at": one.at, "by": one.by, "reason": one.reason, "count": one.total,
        "evaluations": [_item(item) for item in one.items],
    }  # fmt: skip


def _item(one: Item) -> Mapping[str, Any]:
    return {
        "id": one.evaluation, "name": one.name, "model": one.model, "origin": one.origin,
        "energy_joules": one.energy_joules, "emissions_grams": one.emissions_grams, "end": one.ended or None,
        "created_at": one.created_at, "created_by": one.created_by, "replaced_by": one.replaced_by or None,
    }  # fmt: skip
