"""Evaluations that are taken back and put back: a page that asks first, the list, and the page of one that is gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from ...errors import Duplicate, InputError, NotYours
from ...render.text import clean
from ...store.nouns import Evaluation, Origin
from ...store.withdrawals import Item, Which, Withdrawals
from ...store.withdrawing import LONGEST_REASON
from .desk import Desk
from .evaluations import ORIGINS
from .page import checked, form_of, texts_of
from .visitors import Visitor

_Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
_ROWS = 50
_LATE = "log in with the right to write, then send it again"


def router(desk: Desk) -> APIRouter:
    """``/take-back`` asks, ``/taken-back`` lists what is gone."""
    routes = APIRouter(include_in_schema=False)
    withdrawals = Withdrawals(desk.store.database)

    def asking(request: Request, form: Mapping[str, str], trouble: str = "", status: int = 200) -> Response:
        which = which_of(form)
        found = withdrawals.find(which)
        owner = owner_of(desk.pages.visitors(request))
        return desk.pages.render(
            "take_back.html.j2",
            request,
            status,
            here="/evaluations",
            form=form,
            which=which,
            found=found,
            shown=desk.store.evaluation(found.ids[0]).evaluation,
            may=owner is None or list(found.added_by) == [owner],
            trouble=trouble,
            longest=LONGEST_REASON,
        )

    @routes.get("/take-back")
    def ask(
        request: Request,
        id: Annotated[str, Query(max_length=1024)] = "",  # noqa: A002 - the name in the address
        import_id: Annotated[str, Query(max_length=26)] = "",
    ) -> Response:
        return asking(request, {"id": id, "import_id": import_id})

    @routes.post("/take-back")
    async def take_back(request: Request) -> Response:
        form = texts_of(await form_of(request))
        return await run_in_threadpool(lambda: _taken(request, form))

    def _taken(request: Request, form: Mapping[str, str]) -> Response:
        visitor = desk.pages.visitors(request)
        if not visitor.may_write or not checked(form, visitor.csrf):
            return asking(request, form, _LATE, 403)
        reason = clean(form.get("reason", ""))
        if len(reason) > LONGEST_REASON:
            return asking(request, form, f"reason: longer than {LONGEST_REASON} characters", 422)
        try:
            done = withdrawals.take_back(
                which_of(form), visitor.name, reason, desk.clock(), owner_of(visitor)
            )
        except NotYours as error:
            return asking(request, form, str(error), 403)
        return RedirectResponse(f"/taken-back/{done.id}", 303)

    @routes.get("/taken-back")
    def listed(request: Request, before: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0) -> Response:
        found = withdrawals.some("", before, _ROWS)
        return desk.pages.render(
            "taken_back_list.html.j2", request, here="/evaluations", found=found, before=before,
            following=found[-1].id if len(found) == _ROWS else 0,
        )  # fmt: skip

    def act(request: Request, number: int, trouble: str = "", status: int = 200) -> Response:
        found = withdrawals.get(number)
        return desk.pages.render(
            "taken_back_act.html.j2", request, status, here="/evaluations", one=found, origins=ORIGINS,
            trouble=trouble,
        )  # fmt: skip

    @routes.get("/taken-back/{number}")
    def one(request: Request, number: _Number) -> Response:
        return act(request, number)

    @routes.post("/taken-back/{number}")
    async def restore(request: Request, number: _Number) -> Response:
        form = texts_of(await form_of(request))
        return await run_in_threadpool(lambda: _restored(request, number, form))

    def _restored(request: Request, number: int, form: Mapping[str, str]) -> Response:
        visitor = desk.pages.visitors(request)
        if not visitor.may_manage or not checked(form, visitor.csrf):
            return act(request, number, "a manager puts back what was taken back; log in and try again", 403)
        ids = [form["id"]] if form.get("id") else []
        try:
            found = withdrawals.restore(number, visitor.name, desk.clock(), ids)
        except Duplicate as error:
            return act(request, number, str(error), 409)
        only = f"/evaluations/{quote(found[0], safe='')}" if len(found) == 1 else "/evaluations"
        return RedirectResponse(only, 303)

    return routes


def which_of(form: Mapping[str, str]) -> Which:
    """One evaluation, or a whole import. Raises InputError for neither."""
    if form.get("import_id"):
        return Which(import_id=form["import_id"])
    if not form.get("id"):
        raise InputError("id: name an evaluation, or its import_id")
    return Which([form["id"]])


def owner_of(visitor: Visitor) -> str | None:
    """Whose evaluations a visitor may take back: all of them for a manager (None), else the visitor's own."""
    return None if visitor.may_manage else visitor.name


def may_change(visitor: Visitor, evaluation: Evaluation) -> bool:
    """Whether a visitor may take an evaluation back."""
    return visitor.may_write and (visitor.may_manage or evaluation.created_by == visitor.name)


def gone_page(desk: Desk, request: Request, evaluation_id: str) -> Response:
    """The page of one that was taken back, as it was: 410. Raises NotFound."""
    gone, stored = desk.store.withdrawn(evaluation_id)
    total = Withdrawals(desk.store.database).get(gone.withdrawal, 1).total
    return desk.pages.render(
        "taken_back.html.j2", request, 410, here="/evaluations", gone=gone, evaluation=stored.evaluation,
        window=stored.evaluation.window, measured=stored.evaluation.measurement, letters=stored.grades, origins=ORIGINS,
        total=total,
        title=clean(stored.evaluation.window.model or stored.evaluation.window.name or evaluation_id),
    )  # fmt: skip


def is_undated(evaluation: Evaluation, before: Sequence[Item]) -> bool:
    """Whether nobody stated when a run ended: it has the time when it, or what it corrects, was added."""
    added = (evaluation.created_at, *(one.created_at for one in before))
    return evaluation.origin in (Origin.FORM, Origin.FILE) and evaluation.window.end in added


def correcting_address(evaluation: Evaluation) -> str:
    """The form with the numbers of an evaluation; "" for one that can only be taken back."""
    return f"/evaluate?{urlencode({'corrects': evaluation.id})}" if evaluation.origin.is_correctable else ""
