"""Reports: asked for in a form, shown as a page, and as one self-contained file."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from markupsafe import Markup

from ...equivalents import equivalents
from ...errors import InputError
from ...render.label import render_svg
from ...report.asking import Asked, report_of
from ...report.content import Report
from ...report.method import method
from ...report.pictures import charts
from ...report.printing import MOST_RUNS, as_pdf, budget_lines, group_row, totals_rows
from .desk import Desk
from .page import HEADERS, STATIC, svg

_TEXT = Query(max_length=256)


def router(desk: Desk) -> APIRouter:
    """``/report`` and its files."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/report")
    @routes.get("/report.{form}")
    def page(
        request: Request,
        form: str = "",
        id: Annotated[str, _TEXT] = "",  # noqa: A002 - the word in the address
        model: Annotated[str, _TEXT] = "",
        user: Annotated[str, _TEXT] = "",
        month: Annotated[str, _TEXT] = "",
        task: Annotated[str, _TEXT] = "",
        made: Annotated[str, _TEXT] = "",
    ) -> Response:
        asked = Asked(window=id, model=model, user=user, month=month, task=task)
        query = {"id": id, "model": model, "user": user, "month": month, "task": task}
        report, wrong = None, ""
        if any(query.values()) or made:
            try:
                report = report_of(
                    asked,
                    desk.store,
                    desk.scales[desk.main_scale],
                    desk.clock(),
                    desk.prometheus,
                    desk.on_label,
                )
            except InputError as error:
                wrong = str(error)
        if report is not None and form:
            return _file(desk, report, form, asked)
        return desk.pages.render(
            "report.html.j2",
            request,
            422 if wrong else 200,
            here="/report",
            asked=asked,
            query=query,
            wrong=wrong,
            report=report,
            is_page=True,
            users=desk.store.values("user"),
            tasks=desk.store.values("task"),
            **(names_of(desk, report) if report else {}),
        )

    return routes


def names_of(desk: Desk, report: Report) -> dict[str, object]:
    """What the report's own template needs."""
    totals = report.totals
    return {
        "label": label_of(desk, report),
        "totals": totals_rows(report),
        "charts": [(title, svg(picture)) for title, picture in charts(report)],
        "groups": [
            (title, [group_row(one) for one in groups])
            for title, groups in (("Model", report.models), ("Task", report.tasks), ("User", report.users))
            if not report.is_of_one and groups
        ],
        "budgets": [] if report.is_of_one else budget_lines(report),
        "equivalents": equivalents(
            totals.joules if totals.with_energy else None, totals.grams if totals.with_grams else None
        ),
        "method": method(report),
        "rows": report.rows[:MOST_RUNS],
        "more": max(0, totals.runs - MOST_RUNS),
    }


def label_of(desk: Desk, report: Report) -> Markup:
    """The label of a report about one run; empty for others."""
    row = report.rows[0]
    if not report.is_of_one or row.graded is None:
        return svg("")
    return svg(render_svg(row.graded, desk.page_of(row.graded.window.id)))


def as_html(desk: Desk, report: Report) -> str:
    """One file with everything in it."""
    style = svg((STATIC / "app.css").read_text())  # as it is: a style sheet is no markup
    return desk.pages.text("report_file.html.j2", style=style, report=report, **names_of(desk, report))


def file_name(asked: Asked) -> str:
    """A name of plain letters, such as ``report-alice-2026-11``."""
    words = [asked.model, asked.task, asked.user, asked.month, asked.window]
    plain = "-".join(re.sub(r"[^A-Za-z0-9-]+", "-", word).strip("-")[:50] for word in words if word)
    return f"report-{plain or 'all'}"


def _file(desk: Desk, report: Report, form: str, asked: Asked) -> Response:
    if form == "pdf":
        content, kind = as_pdf(report, str(label_of(desk, report))), "application/pdf"
    elif form == "html":
        content, kind = as_html(desk, report).encode(), "text/html; charset=utf-8"
    else:
        return Response(f"no format {form[:20]!r}; there are html and pdf\n", 404, media_type="text/plain")
    disposition = f'attachment; filename="{file_name(asked)}.{form}"'
    return Response(content, media_type=kind, headers=HEADERS | {"Content-Disposition": disposition})
