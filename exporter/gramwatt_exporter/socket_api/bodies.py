"""Request bodies and queries: decoded by type, refused with the field and the fix."""

from __future__ import annotations

import re
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec

from ..windows.errors import ApiError
from ..windows.model import OpenRequest, StartTicks
from ..windows.outcome import Outcome

_UNKNOWN = re.compile(r"unknown field `(?P<field>[^`]*)`")
_MISSING = re.compile(r"missing required field `(?P<field>[^`]*)`")
_WRONG = re.compile(r"^(?P<message>.*?) - at `(?P<path>[^`]*)`$", re.DOTALL)

Body = TypeVar("Body")


class Values(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of ``.../values``."""

    values: dict[str, float]


class Stop(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of ``.../stop``; a request may have none."""

    values: dict[str, float] = {}
    outcome: Outcome | None = None


class Process(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of ``.../processes`` and ``.../leave``."""

    pid: int
    pid_start_ticks: StartTicks | None = None


# Made here, by one thread: msgspec 0.22 ends the process (a null pointer) when two threads, such as those of two
# clients, are the first to decode one type.
_DECODERS: dict[type, msgspec.json.Decoder[Any]] = {
    kind: msgspec.json.Decoder(kind) for kind in (OpenRequest, Values, Stop, Process)
}


def decode(body: bytes, kind: type[Body]) -> Body:
    """The body as ``kind``. Raises ApiError 400 naming the field."""
    if not body.strip():
        body = b"{}"
    try:
        found: Body = _DECODERS[kind].decode(body)
        return found
    except msgspec.ValidationError as error:
        raise _explain(str(error), kind) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ApiError(400, "", f"the body is not JSON: {error}", "send one JSON object in UTF-8") from None


def query(text: str, allowed: dict[str, str]) -> dict[str, str]:
    """Query parameters over their defaults. Raises ApiError 400 for unknown or repeated ones."""
    found: dict[str, str] = {}
    for key, value in parse_qsl(text, keep_blank_values=True):
        if key not in allowed:
            names = ", ".join(allowed) or "none"
            raise ApiError(400, key[:64], "is not a parameter of this call", f"allowed here: {names}")
        if key in found:
            raise ApiError(400, key, "is given twice", "give it once")
        found[key] = value
    return allowed | found


def count(field: str, text: str, most: int) -> int:
    """A whole number 0..``most``. Raises ApiError 400."""
    if not re.fullmatch(r"[0-9]{1,6}", text) or int(text) > most:
        raise ApiError(400, field, f"{text[:64]!r} is not a count", f"give a whole number from 0 to {most}")
    return int(text)


def flag(field: str, text: str) -> bool:
    """``true`` or ``false``. Raises ApiError 400."""
    if text not in ("true", "false"):
        raise ApiError(400, field, f"{text[:64]!r} is not a flag", "use true or false")
    return text == "true"


def _explain(message: str, kind: type) -> ApiError:
    fields = ", ".join(info.encode_name for info in msgspec.structs.fields(kind))
    unknown = _UNKNOWN.search(message)
    if unknown:
        return ApiError(400, unknown["field"][:64], "is not a field of this call", f"allowed here: {fields}")
    missing = _MISSING.search(message)
    if missing:
        return ApiError(400, missing["field"], "is missing", f"send it; fields of this call: {fields}")
    wrong = _WRONG.match(message)
    if wrong:
        path = wrong["path"].removeprefix("$").replace("[...]", "").lstrip(".")
        return ApiError(400, path, wrong["message"].replace("`", ""), "send the type that is expected")
    return ApiError(400, "", message.replace("`", ""), "send one JSON object")
