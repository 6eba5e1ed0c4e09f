"""``POST /api/v1/probes``: a deployed model is driven and measured, as a job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from anyio import to_thread
from fastapi import APIRouter, Request, Response

from ...errors import FactsError
from ...probe.asked import Asked, mistakes, read_asked, shaped
from ...probe.hosts import endpoint
from ...store.identifiers import new_id
from ...store.people import Role
from ..auth.guard import Guard
from ..manage.services import Services
from ..pages.desk import Desk
from . import shapes
from .answers import answer
from .asking import json_body
from .jobs import job_json


def router(desk: Desk, guard: Guard, services: Services) -> APIRouter:
    """One call."""
    routes = APIRouter(prefix="/api/v1", tags=["evaluations"])

    @routes.post(
        "/probes", status_code=202, responses=shapes.accepted(shapes.JobOut) | shapes.problems(400, 413, 415),
        openapi_extra=shapes.body(shapes.ProbeIn),
    )  # fmt: skip
    async def add(request: Request) -> Response:
        """Ask a deployed model many times and measure what serves it: a job, whose result names the evaluation."""
        who = await to_thread.run_sync(guard.allow, request, Role.CONTRIBUTOR)
        body = await json_body(request)
        return await to_thread.run_sync(lambda: queued(body, who.name))

    def queued(body: Any, by: str) -> Response:
        if not isinstance(body, dict):
            raise FactsError("$", "expected an object")
        job = queue(desk, services, read_asked(body), by)
        return answer(job_json(services.jobs.get(job)), 202)

    return routes


def queue(desk: Desk, services: Services, asked: Asked, by: str) -> int:
    """The number of the job. Raises FactsError for a host that is not allowed, TryAgain for one without address."""
    endpoint(asked.url, services.probe_hosts)
    now = desk.clock()
    params: Mapping[str, Any] = {"asked": msgspec.to_builtins(asked), "evaluation": new_id(now), "by": by}
    job = services.jobs.add("probe", params, by, now)
    services.wake()
    return job


def asked_of(form: Mapping[str, str], inputs: Sequence[str]) -> tuple[Asked | None, dict[str, str]]:
    """A form's texts as what is asked, and what is wrong by field: all of it at once."""
    tree: dict[str, Any] = {"url": "", "model": "", "inputs": list(inputs)} | {
        name: form[name] for name in ("url", "model", "method", "content_type", "served", "which", "task", "dataset")
        if form.get(name)
    }  # fmt: skip
    wrong: dict[str, str] = {}
    for name in ("requests", "concurrency", "warm_up", "samples"):
        text = form.get(name, "")
        if text and not (text.isascii() and text.isdigit() and len(text) < 8):
            wrong[name] = "expected a whole number"
        elif text:
            tree[name] = int(text)
    try:
        found = shaped(tree)
        errors = list(mistakes(found))
    except FactsError as error:
        found, errors = None, [error]
    for one in errors:
        wrong.setdefault(one.path.removeprefix("$.").partition("[")[0], one.message)
    return (None if wrong else found), wrong
