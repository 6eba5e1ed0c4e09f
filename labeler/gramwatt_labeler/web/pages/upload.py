"""Files with results: recognised, mapped, merged, previewed with their letters, then added with a report by line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from ...bounded_program import reading_for
from ...errors import InputError
from ...forms.fields import BOUNDARIES, PHASES
from ...forms.quantities import KINDS
from ...store.identifiers import new_id
from ...uploads.adding import (
    ADDED,
    DEFAULTS,
    MOST_ADDED,
    PREVIEW,
    TAKEN_BACK,
    File,
    Line,
    added,
    counts_of,
    graded,
    mapped_file,
    origin_of,
    proposed,
    records_of,
)
from ...uploads.mapping import EXTRA, FIELDS
from ...uploads.reading import KINDS as FILE_KINDS
from ...uploads.reading import read_upload
from ...uploads.rows import read_rows
from ...uploads.sheet import MOST_BYTES, MOST_COLUMNS, MOST_FILES, MOST_ROWS
from ...uploads.tools import recognise, tool_named
from ..auth.guard import client_of
from .desk import Desk
from .page import checked, files_of, form_of, texts_of
from .spool import Added, Spool

SHOWN = 1000
"""Lines of a report on one page."""
MOST_GRADED = 2000
"""Rows of a preview that are graded; the others are read only."""
_MOST_FIELDS = 2 * MOST_FILES * MOST_COLUMNS + 100


def router(desk: Desk) -> APIRouter:
    """``/upload`` and the preview behind it."""
    routes = APIRouter(include_in_schema=False)
    spool = Spool(desk.clock)

    def start(
        request: Request, form: Mapping[str, str], wrong: Sequence[str] = (), status: int = 200
    ) -> Response:
        return desk.pages.render(
            "upload.html.j2",
            request,
            status,
            here="/upload",
            tools=desk.definitions.tools(),
            phases=PHASES,
            form=form,
            wrong=wrong,
            kinds=FILE_KINDS,
            most_files=MOST_FILES,
            most_rows=MOST_ROWS,
            most_megabytes=MOST_BYTES // 1_000_000,
        )

    @routes.get("/upload")
    def empty(request: Request) -> Response:
        return start(request, {})

    @routes.post("/upload")
    async def upload(request: Request) -> Response:
        form = await form_of(request, MOST_FILES, MOST_BYTES)
        texts = texts_of(form)
        files = [(one.filename or "file", await one.read(MOST_BYTES + 1)) for one in files_of(form, "files")]
        return await run_in_threadpool(lambda: received(request, texts, files))

    def received(request: Request, form: Mapping[str, str], files: Sequence[tuple[str, bytes]]) -> Response:
        if not files:
            return start(request, form, ["choose at least one file"], 422)
        sheets, wrong = [], []
        # Somebody without a name is known by the address.
        with reading_for(desk.pages.visitors(request).name or client_of(request)):
            for name, content in files:
                try:
                    sheets.append(read_upload(name, content))
                except InputError as error:
                    wrong.append(str(error))
        if wrong:
            return start(request, form, wrong, 422)
        known = desk.definitions.tools()
        chosen = tool_named(form.get("tool", ""), known)
        read = [
            proposed(at, sheet, chosen or recognise(sheet.columns, known)) for at, sheet in enumerate(sheets)
        ]
        return preview(request, spool.put(sheets), read, form)

    def preview(
        request: Request,
        name: str,
        read: Sequence[File],
        form: Mapping[str, str],
        status: int = 200,
        trouble: str = "",
    ) -> Response:
        defined = desk.definitions.fields()
        records = records_of(read, form)
        rows = read_rows(records[:MOST_ADDED], defined)
        if len(records) > MOST_ADDED and not trouble:
            trouble = too_many(len(records))
        lines = [graded(desk.grade, row) for row in rows[:MOST_GRADED]]
        lines += [Line(row, None, is_wrong=row.entry is None) for row in rows[MOST_GRADED:]]
        letters = [line.result.shown.grade.letter or "-" for line in lines if line.result]
        return desk.pages.render(
            "upload_preview.html.j2",
            request,
            status,
            here="/upload",
            upload=name,
            files=read,
            form=form,
            defaults={name: form.get(name, "") for name in DEFAULTS},
            phases=PHASES,
            boundaries=[("", "as the files say"), *BOUNDARIES],
            fields=FIELDS | {one.key: one.label for one in defined},
            extra=EXTRA,
            kinds=[kind for kind in KINDS.values() if len(kind.units) > 1],
            lines=sorted(lines, key=lambda line: not line.is_wrong)[: PREVIEW * 4],
            total=len(records),
            wrong=sum(line.is_wrong for line in lines),
            letters=[(letter, letters.count(letter)) for letter in sorted(set(letters))],
            graded=min(len(rows), MOST_GRADED),
            merged=len(read) > 1,
            trouble=trouble,
            unnamed=is_unnamed(read, form),
            most_added=MOST_ADDED,
        )

    def is_unnamed(read: Sequence[File], form: Mapping[str, str]) -> bool:
        """Whether neither a column nor the form says which model these runs are of."""
        fields = {column.target.field for one in read for column in one.columns if column.target}
        return "model" not in fields and not form.get("model")

    @routes.post("/upload/{name}")
    async def mapped(request: Request, name: str) -> Response:
        form = texts_of(await form_of(request, most_fields=_MOST_FIELDS))
        return await run_in_threadpool(lambda: chosen(request, name, form))

    def chosen(request: Request, name: str, form: Mapping[str, str]) -> Response:
        if done := spool.added(name):  # the page was loaded again, or its button clicked twice
            return report(request, done, is_again=True)
        kept = spool.get(name)
        if kept is None:
            gone = "these files are kept no longer: they were for an hour at most; choose them again"
            return start(request, form, [gone], 410)
        known, defined = desk.definitions.tools(), desk.definitions.fields()
        read = [mapped_file(at, sheet, form, known, defined) for at, sheet in enumerate(kept.sheets)]
        if form.get("do") != "add":
            return preview(request, name, read, form)
        visitor = desk.pages.visitors(request)
        if not visitor.may_write or not checked(form, visitor.csrf):
            return preview(
                request, name, read, form, 403, "log in with the right to write, then send it again"
            )
        records = records_of(read, form)
        if len(records) > MOST_ADDED:
            return preview(request, name, read, form, 422, too_many(len(records)))
        lines = [graded(desk.grade, row) for row in read_rows(records, defined)]
        import_id, again = new_id(desk.clock()), bool(form.get("again"))
        lines = added(desk.store, lines, visitor.name, origin_of(read), import_id, again)
        first = sorted(lines, key=lambda line: not line.is_wrong)[:SHOWN]
        counts = {word: count for word, count in counts_of(lines).items() if count}
        done = Added(first, len(lines), counts, desk.clock(), import_id if ADDED in counts else "")
        spool.finish(name, done)
        return report(request, done)

    def report(request: Request, done: Added, is_again: bool = False) -> Response:
        return desk.pages.render(
            "upload_report.html.j2",
            request,
            here="/upload",
            done=done,
            taken_back=TAKEN_BACK,
            shown=SHOWN,
            is_again=is_again,
        )

    return routes


def too_many(rows: int) -> str:
    """Why so many runs are not added here, and what adds them."""
    return (
        f"{rows:,} rows; at most {MOST_ADDED:,} are added at once here, and no more are looked at. "
        "Split the file, or use gramwatt-labeler import"
    )
