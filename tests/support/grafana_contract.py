"""What Grafana's OpenAPI document says of the operations that gramwatt-grafana uses: parameters, bodies, answers.

The facts are those of the document that Grafana's repository publishes as ``public/api-merged.json`` (read in the state
of Grafana 12, commit 64399397). They are written down anew here: the document itself is not part of this repository.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

_SOURCE = {
    "access": str, "basicAuth": bool, "basicAuthUser": str, "database": str, "isDefault": bool, "jsonData": dict,
    "name": str, "secureJsonData": dict, "type": str, "uid": str, "url": str, "user": str, "withCredentials": bool,
}  # fmt: skip
_DASHBOARD = {
    "UpdatedAt": str, "dashboard": dict, "folderId": int, "folderUid": str, "isFolder": bool, "message": str,
    "overwrite": bool, "userId": int,
}  # fmt: skip
_SEARCH = {
    "query": str, "tag": str, "type": str, "dashboardIds": int, "dashboardUIDs": str, "folderIds": int,
    "folderUIDs": str, "starred": bool, "limit": int, "page": int, "permission": str, "sort": str, "deleted": bool,
}  # fmt: skip
_ANNOTATIONS = {
    "from": int, "to": int, "userId": int, "alertId": int, "alertUID": str, "dashboardId": int, "dashboardUID": str,
    "panelId": int, "limit": int, "tags": str, "type": str, "matchAny": bool,
}  # fmt: skip
_ANNOTATION = {
    "dashboardId": int, "dashboardUID": str, "data": dict, "panelId": int, "tags": list, "text": str, "time": int,
    "timeEnd": int,
}  # fmt: skip


class Operation(Struct, frozen=True):
    """``query`` names the parameters, those that may come several times among ``several``; ``body`` the type of each
    field; ``statuses`` are the answers that the document describes."""

    method: str
    path: str
    statuses: frozenset[int]
    query: Mapping[str, type] = field(default_factory=dict)
    several: frozenset[str] = frozenset()
    body: Mapping[str, type] = field(default_factory=dict)
    required: frozenset[str] = frozenset()


OPERATIONS = (
    Operation("GET", "/folders/{uid}", frozenset({200, 401, 403, 404, 500})),
    Operation(
        "POST",
        "/folders",
        frozenset({200, 400, 401, 403, 409, 500}),
        body={"description": str, "parentUid": str, "title": str, "uid": str},
    ),
    Operation("GET", "/datasources/uid/{uid}", frozenset({200, 400, 401, 403, 404, 500})),
    Operation("POST", "/datasources", frozenset({200, 401, 403, 409, 500}), body=_SOURCE),
    Operation(
        "PUT", "/datasources/uid/{uid}", frozenset({200, 401, 403, 500}), body={**_SOURCE, "version": int}
    ),
    Operation("GET", "/dashboards/uid/{uid}", frozenset({200, 401, 403, 404, 406, 500})),
    Operation("POST", "/dashboards/db", frozenset({200, 400, 401, 403, 404, 412, 422, 500}), body=_DASHBOARD),
    Operation(
        "GET",
        "/search",
        frozenset({200, 401, 422, 500}),
        query=_SEARCH,
        several=frozenset({"tag", "dashboardIds", "dashboardUIDs", "folderIds", "folderUIDs"}),
    ),
    Operation(
        "GET", "/annotations", frozenset({200, 401, 500}), query=_ANNOTATIONS, several=frozenset({"tags"})
    ),
    Operation(
        "POST",
        "/annotations",
        frozenset({200, 400, 401, 403, 500}),
        body=_ANNOTATION,
        required=frozenset({"text"}),
    ),
)


def find(method: str, path: str) -> Operation | None:
    """The operation of a call; ``path`` begins with /api."""
    for one in OPERATIONS:
        pattern = re.sub(r"\{\w+\}", "[^/]+", one.path)
        if one.method == method and re.fullmatch(f"/api{pattern}", path):
            return one
    return None


def broken(method: str, path: str, query: Mapping[str, list[str]], body: Any, status: int) -> list[str]:
    """What of a call, or of the status that answers it, is not in the document."""
    operation = find(method, path)
    if operation is None:
        return [f"{method} {path} is no operation"]
    call = f"{method} {operation.path}"
    found = [f"{call}: status {status} is not described"] if status not in operation.statuses else []
    for name, values in query.items():
        kind = operation.query.get(name)
        if kind is None:
            found.append(f"{call}: no parameter {name}")
        elif len(values) > 1 and name not in operation.several:
            found.append(f"{call}: parameter {name} comes {len(values)} times")
        elif kind is int and not all(value.lstrip("-").isdigit() for value in values):
            found.append(f"{call}: parameter {name} is {values}")
    if not operation.body:
        return found + ([f"{call} has no body"] if body else [])
    found += [f"{call}: {name} is missing" for name in operation.required - body.keys()]
    for name, value in body.items():
        kind = operation.body.get(name)
        if kind is None:
            found.append(f"{call}: no field {name}")
        elif not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            found.append(f"{call}: {name} is {value!r}")
    return found
