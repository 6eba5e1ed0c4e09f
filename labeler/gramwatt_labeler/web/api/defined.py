"""What managers define as rows for REST and the pages: listing it, and keeping one."""

from __future__ import annotations

from typing import Any

from ...definitions import FieldIn, MetricIn, TacticIn, ToolIn, tool_row
from ...errors import Duplicate
from ...recommendations import metric_facts
from ...roi.tactics import tactics as shipped_tactics
from ...uploads.tools import tools as shipped_tools
from ..pages.desk import Desk
from .errors import ApiError

Given = MetricIn | ToolIn | FieldIn | TacticIn
SHAPES: dict[str, type[Given]] = {
    "metrics": MetricIn,
    "tools": ToolIn,
    "fields": FieldIn,
    "tactics": TacticIn,
}
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
