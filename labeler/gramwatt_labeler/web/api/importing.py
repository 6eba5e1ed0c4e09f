"""``POST /api/v1/evaluations/import``: files of results, read and added as the upload page does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from anyio import to_thread
from fastapi import APIRouter, Request, Response

from ...bounded_program import reading_for
from ...forms.fields import PHASES
from ...store.identifiers import new_id
from ...store.people import Role
from ...uploads.adding import (
    ADDED,
    DEFAULTS,
    MOST_ADDED,
    Line,
    added,
    counts_of,
    graded,
    origin_of,
    proposed,
    records_of,
)
from ...uploads.reading import read_upload
from ...uploads.rows import read_rows
from ...uploads.sheet import MOST_BYTES, MOST_FILES
from ...uploads.tools import recognise, tool_named
from ..auth.guard import Guard
from ..pages.desk import Desk
from ..pages.page import files_of, texts_of
from . import shapes
from .answers import answer
from .errors import ApiError
from .multipart import read_form

_AGAIN = ("true", "false")
_FIELDS = ("tool", "again", *DEFAULTS)
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["files"],
                    "properties": {
                        "files": {"type": "array", "items": {"type": "string", "format": "binary"}},
                        **{name: {"type": "string", "maxLength": 256} for name in _FIELDS},
                    },
                }
            }
        },
    }
}


def router(desk: Desk, guard: Guard) -> APIRouter:
    """One call."""
    routes = APIRouter(prefix="/api/v1", tags=["evaluations"])

    @routes.post(
        "/evaluations/import", status_code=201, openapi_extra=_BODY,
        responses=shapes.created(dict) | shapes.problems(411),
    )  # fmt: skip
    async def add(request: Request) -> Response:
        """Add the runs of CSV, JSON or XLSX files; the answer has a line for each. One wrong line stops no other.

        ``tool`` names whose files they are; without it their columns do. A row that was taken back is added only with
        ``again`` = ``true``. The other fields fill what the files leave empty. ``import_id`` names all that were added.
        """
        who = await to_thread.run_sync(guard.allow, request, Role.CONTRIBUTOR)
        form = await read_form(request, ("files", *_FIELDS), MOST_FILES, MOST_BYTES)
        files = [(one.filename or "file", await one.read(MOST_BYTES + 1)) for one in files_of(form, "files")]
        large = next((name for name, content in files if len(content) > MOST_BYTES), "")
        if large:
            raise ApiError(
                413, "too_large", f"{large[:64]!r} is larger than {MOST_BYTES // 1_000_000} MB", "files"
            )
        return await to_thread.run_sync(lambda: taken(texts_of(form), files, who.name))

    def taken(form: Mapping[str, str], files: Sequence[tuple[str, bytes]], by: str) -> Response:
        if not files:
            raise ApiError(422, "invalid", "choose at least one file", "files")
        phase, name = form.get("phase", ""), form.get("tool", "")
        if phase and phase not in PHASES:
            raise ApiError(422, "invalid", f"{phase[:64]!r} is no phase", "phase", PHASES)
        again = form.get("again", "") or "false"
        if again not in _AGAIN:
            raise ApiError(422, "invalid", f"{again[:64]!r} is neither true nor false", "again", _AGAIN)
        known = desk.definitions.tools()
        chosen = tool_named(name, known)
        if name and chosen is None:
            raise ApiError(422, "invalid", f"{name[:64]!r} is no tool", "tool", [tool.name for tool in known])
        with reading_for(by):
            sheets = [read_upload(file, content) for file, content in files]
        read = [
            proposed(at, sheet, chosen or recognise(sheet.columns, known)) for at, sheet in enumerate(sheets)
        ]
        records = records_of(read, form)
        if len(records) > MOST_ADDED:
            raise ApiError(
                413, "too_large", f"{len(records)} rows; at most {MOST_ADDED} are added at once", "files"
            )
        rows = read_rows(records, desk.definitions.fields())
        import_id = new_id(desk.clock())
        graded_rows = [graded(desk.grade, row) for row in rows]
        lines = added(desk.store, graded_rows, by, origin_of(read), import_id, again == "true")
        counts = counts_of(lines)
        body = {"lines": [_line(line) for line in lines], "counts": counts}
        return answer(body | {"import_id": import_id if counts[ADDED] else None}, 201)

    return routes


def _line(line: Line) -> dict[str, Any]:
    letter = line.result.shown.grade.letter if line.result else None
    return {
        "file": line.row.file, "line": line.row.line, "outcome": line.outcome, "id": line.id, "letter": letter,
        "message": line.message,
    }  # fmt: skip
