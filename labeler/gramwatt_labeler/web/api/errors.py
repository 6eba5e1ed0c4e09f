"""Errors of the REST API: ``{"error": {"code", "message", "path", "allowed"}}``."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from anyio import to_thread
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from ...errors import (
    ConfigError,
    Crossed,
    DatabaseAway,
    DatabaseBusy,
    DatabaseFull,
    DatabaseNewer,
    Duplicate,
    FactsError,
    InputError,
    LabelerError,
    NotFound,
    NotYet,
    NotYours,
    Rejected,
    ScaleError,
    TakenBack,
    TryAgain,
)
from ...render.text import clean
from ...store.database import Conflict

PREFIX = "/api/"
_LONGEST = 1000  # characters of a message
_RETRY_SECONDS = 5.0
_CODES = {
    400: "bad_request", 401: "unauthorized", 403: "forbidden", 404: "not_found", 405: "method_not_allowed",
    406: "not_acceptable", 409: "conflict", 410: "gone", 411: "length_required", 413: "too_large",
    415: "unsupported_media_type", 422: "invalid", 429: "too_many", 503: "try_again",
}  # fmt: skip


ProblemPage = Callable[[Request, int, str], Response]
"""``app.state.problem``: the page of an error, from its status and its words."""


class ApiError(Exception):
    """A refusal. ``path`` is where in the request (``$.metrics.size``), ``allowed`` what may stand there."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        path: str = "",
        allowed: Sequence[str] = (),
        existing: str = "",
        retry_after: float = 0.0,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.path = path
        self.allowed = tuple(allowed)
        self.existing = existing
        self.retry_after = retry_after


def of_labeler(error: LabelerError) -> ApiError:
    """What the labeler raised as the caller sees it. Where the database is, is in the log and not here."""
    text = str(error)
    match error:
        case TakenBack():
            return ApiError(410, "gone", text, existing=error.replaced_by)
        case NotYours():
            return ApiError(403, "forbidden", text)
        case NotFound():
            return ApiError(404, "not_found", text)
        case Duplicate():
            return ApiError(409, "duplicate", text, existing=error.existing)
        case FactsError():
            return ApiError(422, "invalid", error.message, error.path, error.allowed)
        case ConfigError():
            return ApiError(422, "invalid", error.message, error.path)
        case InputError():
            path, colon, rest = text.partition(": ")
            is_path = bool(colon) and re.fullmatch(r"[\w.-]+", path) is not None
            where, message = (path, rest) if is_path else ("", text)
            return ApiError(422, "invalid", message, where, error.allowed)
        case DatabaseBusy():
            return ApiError(503, "try_again", "the database is busy; try again", retry_after=_RETRY_SECONDS)
        case DatabaseNewer() | Crossed():
            return ApiError(503, "try_again", text, retry_after=_RETRY_SECONDS)
        case DatabaseFull():
            return ApiError(503, "try_again", f"{text}; nothing was kept", retry_after=_RETRY_SECONDS)
        case DatabaseAway():
            return ApiError(
                503, "try_again", "the database does not answer; try again", retry_after=_RETRY_SECONDS
            )
        case TryAgain() | NotYet():
            return ApiError(503, "try_again", text, retry_after=_RETRY_SECONDS)
        case Rejected() | ScaleError():
            return ApiError(422, "invalid", text)
    return ApiError(500, "internal", "the labeler failed; see its log")


def respond(error: ApiError) -> Response:
    """As JSON, whole and always valid."""
    body: dict[str, Any] = {
        "code": error.code,
        "message": clean(error.message)[:_LONGEST],
        "path": clean(error.path)[:_LONGEST],
        "allowed": [clean(one)[:_LONGEST] for one in error.allowed],
    }
    if error.existing:
        body["existing"] = error.existing
    headers = {"Cache-Control": "no-store"}
    if error.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="gramwatt"'
    if error.retry_after:
        headers["Retry-After"] = str(math.ceil(error.retry_after))
    return Response(msgspec.json.encode({"error": body}), error.status, headers, "application/json")


def of_validation(error: RequestValidationError) -> ApiError:
    """The first of FastAPI's complaints, with the path of the field."""
    found = error.errors()
    if not found:
        return ApiError(422, "invalid", "the request is not as described")
    first = found[0]
    place = [str(one) for one in first.get("loc", ())]
    where, rest = (place[0], place[1:]) if place else ("", [])
    if first.get("type") == "json_invalid":
        return ApiError(400, "bad_json", "the body is not JSON", "$")
    path = (
        "$" + "".join(f"[{one}]" if one.isdigit() else f".{one}" for one in rest)
        if where == "body"
        else ".".join(rest)
    )
    context = first.get("ctx") or {}
    allowed = re.findall(r"'([^']*)'", str(context.get("expected", "")))
    return ApiError(422, "invalid", str(first.get("msg", "is not as described")), path, allowed)


async def handle(request: Request, error: Exception) -> Response:
    """Every error of a call that is known; of a page as a page for browsers, else as a line of text."""
    found = _as_api_error(error)
    if request.url.path.startswith(PREFIX):
        answer = respond(found)
        if isinstance(error, HTTPException) and error.headers:
            answer.headers.update(
                {name: text for name, text in error.headers.items() if name.lower() == "allow"}
            )
        return answer
    headers = {"Retry-After": str(math.ceil(found.retry_after))} if found.retry_after else {}
    message = clean(f"{found.path}: {found.message}" if found.path else found.message)
    if found.allowed:
        message += f"; allowed: {', '.join(map(clean, found.allowed))}"
    problem: ProblemPage | None = getattr(request.app.state, "problem", None)
    if problem is not None and "text/html" in request.headers.get("accept", ""):
        page = await to_thread.run_sync(problem, request, found.status, message[:_LONGEST])
        page.headers.update(headers)
        return page
    return PlainTextResponse(f"{message}\n", found.status, headers)


def _as_api_error(error: Exception) -> ApiError:
    if isinstance(error, ApiError):
        return error
    if isinstance(error, RequestValidationError):
        return of_validation(error)
    if isinstance(error, HTTPException):
        return ApiError(error.status_code, _CODES.get(error.status_code, "error"), str(error.detail))
    if isinstance(error, LabelerError):
        return of_labeler(error)
    if isinstance(error, Conflict):
        return ApiError(503, "try_again", "the same was written at this moment; try again", retry_after=1)
    return ApiError(500, "internal", "the labeler failed; see its log")
