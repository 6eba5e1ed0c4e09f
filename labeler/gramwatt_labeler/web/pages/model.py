"""One model: its facts and evaluations, what its file says, and correcting what a card of the hub says."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from ...bounded_program import reading_for
from ...errors import LabelerError, NotFound
from ...forms.fields import PHASES
from ...forms.mistakes import Mistake
from ...forms.prefill import address, of_model
from ...hub.curating import curate
from ...hub.evaluating import NUMBERS, TEXTS, corrected, curation_texts
from ...model_files.facts import FileFacts
from ...model_files.input_shapes import EXAMPLE, read_shapes
from ...model_files.keeping import keep
from ...model_files.reading import READ, SUFFIXES, read_model
from ...store.hub import HubRows
from ...store.nouns import Filters, Model, ModelFacts
from .desk import Desk
from .models import AMOUNTS, ROWS, WORDS, may_not
from .page import files_of, form_of, texts_of

MOST_FILE_BYTES = 100_000_000


def router(desk: Desk) -> APIRouter:
    """``/models/{id}`` and what is sent from it."""
    routes = APIRouter(include_in_schema=False)
    hub = HubRows(desk.store.database)

    @routes.get("/models/{model_id}")
    def one(request: Request, model_id: str, scale: Annotated[str, Query(max_length=64)] = "") -> Response:
        return _page(request, _model(model_id), scale)

    def _model(model_id: str) -> Model:
        try:
            if not (model_id.isascii() and model_id.isdigit() and len(model_id) < 10):
                raise NotFound(model_id)
            return desk.store.model(int(model_id))
        except NotFound:
            raise HTTPException(404, "there is no such model; see /models") from None

    def _page(
        request: Request,
        model: Model,
        scale: str = "",
        wrong: str = "",
        status: int = 200,
        read: FileFacts | None = None,
        file: str = "",
        typed_shape: str = "",
    ) -> Response:
        scale = scale if scale in desk.scales else ""
        page = desk.store.page(Filters(model_id=model.id), scale or desk.main_scale, limit=ROWS)
        stored = []
        for row in page.rows[:ROWS]:
            with contextlib.suppress(NotFound):  # it may be taken back at this moment
                stored.append(desk.store.evaluation(row.evaluation.id))
        shown = [graded for one in stored if (graded := desk.on_label(one.grades, scale)) is not None]
        labelled = next((one for one in shown if one.grade.letter), shown[0] if shown else None)
        name = _name(model.facts)
        return desk.pages.render(
            "model.html.j2", request, status, here="/models", model=model, name=name, stored=stored, total=page.total,
            are_more=page.are_more, labelled=labelled,
            card=_card(model.facts.hub_id), wrong=wrong, words=WORDS, amounts=AMOUNTS,
            read=read, file=file, suffixes=",".join(SUFFIXES), formats=READ,
            forms={phase: address(of_model(name, model.facts), phase) for phase in PHASES},
            example_shape=EXAMPLE, typed_shape=typed_shape,
            most_megabytes=MOST_FILE_BYTES // 1_000_000,
        )  # fmt: skip

    def _card(hub_id: str) -> dict[str, Any] | None:
        """What the card says, and what people say in its place."""
        if not hub_id:
            return None
        try:
            card = hub.card(hub_id)
        except NotFound:
            return None
        curated = hub.curated([hub_id]).get(hub_id, {})
        _, plain, _ = corrected(card, {})
        _, now, layers = corrected(card, curation_texts(curated))
        return {
            "card": card, "mined": plain, "now": now, "layers": layers, "curated": curated,
            "fields": {**{name: title for name, (title, _) in NUMBERS.items()}, **TEXTS},
        }  # fmt: skip

    @routes.post("/models/{model_id}/file")
    async def from_file(request: Request, model_id: str) -> Response:
        form = await form_of(request, 1, MOST_FILE_BYTES)
        files = files_of(form, "file")
        return await run_in_threadpool(lambda: _from_file(request, model_id, texts_of(form), files))

    def _from_file(
        request: Request, model_id: str, form: Mapping[str, str], files: Sequence[UploadFile]
    ) -> Response:
        """Give the model what its file says."""
        model = _model(model_id)
        trouble = may_not(desk, request, form)
        if trouble:
            return _page(request, model, wrong=trouble, status=403)
        if not files:
            return _page(request, model, wrong="choose the model's file first", status=422)
        name, size = files[0].filename or "file", files[0].size or 0
        typed = form.get("input_shape", "")
        try:
            shapes = read_shapes(typed)
        except LabelerError as error:
            wrong = f"Shape of its input: {error}"
            return _page(request, model, wrong=wrong, status=422, typed_shape=typed)
        by = desk.pages.visitors(request).name
        try:
            with reading_for(by):
                facts = read_model(files[0].file, name, size, shapes)
        except LabelerError as error:
            return _page(request, model, wrong=str(error), status=422, typed_shape=typed)
        model = keep(desk.store, model.facts, facts, desk.clock(), by)
        return _page(request, model, read=facts, file=name, typed_shape=typed)

    @routes.post("/models/{model_id}/curation")
    async def correct(request: Request, model_id: str) -> Response:
        form = texts_of(await form_of(request))
        return await run_in_threadpool(lambda: _correct(request, model_id, form))

    def _correct(request: Request, model_id: str, form: Mapping[str, str]) -> Response:
        model = _model(model_id)
        trouble = may_not(desk, request, form)
        if trouble:
            return _page(request, model, wrong=trouble, status=403)
        value = None if form.get("action") == "back" else form.get("value", "")
        try:
            curate(
                hub, model.facts.hub_id, form.get("field", ""), value, form.get("note", "")[:1000],
                desk.pages.visitors(request).name, desk.scales, desk.main_scale, desk.clock(),
            )  # fmt: skip
        except (LabelerError, Mistake) as error:
            return _page(request, model, wrong=str(error), status=422)
        return RedirectResponse(f"/models/{model.id}#card", 303)

    return routes


def _name(facts: ModelFacts) -> str:
    return f"{facts.author}/{facts.name}" if facts.author else facts.name
