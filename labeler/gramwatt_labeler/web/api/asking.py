"""Reading requests: only known parameters, JSON bodies within limits, times as people and programs write them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import Any

import msgspec
from starlette.requests import Request

from ...json_keys import once
from .errors import ApiError

_LATEST = 253_402_300_800.0  # the year 10000


def only(*allowed: str) -> Callable[[Request], None]:
    """A dependency that refuses parameters a call does not have, and one given twice: a slip must not widen a list."""

    def check(request: Request) -> None:
        seen: set[str] = set()
        for name, _ in request.query_params.multi_items():
            if name not in allowed:
                raise ApiError(
                    422, "invalid", f"{name[:64]!r} is no parameter of this call", name[:64], allowed
                )
            if name in seen:
                raise ApiError(422, "invalid", f"{name} is given twice", name)
            seen.add(name)

    return check


async def json_body(request: Request) -> Any:
    """The body as Python values. Raises ApiError 415 for another type, 400 for what is no JSON."""
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise ApiError(
            415, "unsupported_media_type", f"{kind[:64]!r} is not read", allowed=["application/json"]
        )
    body = await request.body()
    try:
        found = msgspec.json.decode(body)
        json.loads(body, object_pairs_hook=once)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ApiError(400, "bad_json", f"the body is not JSON: {error}", "$") from None
    except ValueError as error:  # which msgspec does not say
        raise ApiError(400, "bad_json", str(error), "$") from None
    return found


def one_of(name: str, text: str, allowed: Collection[str]) -> str:
    """The text when it is allowed or "". Raises ApiError 422."""
    if text and text not in allowed:
        raise ApiError(422, "invalid", f"{text[:64]!r} is not allowed here", name, sorted(allowed))
    return text


def moment(name: str, text: str) -> float | None:
    """Unix seconds, or a day or time such as 2026-11-28 or 2026-11-28T12:00:00Z; None for "". Raises ApiError."""
    if not text:
        return None
    found = math.nan
    try:
        found = float(text)
    except ValueError:
        try:
            at = datetime.fromisoformat(text)
            found = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            pass
    if not -_LATEST < found < _LATEST:
        allowed = ["Unix seconds", "2026-11-28", "2026-11-28T12:00:00Z"]
        raise ApiError(422, "invalid", f"{text[:64]!r} is no time", name, allowed)
    return found


def storable_id(text: str) -> str:
    """An id from a path, as the store can be asked for it; one with characters that no database has finds nothing."""
    return text if "\x00" not in text and len(text) <= 1024 and text.isprintable() else "\ufffd"
