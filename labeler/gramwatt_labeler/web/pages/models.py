"""Models: the list, and registering one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from ...errors import Duplicate, LabelerError
from ...forms.mistakes import Mistake
from ...forms.quantities import BYTES, COUNT, FLOPS, Kind, read_quantity
from ...render.text import clean
from ...store.nouns import ModelFacts
from ...store.rows import author_and_name
from .desk import Desk
from .page import checked, form_of, texts_of

ROWS = 50
WORDS = {"domain": "Domain", "library": "Library", "licence": "Licence", "note": "Note"}
AMOUNTS: Mapping[str, tuple[str, Kind]] = {
    "parameters": ("Parameters", COUNT), "file_bytes": ("Size of the file", BYTES),
    "flops_per_unit": ("FLOPs per request", FLOPS),
}  # fmt: skip


def router(desk: Desk) -> APIRouter:
    """``/models``."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/models")
    def listed(
        request: Request,
        q: Annotated[str, Query(max_length=256)] = "",
        after: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
    ) -> Response:
        return _list(request, clean(q), after, {}, {})

    def _list(
        request: Request,
        q: str,
        after: int,
        form: Mapping[str, str],
        wrong: Mapping[str, str],
        status: int = 200,
    ) -> Response:
        found = desk.store.models(q, after, ROWS + 1)
        shown = found[:ROWS]
        return desk.pages.render(
            "models.html.j2", request, status, here="/models", q=q, models=shown, after=after,
            following=shown[-1].id if len(found) > ROWS else None, form=form, wrong=wrong, words=WORDS,
            amounts=AMOUNTS, first=next(iter(wrong), ""),
        )  # fmt: skip

    @routes.post("/models")
    async def add(request: Request) -> Response:
        form = texts_of(await form_of(request))
        return await run_in_threadpool(lambda: _add(request, form))

    def _add(request: Request, form: dict[str, str]) -> Response:
        trouble = may_not(desk, request, form)
        if trouble:
            return _list(request, "", 0, form, {"add": trouble}, 403)
        facts, wrong = read_facts(form)
        if wrong or facts is None:
            return _list(request, "", 0, form, wrong, 422)
        try:
            model = desk.store.put_model(facts, desk.clock(), desk.pages.visitors(request).name)
        except (Duplicate, LabelerError) as error:
            return _list(request, "", 0, form, {"add": str(error)}, 422)
        return RedirectResponse(f"/models/{model}", 303)

    return routes


def may_not(desk: Desk, request: Request, form: Mapping[str, str]) -> str:
    """Why this visitor may not change anything with this form, or ""."""
    visitor = desk.pages.visitors(request)
    if not visitor.may_write:
        return "log in with the right to write first"
    return "" if checked(form, visitor.csrf) else "the page was open for too long; send it again"


def read_facts(form: Mapping[str, str]) -> tuple[ModelFacts | None, dict[str, str]]:
    """A form's texts as facts, or what is wrong by field."""
    wrong: dict[str, str] = {}
    author, name = author_and_name(clean(form.get("model", "")))
    if not name:
        wrong["model"] = "is needed: organisation/name"
    if len(name) > 256 or len(author) > 256:
        wrong["model"] = "longer than 256 characters"
    amounts: dict[str, float] = {}
    for key, (_, kind) in AMOUNTS.items():
        text = form.get(key, "")
        if text:
            try:
                amounts[key] = read_quantity(text, kind, form.get(f"{key}_unit", "") or kind.base)
            except Mistake as mistake:
                wrong[key] = str(mistake)
    words = {key: clean(form.get(key, "")) for key in (*WORDS, "revision")}
    for key, text in words.items():
        if len(text) > (2000 if key == "note" else 256):
            wrong[key] = "is too long"
    if wrong:
        return None, wrong
    facts: dict[str, Any] = {**words, **amounts}
    return ModelFacts(author, name, **facts), {}
