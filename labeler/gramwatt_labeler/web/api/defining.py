"""``/api/v1/metrics``, ``tools``, ``fields`` and ``tactics``: what managers define. Reading is for everybody."""

from __future__ import annotations

from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Path, Request, Response

from ...definitions import FieldIn, MetricIn, TacticIn, ToolIn, tool_row
from ...errors import Duplicate
from ...recommendations import metric_facts
from ...roi.tactics import tactics as shipped_tactics
from ...store.people import Role
from ...uploads.tools import tools as shipped_tools
from ..auth.guard import Guard
from ..pages.desk import Desk
from . import shapes
from .answers import answer
from .asking import json_body
from .errors import ApiError

Given = MetricIn | ToolIn | FieldIn | TacticIn
SHAPES: dict[str, type[Given]] = {
    "metrics": MetricIn,
    "tools": ToolIn,
    "fields": FieldIn,
    "tactics": TacticIn,
}


def router(desk: Desk, guard: Guard) -> APIRouter:
    """Four resources of the same manners."""
    routes = APIRouter(prefix="/api/v1", tags=["managing"])
    for kind, shape in SHAPES.items():
        _add(routes, desk, guard, kind, shape)
    return routes


def _add(routes: APIRouter, desk: Desk, guard: Guard, kind: str, shape: Any) -> None:
    def all_of() -> Response:
        return answer({kind: listed(desk, kind)})

    async def add(request: Request) -> Response:
        who = await to_thread.run_sync(guard.allow, request, Role.MANAGER)
        given = shapes.read(shape, await json_body(request))
        return await to_thread.run_sync(lambda: kept(given, who.name, True))

    async def change(request: Request, name: Annotated[str, Path(max_length=256)]) -> Response:
        who = await to_thread.run_sync(guard.allow, request, Role.MANAGER)
        given = shapes.read(shape, await json_body(request))
        if given.name != name:
            raise ApiError(
                422, "invalid", "the name of the body is another than that of the address", "$.name", [name]
            )
        return await to_thread.run_sync(lambda: kept(given, who.name, False))

    def kept(given: Given, by: str, is_new: bool) -> Response:
        names = {row["name"] for row in listed(desk, kind)}
        if is_new and given.name in names:
            raise ApiError(
                409, "duplicate", f"{given.name} is there; PUT changes it", "$.name", existing=given.name
            )
        if not is_new and given.name not in names:
            raise ApiError(404, "not_found", f"no {kind} are named {given.name[:64]!r}; POST adds it", "name")
        put(desk, given, by, is_new)
        row = next(one for one in listed(desk, kind) if one["name"] == given.name)
        return answer(row, 201 if is_new else 200)

    body = shapes.body(shape)
    changed = shapes.ok(dict, 400, 401, 403, 404, 409, 413, 415, 422, 429, 503)
    routes.add_api_route(
        f"/{kind}", all_of, methods=["GET"], responses=shapes.ok(dict, 503), name=f"list_{kind}",
        description=f"All {kind}, shipped and defined by managers.",
    )  # fmt: skip
    routes.add_api_route(
        f"/{kind}", add, methods=["POST"], status_code=201, responses=shapes.created(dict), openapi_extra=body,
        name=f"add_{kind}", description=f"Define one of the {kind}; in force at once.",
    )  # fmt: skip
    routes.add_api_route(
        f"/{kind}/{{name}}", change, methods=["PUT"], responses=changed, openapi_extra=body, name=f"change_{kind}",
        description=f"Change one of the {kind}; in force at once.",
    )  # fmt: skip


_NAMES = {
    "metrics": (
        "name",
        "title",
        "phases",
        "unit",
        "direction",
        "description",
        "how_to",
        "recommendations",
        "enabled",
    ),
    "tools": ("name", "description", "enabled", "reduce", "columns"),
    "fields": ("name", "phase", "choices", "description"),
    "tactics": tuple(TacticIn.model_fields),
}


def listed(desk: Desk, kind: str) -> list[dict[str, Any]]:
    """What there is, shipped rows with ``origin`` shipped unless they were changed."""
    catalogue = desk.definitions.catalogue
    if kind == "metrics":
        # Before they could be set, a row had an empty object.
        own = [dict(row) | {"recommendations": row["recommendations"] or []} for row in catalogue.metrics()]
        found = [
            {
                "name": name, "title": one.title, "phases": list(one.phases), "unit": one.kind,
                "direction": one.direction, "description": one.meaning, "how_to": one.how_to, "enabled": True,
                "recommendations": [
                    {"letter": each.start, "text": each.text, "source": each.source.text, "url": each.source.url}
                    for each in one.advice
                ],
            }
            for name, one in metric_facts().items()
        ]  # fmt: skip
    elif kind == "tools":
        own = [
            dict(row) | {"reduce": row["columns"][0]["reduce"] if row["columns"] else "last"}
            for row in catalogue.tools()
        ]
        found = [
            {
                "name": tool.name, "description": tool.title, "enabled": True, "reduce": tool.reduce,
                "columns": [
                    {"column_name": column, "field": target.field, "unit": target.unit}
                    for column, target in tool.columns.items()
                ],
            }
            for tool in shipped_tools() if tool.columns
        ]  # fmt: skip
        for row in own:
            row["columns"] = [
                {key: one[key] for key in ("column_name", "field", "unit")} for one in row["columns"]
            ]
    elif kind == "tactics":
        own = [dict(row) for row in catalogue.tactics()]
        found = [
            {
                "name": one.id, "title": one.title, "stage": one.stage, "phase": one.phase, "metric": one.metric,
                "description": one.description, "low": one.low, "expected": one.expected, "high": one.high,
                "derived": one.derived, "source": one.source.text, "url": one.source.url, "enabled": True,
            }
            for one in shipped_tactics()
        ]  # fmt: skip
    else:
        own, found = [dict(row) for row in catalogue.fields()], []
    mine = {row["name"]: {name: row[name] for name in _NAMES[kind]} | {"origin": "manager"} for row in own}
    shipped = {row["name"]: row | {"origin": "shipped"} for row in found}
    return [row for _, row in sorted((shipped | mine).items())]


def put(desk: Desk, given: Given, by: str, is_new: bool) -> None:
    """Keep it. Raises ApiError with the path of what does not fit, and 409 when another was first."""
    definitions = desk.definitions
    catalogue = definitions.catalogue
    try:
        if isinstance(given, MetricIn):
            catalogue.put_metric(given.model_dump(), by, desk.clock(), is_new)
        elif isinstance(given, FieldIn):
            catalogue.put_field(given.model_dump(), by, desk.clock(), is_new)
        elif isinstance(given, TacticIn):
            catalogue.put_tactic(given.model_dump(), by, desk.clock(), is_new)
        else:
            unfitting = definitions.unfitting(given)
            if unfitting is not None:
                number, words, allowed = unfitting
                raise ApiError(422, "invalid", words, f"$.columns[{number}]", allowed)
            there = {row["name"] for row in catalogue.tools()}
            row, columns = tool_row(given)
            catalogue.put_tool(row, columns, by, desk.clock(), is_new or given.name not in there)
    except Duplicate as error:
        raise ApiError(
            409, "duplicate", f"{given.name} is there", "$.name", existing=error.existing
        ) from None
