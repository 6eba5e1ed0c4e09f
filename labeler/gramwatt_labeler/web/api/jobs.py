"""``/api/v1/jobs/{id}``: what has become of a job, once or as a stream of events; cancelling it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

import msgspec
from anyio import to_thread
from fastapi import APIRouter, Depends, Path, Request, Response
from starlette.responses import StreamingResponse

from ...errors import LabelerError, NotFound
from ...store.jobs import FINISHED, Job
from ...store.people import Role
from ..auth.guard import Guard
from ..manage.services import Services
from . import shapes
from .answers import answer
from .errors import ApiError, of_labeler

_LOOK_SECONDS = 1.0
_LONGEST_SECONDS = 600.0
_MOST_STREAMS = 16
_JobId = Annotated[int, Path(ge=1, le=2**31 - 1)]


def router(guard: Guard, services: Services) -> APIRouter:
    """Reading is for everybody; cancelling for managers, and for the user who queued it."""
    routes = APIRouter(prefix="/api/v1", tags=["managing"])
    streams = 0

    @routes.get("/jobs/{job_id}", responses=shapes.ok(shapes.JobOut, 404, 422, 429, 503))
    async def job(job_id: _JobId, request: Request) -> Response:
        """What has become of a job. With ``Accept: text/event-stream`` each change is an event, until it is over."""
        found = await to_thread.run_sync(services.jobs.get, job_id)
        if "text/event-stream" not in request.headers.get("accept", ""):
            return answer(job_json(found))
        if streams >= _MOST_STREAMS:
            raise ApiError(429, "too_many", f"at most {_MOST_STREAMS} streams at once", retry_after=5)
        return StreamingResponse(
            events(request, found), media_type="text/event-stream", headers={"Cache-Control": "no-cache"}
        )

    async def events(request: Request, job: Job) -> AsyncIterator[bytes]:
        nonlocal streams
        streams += 1
        try:
            sent = b""
            for _ in range(int(_LONGEST_SECONDS / _LOOK_SECONDS)):
                data = msgspec.json.encode(job_json(job))
                if data != sent:
                    sent = data
                    yield b"event: job\ndata: " + data + b"\n\n"
                else:
                    yield b": waiting\n\n"  # a client that has gone is found by writing
                if job.state in FINISHED or await request.is_disconnected():
                    return
                await asyncio.sleep(_LOOK_SECONDS)
                try:
                    job = await to_thread.run_sync(services.jobs.get, job.id)
                except NotFound:
                    return
                except LabelerError as error:
                    text = msgspec.json.encode({"message": of_labeler(error).message})
                    yield b"event: trouble\ndata: " + text + b"\n\n"
        finally:
            streams -= 1

    @routes.delete(
        "/jobs/{job_id}", dependencies=[Depends(guard.needs(Role.CONTRIBUTOR))],
        responses=shapes.ok(shapes.JobOut, 401, 403, 404, 422, 429, 503),
    )  # fmt: skip
    def cancel(job_id: _JobId, request: Request) -> Response:
        """Cancel a job; one that is over stays as it is."""
        cancel_by(guard, services, request, job_id)
        return answer(job_json(services.jobs.get(job_id)))

    return routes


def cancel_by(guard: Guard, services: Services, request: Request, job_id: int) -> None:
    """Raises NotFound, and ApiError 403 for a contributor's cancelling another user's job."""
    who = guard.requester(request)
    if who.role is not Role.MANAGER and services.jobs.get(job_id).created_by != who.name:
        raise ApiError(403, "forbidden", "only a manager cancels the job of another user")
    services.jobs.cancel(job_id, who.name, guard.clock())


def job_json(job: Job) -> dict[str, Any]:
    """Without its parameters, which may be secret in other kinds."""
    names = ("id", "kind", "state", "progress", "result", "error", "tries", "created_by", "created_at")
    return {name: getattr(job, name) for name in names}
