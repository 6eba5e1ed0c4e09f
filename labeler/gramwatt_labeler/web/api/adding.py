"""``POST /api/v1/evaluations``: one or many, all or none, once for each key."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from anyio import to_thread
from fastapi import APIRouter, Request, Response

from ...errors import Duplicate, TryAgain
from ...evaluate.results import evaluation_of
from ...forms.entry import Entry
from ...store.people import Role
from ...store.replies import Reply
from ..auth.guard import Guard
from ..pages.desk import Desk
from . import shapes
from .answers import answer
from .asking import json_body
from .entries import entries_of
from .errors import ApiError

_LONGEST_KEY = 128


def router(desk: Desk, guard: Guard) -> APIRouter:
    """For contributors."""
    routes = APIRouter(prefix="/api/v1", tags=["evaluations"])
    store = desk.store

    @routes.post(
        "/evaluations", status_code=201, responses=shapes.created(shapes.Added),
        openapi_extra=shapes.body(shapes.EvaluationIn, many=True),
    )  # fmt: skip
    async def add(request: Request) -> Response:
        """Add one evaluation or up to 1,000, all or none. ``Idempotency-Key``: the same request again adds nothing."""
        await to_thread.run_sync(guard.allow, request, Role.CONTRIBUTOR)
        body = await json_body(request)
        digest = hashlib.sha256(await request.body()).hexdigest()
        return await to_thread.run_sync(lambda: added(request, body, digest))

    def added(request: Request, body: Any, digest: str) -> Response:
        who = guard.requester(request).name
        key = one_key(request.headers.getlist("idempotency-key"))
        reply = Reply(who, key, digest) if key else None
        if reply is not None and (known := store.reply(reply)) is not None:
            return answer(known.body, known.status, {"Idempotent-Replayed": "true"})
        entries = entries_of(body, desk.definitions.fields())
        try:
            found = add_entries(desk, entries, who, reply)
        except (Duplicate, TryAgain) as there:
            # The same request may have been answered since it was looked for.
            if reply is not None and (known := store.reply(reply)) is not None:
                return answer(known.body, known.status, {"Idempotent-Replayed": "true"})
            if not isinstance(there, Duplicate):
                raise
            number = there.number if len(entries) > 1 else None
            path = "$" if number is None else f"$[{number}]"
            raise ApiError(409, "duplicate", str(there), path, existing=there.existing) from None
        return answer(found, 201)

    return routes


def one_key(given: Sequence[str]) -> str:
    """The key of a request; "" without one. Raises ApiError for two of them, and for one that is none."""
    if len(given) > 1:
        raise ApiError(422, "invalid", "is given twice", "Idempotency-Key")
    key = given[0] if given else ""
    if len(key) > _LONGEST_KEY or not key.isprintable():
        words = f"expected at most {_LONGEST_KEY} printable characters"
        raise ApiError(422, "invalid", words, "Idempotency-Key")
    return key


def add_entries(
    desk: Desk, entries: Sequence[Entry], who: str, reply: Reply | None = None
) -> Mapping[str, Any]:
    """Grade and keep all of these or none; what is answered. Raises Duplicate."""
    results = [desk.grade(entry) for entry in entries]
    new = [evaluation_of(result, who) for result in results]

    def body(ids: Sequence[str]) -> dict[str, Any]:
        rows = [
            {
                "id": its_id, "letter": result.shown.grade.letter, "text": result.shown.grade.text,
                "grades": {name: grade.letter for name, grade in result.grades.items()}, "label": desk.page_of(its_id),
            }
            for its_id, result in zip(ids, results, strict=True)
        ]  # fmt: skip
        found: dict[str, Any] = msgspec.to_builtins({"evaluations": rows})
        return found

    return desk.store.add_evaluations(new, reply, body)
