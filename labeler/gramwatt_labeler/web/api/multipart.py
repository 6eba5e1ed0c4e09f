"""Bodies with files: of the right type, and with the fields of the call alone."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import Request
from starlette.datastructures import FormData

from ..pages.page import form_of
from .errors import ApiError

_TYPE = "multipart/form-data"


async def read_form(request: Request, fields: Sequence[str], most_files: int, most_bytes: int) -> FormData:
    """The form of a body. Raises ApiError 415 for another type and 422 for an unknown field, else as ``form_of``."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != _TYPE:
        raise ApiError(415, "unsupported_media_type", f"{kind[:64]!r} is not read", allowed=[_TYPE])
    form = await form_of(request, most_files, most_bytes)
    unknown = next((name for name in form if name not in fields), "")
    if unknown:
        raise ApiError(422, "invalid", f"{unknown[:64]!r} is no field of this call", unknown[:64], fields)
    return form
