"""``/api/v1/evaluations``: list, one, add. ``/api/v1/models``."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
from anyio import to_thread
from fastapi import APIRouter, Depends, Path, Query, Request, Response

from ...errors import Duplicate, TryAgain
from ...evaluate.results import evaluation_of
from ...exchange.boamps import as_boamps
from ...forms.entry import Entry
from ...forms.fields import PHASES
from ...grading.scale import letters_of
from ...render.text import clean
from ...store.listing import DEFAULT_SORT, NOT_GRADED, SORTS
from ...store.nouns import Filters, ModelFacts, Origin
from ...store.people import Role
from ...store.replies import Reply
from ..auth.guard import Guard
from ..pages.desk import Desk
from . import shapes
from .answers import answer, evaluation_json, grade_json, model_json
from .asking import json_body, moment, one_of, only, storable_id
from .entries import entries_of
from .errors import ApiError

_TEXT = Query(max_length=256)
_FILTERS = (
    "task",
    "phase",
    "model",
    "dataset",
    "host",
    "user",
    "origin",
    "letter",
    "from",
    "to",
    "q",
    "parent",
)
_LONGEST_KEY = 128


def router(desk: Desk, guard: Guard) -> APIRouter:
    """Routes over a store."""
    routes = APIRouter(prefix="/api/v1", tags=["evaluations"])
    store = desk.store

    def page(filters: Filters, scale: str, sort: str, cursor: str, limit: int) -> Response:
        one_of("scale", scale, desk.scales)
        one_of("sort", sort, SORTS)
        found = store.page(filters, scale or desk.main_scale, sort, cursor, limit)
        listed = found.rows if scale or filters.letter else desk.with_letters(found.rows)
        rows = [
            evaluation_json(one.evaluation, one.model_id)
            | {"grade": grade_json(one.graded), "label": desk.page_of(one.evaluation.id)}
            for one in listed
        ]
        return answer({"evaluations": rows, "next": found.next or None, "total": found.total})

    @routes.get(
        "/evaluations", dependencies=[Depends(only(*_FILTERS, "scale", "sort", "cursor", "limit"))],
        responses=shapes.ok(shapes.EvaluationPage, 422, 503),
    )  # fmt: skip
    def listed(
        task: Annotated[str, _TEXT] = "",
        phase: Annotated[str, _TEXT] = "",
        model: Annotated[str, _TEXT] = "",
        dataset: Annotated[str, _TEXT] = "",
        host: Annotated[str, _TEXT] = "",
        user: Annotated[str, _TEXT] = "",
        origin: Annotated[str, _TEXT] = "",
        letter: Annotated[str, _TEXT] = "",
        since: Annotated[str, Query(alias="from", max_length=64)] = "",
        until: Annotated[str, Query(alias="to", max_length=64)] = "",
        q: Annotated[str, _TEXT] = "",
        parent: Annotated[str | None, Query(max_length=128)] = None,
        scale: Annotated[str, _TEXT] = "",
        sort: Annotated[str, Query(max_length=32)] = DEFAULT_SORT,
        cursor: Annotated[str, Query(max_length=1000)] = "",
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> Response:
        """Evaluations of every origin that match all filters, with their grade on ``scale``; pages by ``next``.

        Without ``scale`` and ``letter`` the grade is that of the label; ``letter`` alone is on the main scale.
        """
        loaded = desk.scales[one_of("scale", scale, desk.scales) or desk.main_scale]
        filters = Filters(
            task=_plain(task),
            phase=one_of("phase", phase, PHASES),
            model=_plain(model),
            dataset=_plain(dataset),
            host=_plain(host),
            user=_plain(user),
            parent=None if parent is None else _plain(parent),
            origin=one_of("origin", origin, [one.value for one in Origin]),
            letter=one_of("letter", letter, [*letters_of(loaded.scale), NOT_GRADED]),
            since=moment("from", since),
            until=moment("to", until),
            q=clean(q),
        )
        return page(filters, scale, sort, cursor, limit)

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
        key = request.headers.get("idempotency-key", "")
        if len(key) > _LONGEST_KEY or not key.isprintable():
            raise ApiError(422, "invalid", f"expected at most {_LONGEST_KEY} characters", "Idempotency-Key")
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

    @routes.get("/evaluations/{evaluation_id}", responses=shapes.ok(shapes.EvaluationOut, 404, 503))
    def one(evaluation_id: Annotated[str, Path(max_length=1024)]) -> Response:
        """One evaluation with the grade of its label, its grades on all scales, and those that a newer version of a
        scale replaced.
        """
        stored = store.evaluation(storable_id(evaluation_id))
        grades = {name: grade_json(graded) for name, graded in stored.grades.items()}
        body = evaluation_json(stored.evaluation, stored.model_id)
        earlier = [grade_json(graded) for graded in store.earlier(stored.evaluation.id)]
        return answer(
            body
            | {"grade": grade_json(desk.on_label(stored.grades)), "grades": grades, "earlier": earlier}
            | {"label": desk.page_of(stored.evaluation.id)}
        )

    @routes.get("/evaluations/{evaluation_id}/boamps", responses=shapes.ok(dict, 404, 503))
    def boamps(evaluation_id: Annotated[str, Path(max_length=1024)]) -> Response:
        """One evaluation as a BoAmps report (Boavizta); one without an energy has none."""
        report = as_boamps(
            store.evaluation(storable_id(evaluation_id)).evaluation, desk.page_of(evaluation_id)
        )
        if report is None:
            raise ApiError(404, "not_found", "this evaluation has no energy, so no report")
        return answer(report)

    @routes.get(
        "/models", tags=["models"], dependencies=[Depends(only("q", "after", "limit"))],
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

    @routes.get("/models/{model_id}", tags=["models"], responses=shapes.ok(shapes.ModelOut, 404, 503))
    def model_of(model_id: Annotated[int, Path(ge=1, le=2**31 - 1)]) -> Response:
        """One model."""
        return answer(model_json(store.model(model_id)))

    @routes.get(
        "/models/{model_id}/evaluations", tags=["models"],
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
        return page(Filters(model_id=model_id), scale, sort, cursor, limit)

    @routes.post(
        "/models", tags=["models"], status_code=201, responses=shapes.created(shapes.ModelOut),
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


def _plain(text: str) -> str:
    """As it is stored: without characters that no database has."""
    return text.replace("\x00", "\ufffd")
