"""The study: how models on the hub report CO2, what it goes along with, and every one of them as a label."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from ...charts.drawing import draw
from ...equivalents import equivalents
from ...errors import ConfigError, InputError
from ...hub.evaluating import evaluation_id
from ...store.hub import HubRows
from ...store.people import Role
from ...study.analysis import LEAST, Study, analyse
from ...study.charts import charts_of
from ...study.filters import AMOUNTS, MONTHS, NAMES, WORDS, choices_of, emptied_by, narrowed
from ...study.frame import Row
from ...study.reading import STUDY_SCALE, Reading, letters_of
from ..api.hub import queue_sync
from ..auth.guard import Guard
from ..manage.services import Services
from .desk import Desk
from .page import form_of, svg, texts_of


def router(desk: Desk, guard: Guard, services: Services) -> APIRouter:
    """``/study``, ``/study/{hub id}``; ``POST /study/syncs`` by managers."""
    routes = APIRouter(include_in_schema=False)
    hub = HubRows(desk.store.database)
    reading = Reading(hub)

    @routes.get("/study")
    def page(request: Request) -> Response:
        rows = reading.rows()
        given = {name: request.query_params.get(name, "")[:256] for name in NAMES}
        wrong, some = "", []
        try:
            some = narrowed(rows, given)
        except InputError as error:
            wrong = str(error)
        study, trouble = _analysed(some)
        charts = [
            (one.title, svg(draw(one.spec, one.title)))
            for one in charts_of(some, letters_of(hub, some, STUDY_SCALE))
        ]
        return desk.pages.render(
            "study.html.j2", request, 422 if wrong else 200, here="/study", asked=given, choices=choices_of(rows),
            wrong=wrong, study=study, trouble=trouble, charts=charts, known=len(rows), least=LEAST, words=WORDS,
            amounts=AMOUNTS, months=MONTHS, found=len(some), narrowed=any(given.values()),
            emptied_by="" if some or wrong else emptied_by(rows, given),
            equivalents=equivalents(None, study.grams if study and study.with_co2 else None),
            syncs=hub.syncs(5), may_manage=_is_manager(request),
        )  # fmt: skip

    def _is_manager(request: Request) -> bool:
        return guard.requester(request).role is Role.MANAGER

    @routes.post("/study/syncs")
    async def start(request: Request) -> Response:
        form = texts_of(await form_of(request))
        return await run_in_threadpool(lambda: _start(request, form))

    def _start(request: Request, form: Mapping[str, str]) -> Response:
        who = guard.allow(request, Role.MANAGER, form.get("csrf", ""))
        job = queue_sync(services, bool(form.get("whole")), bool(form.get("texts")), who.name, desk.clock())
        return RedirectResponse(f"/jobs/{job}", 303)

    @routes.get("/study/{hub_id:path}")
    def model(hub_id: str) -> Response:
        """The label of a model that is there already."""
        models = desk.store.models(hub_id[:256].casefold(), limit=50) if "\0" not in hub_id else []
        found = next((one for one in models if one.facts.hub_id == hub_id), None)
        if found is None:
            raise HTTPException(404, "no such model of the hub is here; see /models")
        if found.evaluations:
            return RedirectResponse(f"/evaluations/{evaluation_id(hub_id)}", 303)
        return RedirectResponse(f"/models/{found.id}", 303)

    return routes


def _analysed(rows: list[Row]) -> tuple[Study | None, str]:
    if not rows:
        return None, ""
    try:
        return analyse(rows), ""
    except ConfigError as error:
        return None, f"{error.message}; totals and charts need nothing more"
