"""A page over the OpenAPI document: every call with its parameters, shapes and an example, from this server alone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request, Response

from ..pages.page import Pages

_METHODS = ("get", "post", "put", "delete")


@dataclass(frozen=True, slots=True)
class Call:
    """One call as the page shows it."""

    method: str
    path: str
    summary: str
    parameters: list[dict[str, Any]]
    body: str
    answers: list[tuple[str, str]]
    command: str

    @property
    def anchor(self) -> str:
        return f"{self.method}-{self.path}".replace("/", "-").replace("{", "").replace("}", "")


def router(pages: Pages) -> APIRouter:
    """``/api/docs``."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/api/docs")
    def viewer(request: Request) -> Response:
        document = request.app.openapi()
        base = str(request.base_url).rstrip("/")
        groups: dict[str, list[Call]] = {}
        for tag, call in calls(document, base):
            groups.setdefault(tag, []).append(call)
        return pages.render(
            "api_docs.html.j2", request, here="/api/docs", groups=groups, title=document["info"]["title"],
            version=document["info"]["version"], base=base,
        )  # fmt: skip

    return routes


def calls(document: Mapping[str, Any], base: str) -> Iterator[tuple[str, Call]]:
    """Every call of the document with the group it belongs to."""
    for path, methods in document["paths"].items():
        for method in _METHODS:
            if method in methods:
                found = methods[method]
                yield (found.get("tags") or ["other"])[0], _call(method, path, found, document, base)


def _call(method: str, path: str, found: Mapping[str, Any], document: Mapping[str, Any], base: str) -> Call:
    content = found.get("requestBody", {}).get("content", {})
    schema: Any = next((one.get("schema", {}) for one in content.values()), {})
    schema = schema.get("anyOf", [schema])[0] if content else {}
    example = schema.get("example")
    body = (
        json.dumps(example if example is not None else _shape(schema, document), indent=2) if content else ""
    )
    command = f"curl {base}{path}"
    if method != "get":
        command = f"curl -X {method.upper()} -H 'Authorization: Bearer TOKEN' {base}{path}"
    if body:
        command += " -H 'Content-Type: application/json' -d @body.json"
    answers = [(status, one.get("description", "")) for status, one in found.get("responses", {}).items()]
    parameters = [
        {"name": one["name"], "in": one["in"], "required": one.get("required", False), "type": _type(one["schema"])}
        for one in found.get("parameters", [])
    ]  # fmt: skip
    # Docstrings mark code with double backticks; the page has none.
    summary = (found.get("description") or found.get("summary", "")).replace("``", "")
    return Call(method.upper(), path, summary, parameters, body, answers, command)


def _type(schema: Mapping[str, Any]) -> str:
    kinds = [str(one.get("type", "")) for one in schema.get("anyOf", [schema])]
    text = " or ".join(kind for kind in kinds if kind and kind != "null") or "any"
    words_of = {"minimum": "at least", "maximum": "at most", "maxLength": "longest", "default": "default"}
    for name, words in words_of.items():
        if schema.get(name) not in (None, ""):
            text += f", {words} {schema[name]}"
    return text


def _shape(schema: Mapping[str, Any], document: Mapping[str, Any]) -> Any:
    """An object with what may stand in it."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return _shape(document["components"]["schemas"].get(name, {}), document)
    if schema.get("type") == "object":
        return {name: _shape(one, document) for name, one in schema.get("properties", {}).items()}
    return _type(schema)
