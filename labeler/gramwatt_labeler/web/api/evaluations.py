"""``/api/v1/evaluations``: the list, and one."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response

from ...exchange.boamps import as_boamps
from ...forms.fields import PHASES
from ...grading.scale import letters_of
from ...render.text import clean
from ...store.listing import DEFAULT_SORT, NOT_GRADED, SORTS
from ...store.nouns import Filters, Origin
from ...store.withdrawals import Withdrawals
from ..pages.desk import Desk
from . import shapes
from .answers import answer, evaluation_json, grade_json
from .asking import moment, one_of, only, storable_id
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
    "import_id",
)


def router(desk: Desk) -> APIRouter:
    """Reading is for everybody."""
    routes = APIRouter(prefix="/api/v1", tags=["evaluations"])
    store = desk.store

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
        import_id: Annotated[str, Query(max_length=26)] = "",
        scale: Annotated[str, _TEXT] = "",
        sort: Annotated[str, Query(max_length=32)] = DEFAULT_SORT,
        cursor: Annotated[str, Query(max_length=1000)] = "",
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> Response:
        """Evaluations of every origin that match all filters, with their grade on ``scale``; pages by ``next``.

        A list that is narrowed is counted up to 10,000; ``total_is_exact`` is false where it has more.

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
            import_id=_plain(import_id),
            parent=None if parent is None else _plain(parent),
            origin=one_of("origin", origin, [one.value for one in Origin]),
            letter=one_of("letter", letter, [*letters_of(loaded.scale), NOT_GRADED]),
            since=moment("from", since),
            until=moment("to", until),
            q=clean(q),
        )
        return listed_page(desk, filters, scale, sort, cursor, limit)

    @routes.get("/evaluations/{evaluation_id}", responses=shapes.ok(shapes.EvaluationOut, 404, 410, 503))
    def one(evaluation_id: Annotated[str, Path(max_length=1024)]) -> Response:
        """One evaluation with the grade of its label, its grades on all scales, and those that a newer version of a
        scale replaced. One that was taken back is answered with 410, who did it and why.
        """
        stored = store.evaluation(storable_id(evaluation_id))
        grades = {name: grade_json(graded) for name, graded in stored.grades.items()}
        body = evaluation_json(stored.evaluation, stored.model_id)
        corrects = Withdrawals(store.database).corrected_by(stored.evaluation.id)
        earlier = [grade_json(graded) for graded in store.earlier(stored.evaluation.id)]
        return answer(
            body
            | {"grade": grade_json(desk.on_label(stored.grades)), "grades": grades, "earlier": earlier}
            | {"label": desk.page_of(stored.evaluation.id)}
            | {"corrects": [{"id": one.evaluation, "created_at": one.created_at} for one in corrects]}
        )

    @routes.get("/evaluations/{evaluation_id}/boamps", responses=shapes.ok(dict, 404, 410, 503))
    def boamps(evaluation_id: Annotated[str, Path(max_length=1024)]) -> Response:
        """One evaluation as a BoAmps report (Boavizta); one without an energy has none."""
        report = as_boamps(
            store.evaluation(storable_id(evaluation_id)).evaluation, desk.page_of(evaluation_id)
        )
        if report is None:
            raise ApiError(404, "not_found", "this evaluation has no energy, so no report")
        return answer(report)

    return routes


def listed_page(desk: Desk, filters: Filters, scale: str, sort: str, cursor: str, limit: int) -> Response:
    """One page of evaluations with their grade on ``scale``. Raises ApiError 422 for an unknown scale or order."""
    one_of("scale", scale, desk.scales)
    one_of("sort", sort, SORTS)
    found = desk.store.page(filters, scale or desk.main_scale, sort, cursor, limit)
    shown = found.rows if scale or filters.letter else desk.with_letters(found.rows)
    rows = [
        evaluation_json(one.evaluation, one.model_id)
        | {"grade": grade_json(one.graded), "label": desk.page_of(one.evaluation.id)}
        for one in shown
    ]
    total = {"total": found.total, "total_is_exact": not found.are_more}
    return answer({"evaluations": rows, "next": found.next or None} | total)


def _plain(text: str) -> str:
    """As it is stored: without characters that no database has."""
    return text.replace("\x00", "\ufffd")
