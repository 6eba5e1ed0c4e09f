"""Every address of the labeler that answers with a page, found in its routes: a new page is tested without a word."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from fastapi import FastAPI

_NO_PAGES = re.compile(
    r"/api/v1/|/metrics$|/-/|.*/static/|.*\.(json|svg)$|.*\.\{form\}$|/dashboards/api/|.*:path\}$"
)
_VALUES = {
    "evaluation_id": "run-2", "window": "run-4", "model_id": "1", "number": "2", "job_id": "1", "uid": "gramwatt-start",
    "/taken-back/{number}": "1",
    "/manage/scales/{name}": "nine-letters-in-a-name-as-long-as-one-may-be",
}  # fmt: skip
_SEVERAL = {"kind": ("metrics", "tools", "fields", "tactics")}
STATES = (
    "/evaluations?q=nothing", "/evaluations?since=x", "/evaluations/run-0", "/evaluations/run-5",
    "/evaluations/run-2?runs=x", "/evaluations/nothing", "/explore?origin=hub&scale=gaissa", "/models/19",
    "/evaluate?phase=inference", "/compare?ids=run-0,run-2", "/compare?ids=run-0,run-1,run-2,run-3,run-4,run-5",
    "/roi?old=1&new=2&calls_per_day=9&price=1", "/roi?old=x&new=-2&calls_per_day=z", "/report?made=1",
    "/report?what=window&id=run-4", "/labels/run-2?lang=xx", "/jobs/2", "/jobs/4?still=1", "/nothing",
    "/manage/scales/gramwatt", "/take-back?id=typed", "/evaluations/gone", "/evaluate?corrects=typed",
)  # fmt: skip
"""What pages look like that have something to say: empty lists, mistakes, the largest reports."""


def addresses(app: FastAPI) -> list[str]:
    """One or more of each route, then the states."""
    found = []
    for path in dict.fromkeys(_paths(app.routes)):
        if not _NO_PAGES.match(path):
            found += _filled(path)
    return found + list(STATES)


def _paths(routes: Iterable[Any]) -> Iterator[str]:
    for route in routes:
        inner = getattr(route, "original_router", None)
        if inner is not None:
            yield from _paths(inner.routes)
        elif "GET" in (getattr(route, "methods", None) or ()):
            yield route.path


def _filled(path: str) -> list[str]:
    """Raises KeyError for a parameter that has no value above."""
    names = re.findall(r"\{(\w+)\}", path)
    several = next((name for name in names if name in _SEVERAL), "")
    filled = path
    for name in names:
        if name != several:
            filled = filled.replace(f"{{{name}}}", _VALUES.get(path) or _VALUES[name])
    return [filled.replace(f"{{{several}}}", one) for one in _SEVERAL[several]] if several else [filled]
