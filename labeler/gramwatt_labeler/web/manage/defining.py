"""Metrics, tools and extra fields by form, through the same shapes as the REST API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from fastapi import Request, Response

from ...definitions import FieldIn, MetricIn, TacticIn, ToolIn
from ...errors import LabelerError
from ...forms.fields import PHASES
from ...forms.mistakes import Mistake
from ...forms.quantities import RATIO, read_quantity
from ...uploads.mapping import EXTRA, FIELDS
from ..api import shapes
from ..api.defined import Given, listed, put
from ..api.errors import ApiError
from ..pages.desk import Desk

Kind = Literal["metrics", "tools", "fields", "tactics"]
KINDS: tuple[Kind, ...] = ("metrics", "tools", "fields", "tactics")


def page(
    desk: Desk,
    request: Request,
    kind: Kind,
    form: Mapping[str, Any] | None = None,
    message: str = "",
    wrong: str = "",
    status: int = 200,
) -> Response:
    """The list, and a form that is filled with the one that ``?name=`` asks for."""
    rows = listed(desk, kind)
    chosen = next((row for row in rows if row["name"] == request.query_params.get("name")), None)
    return desk.pages.render(
        "manage_defined.html.j2", request, status, here="/manage", kind=kind, kinds=KINDS, rows=rows, message=message,
        wrong=wrong, form=form if form is not None else _form(kind, chosen), phases=PHASES,
        fields=[*FIELDS, EXTRA, *(one.key for one in desk.definitions.fields())],
    )  # fmt: skip


def answer(desk: Desk, request: Request, kind: Kind, form: Mapping[str, str], by: str) -> Response:
    """Keep what the form says."""
    try:
        given = _read(kind, form)
        names = {row["name"] for row in listed(desk, kind)}
        put(desk, given, by, is_new=given.name not in names)
    except ApiError as error:
        path = error.path.removeprefix("$").removeprefix(".")
        words = f"{path}: {error.message}" if path else error.message
        return page(desk, request, kind, form, wrong=words, status=error.status)
    except (LabelerError, ValueError) as error:
        return page(desk, request, kind, form, wrong=str(error), status=422)
    return page(desk, request, kind, message=f"{given.name} was saved.")


def _read(kind: Kind, form: Mapping[str, str]) -> Given:
    name = form.get("name", "")
    if kind == "metrics":
        body: dict[str, Any] = {
            key: form.get(key, "") for key in ("title", "unit", "direction", "description", "how_to")
        }
        body["recommendations"] = _advice(form.get("recommendations", ""))
        body["phases"] = [phase for phase in PHASES if form.get(f"phase-{phase}")]
        return shapes.read(MetricIn, body | {"name": name, "enabled": bool(form.get("enabled"))})
    if kind == "fields":
        choices = [line.strip() for line in form.get("choices", "").splitlines() if line.strip()]
        body = {"name": name, "phase": form.get("phase", ""), "choices": choices or None}
        return shapes.read(FieldIn, body | {"description": form.get("description", "")})
    if kind == "tactics":
        words = ("title", "stage", "phase", "description", "metric", "derived", "source", "url")
        body = {key: form.get(key, "") for key in words}
        body |= {key: _share(form.get(key, ""), key) for key in ("low", "expected", "high")}
        return shapes.read(TacticIn, body | {"name": name, "enabled": bool(form.get("enabled"))})
    body = {"name": name, "description": form.get("description", ""), "reduce": form.get("reduce", "last")}
    return shapes.read(
        ToolIn, body | {"columns": _columns(form.get("columns", "")), "enabled": bool(form.get("enabled"))}
    )


def _share(text: str, name: str) -> float | None:
    """A share of 1, or percent; None for "". Raises ValueError naming the field."""
    if not text:
        return None
    try:
        return read_quantity(text, RATIO, RATIO.base)
    except Mistake as mistake:
        raise ValueError(f"{name}: {mistake}") from None


def _advice(text: str) -> list[dict[str, str]]:
    """``C: what to do | source | address``, one a line."""
    found = []
    for line in text.splitlines():
        if line.strip():
            letter, _, rest = line.partition(":")
            words, _, behind = rest.partition("|")
            source, _, url = behind.partition("|")
            parts = {"letter": letter, "text": words, "source": source, "url": url}
            found.append({name: part.strip() for name, part in parts.items()})
    return found


def _columns(text: str) -> list[dict[str, str]]:
    """``column = field unit``, one a line; the last "=" counts, so that a column's name may have one."""
    found = []
    for line in text.splitlines():
        if line.strip():
            column, _, target = line.rpartition("=")
            field, _, unit = target.strip().partition(" ")
            found.append({"column_name": column.strip(), "field": field, "unit": unit.strip()})
    return found


def _form(kind: Kind, row: Mapping[str, Any] | None) -> dict[str, Any]:
    """A row as the form has it."""
    if row is None:
        return {"enabled": "1", "direction": "lower"} | {f"phase-{phase}": "1" for phase in PHASES}
    form = {name: value for name, value in row.items() if isinstance(value, str)}
    form["enabled"] = "1" if row.get("enabled", True) else ""
    if kind == "metrics":
        form |= {f"phase-{phase}": "1" for phase in row["phases"]}
        advice = (
            [f"{one['letter']}: {one['text']}", one["source"], one["url"]] for one in row["recommendations"]
        )
        form["recommendations"] = "\n".join(" | ".join(filter(None, parts)) for parts in advice)
    if kind == "fields":
        form["choices"] = "\n".join(row["choices"] or ())
    if kind == "tactics":
        form |= {key: f"{row[key]:.6g}" for key in ("low", "expected", "high") if row[key] is not None}
    if kind == "tools":
        lines = (f"{one['column_name']} = {one['field']} {one['unit']}".rstrip() for one in row["columns"])
        form["columns"] = "\n".join(lines)
    return form
