"""The page of a probe (one click: endpoint and example inputs), and of a job while it runs."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from ...errors import FactsError, InputError, NotFound, TryAgain
from ...probe.asked import MOST_CONCURRENCY, MOST_REQUESTS, SERVED
from ...store.jobs import FINISHED
from ..api.probing import asked_of, queue
from ..manage.services import Services
from .desk import Desk
from .page import checked, form_of, texts_of

_ORDER = (
    "url", "model", "task", "dataset", "inputs", "served", "which", "requests", "concurrency", "samples", "warm_up",
    "method", "content_type",
)  # fmt: skip
_FIRST = {
    "method": "POST",
    "content_type": "application/json",
    "requests": "200",
    "concurrency": "1",
    "warm_up": "3",
    "samples": "1",
}


def router(desk: Desk, services: Services) -> APIRouter:
    """``/probe`` and ``/jobs/{id}``."""
    routes = APIRouter(include_in_schema=False)

    def page(
        request: Request, form: Mapping[str, str], wrong: Mapping[str, str], status: int = 200
    ) -> Response:
        return desk.pages.render(
            "probe.html.j2", request, status, here="/probe", form={**_FIRST, **form}, wrong=wrong,
            first=next(iter(wrong), ""), served=SERVED, hosts=list(services.probe_hosts),
            most_requests=MOST_REQUESTS, most_concurrency=MOST_CONCURRENCY,
        )  # fmt: skip

    @routes.get("/probe")
    def empty(request: Request) -> Response:
        return page(request, {name: text[:2000] for name, text in request.query_params.items()}, {})

    @routes.post("/probe")
    async def start(request: Request) -> Response:
        form = texts_of(await form_of(request))
        return await run_in_threadpool(lambda: _start(request, form))

    def _start(request: Request, form: dict[str, str]) -> Response:
        visitor = desk.pages.visitors(request)
        if not visitor.may_write:
            return page(request, form, {"start": "log in with the right to write first"}, 403)
        if not checked(form, visitor.csrf):
            return page(request, form, {"start": "the page was open for too long; send it again"}, 403)
        inputs = [line for line in form.get("inputs", "").splitlines() if line.strip()]
        asked, wrong = asked_of(form, inputs)
        if asked is None:  # in the order of the form, so that the first one has the focus
            places = {name: place for place, name in enumerate(_ORDER)}
            return page(
                request, form, dict(sorted(wrong.items(), key=lambda one: places.get(one[0], 99))), 422
            )
        try:
            job = queue(desk, services, asked, visitor.name)
        except FactsError as error:
            return page(request, form, {error.path.removeprefix("$.").partition("[")[0]: error.message}, 422)
        except InputError as error:
            return page(request, form, {"start": str(error)}, 422)
        except TryAgain as error:
            return page(request, form, {"url": str(error)}, 422)
        return RedirectResponse(f"/jobs/{job}", 303)

    def _known(job_id: str) -> int:
        if not (job_id.isascii() and job_id.isdigit() and len(job_id) < 10 and int(job_id) > 0):
            raise HTTPException(404, "there is no such job")
        return int(job_id)

    @routes.get("/jobs/{job_id}")
    def job(request: Request, job_id: str, still: bool = False) -> Response:
        """The page looks again by itself until the job is over; ``still`` is for who reads slowly."""
        try:
            found = services.jobs.get(_known(job_id))
        except NotFound:
            raise HTTPException(404, "there is no such job") from None
        visitor = desk.pages.visitors(request)
        is_over = found.state in FINISHED
        asked = found.params.get("asked") if found.kind == "probe" else None
        return desk.pages.render(
            "job.html.j2", request, here="/probe" if asked else "", job=found, is_over=is_over, still=still,
            asked=asked or {},
            may_cancel=not is_over and bool(visitor.name) and visitor.name == found.created_by,
        )  # fmt: skip

    @routes.post("/jobs/{job_id}")
    async def cancel(request: Request, job_id: str) -> Response:
        form = texts_of(await form_of(request))
        return await run_in_threadpool(lambda: _cancel(request, _known(job_id), form))

    def _cancel(request: Request, job_id: int, form: Mapping[str, str]) -> Response:
        visitor = desk.pages.visitors(request)
        found = services.jobs.get(job_id)
        if not (visitor.may_write and checked(form, visitor.csrf) and found.created_by == visitor.name):
            raise HTTPException(403, "only the user who started a job stops it here")
        services.jobs.cancel(job_id, visitor.name, desk.clock())
        return RedirectResponse(f"/jobs/{job_id}", 303)

    return routes
