"""The Grafana dashboards without Grafana: the same JSON files, drawn in the browser, queried through a proxy.

The browser never talks to Prometheus itself. It asks the four read-only calls below, so that one open port is
enough and nothing but reading is possible through it.
"""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse
from jinja2 import Environment, FileSystemLoader, select_autoescape

from .proxy import Proxy

_HERE = Path(__file__).parent
_STATIC = _HERE / "static" / "dashboards"
_UID = re.compile(r"[a-zA-Z0-9_-]{1,80}")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,127}")

# Everything comes from this server; a script from anywhere else, or written into a label, does not run.
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; object-src 'none'; "
    "base-uri 'none'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


@dataclass(frozen=True, slots=True)
class Board:
    """What the list shows of a dashboard."""

    uid: str
    title: str
    description: str


def router(prometheus_url: str, dashboards_dir: Path, headers: Mapping[str, str] | None = None) -> APIRouter:
    """The pages under /dashboards/ and the proxy they query.

    ``prometheus_url`` is the server without a path; ``dashboards_dir`` holds Grafana's dashboard JSON files and
    is read at every call, so that new files appear without a restart. ``headers`` go to Prometheus (a bearer
    token, for example), never to the browser.
    """
    routes = APIRouter(prefix="/dashboards")
    pages = Environment(
        loader=FileSystemLoader(_HERE / "templates" / "dashboards"),
        autoescape=select_autoescape(default=True),
    )
    proxy = Proxy(prometheus_url, headers or {})

    def page(name: str, **values: object) -> HTMLResponse:
        return HTMLResponse(pages.get_template(name).render(**values), headers=_HEADERS)

    @routes.get("/", response_class=HTMLResponse, include_in_schema=False)
    def list_of_dashboards() -> HTMLResponse:
        return page("list.html.j2", boards=_boards(dashboards_dir), folder=dashboards_dir.name)

    @routes.get("/static/{name}", include_in_schema=False)
    def static(name: str) -> FileResponse:
        path = _asset(name)
        if path is None:
            raise HTTPException(404, f"no such file: {name}")
        return FileResponse(path, headers=_HEADERS)

    @routes.get("/api/v1/query", include_in_schema=False)
    async def query(request: Request) -> Response:
        return await proxy.get("query", request, ("query", "time", "timeout"))

    @routes.get("/api/v1/query_range", include_in_schema=False)
    async def query_range(request: Request) -> Response:
        return await proxy.get("query_range", request, ("query", "start", "end", "step", "timeout"))

    @routes.get("/api/v1/series", include_in_schema=False)
    async def series(request: Request) -> Response:
        return await proxy.get("series", request, ("match[]", "start", "end", "limit"))

    @routes.get("/api/v1/label/{label}/values", include_in_schema=False)
    async def label_values(label: str, request: Request) -> Response:
        if not _LABEL.fullmatch(label):
            raise HTTPException(404, f"{label!r} is not a label name")
        return await proxy.get(f"label/{label}/values", request, ("match[]", "start", "end", "limit"))

    @routes.get("/{uid}.json", include_in_schema=False)
    def definition(uid: str) -> JSONResponse:
        return JSONResponse(_dashboard(dashboards_dir, uid), headers=_HEADERS)

    @routes.get("/{uid}", response_class=HTMLResponse, include_in_schema=False)
    def dashboard(uid: str, kiosk: bool = Query(False)) -> HTMLResponse:
        found = _dashboard(dashboards_dir, uid)
        return page(
            "dashboard.html.j2", uid=uid, title=found["title"], boards=_boards(dashboards_dir), kiosk=kiosk
        )

    return routes


def _boards(folder: Path) -> list[Board]:
    """The dashboards of the folder by title. Files that are not dashboards are left out."""
    boards = []
    for path in sorted(folder.glob("*.json")):
        try:
            found = json.loads(path.read_text())
            boards.append(Board(path.stem, str(found["title"]), str(found.get("description", ""))))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return sorted(boards, key=lambda board: board.title)


def _dashboard(folder: Path, uid: str) -> dict[str, Any]:
    """The JSON of one dashboard. Raises HTTPException 404 or, for a broken file, 500."""
    path = folder / f"{uid}.json"
    if not _UID.fullmatch(uid) or not path.is_file():
        raise HTTPException(404, f"no dashboard {uid!r}: see /dashboards/")
    try:
        found: dict[str, Any] = json.loads(path.read_text())
        found["title"], found["panels"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise HTTPException(500, f"{path.name} is not a dashboard") from error
    return found


def _asset(name: str) -> Path | None:
    """One of our own files, or of uPlot's as its Python package installed them."""
    if name in ("uPlot.iife.js", "uPlot.min.css"):
        # Found without importing the package, which would load IPython and NumPy.
        spec = importlib.util.find_spec("uplot")
        if spec is None or not spec.submodule_search_locations:
            return None
        return Path(next(iter(spec.submodule_search_locations))) / "static" / name
    return next((path for path in _STATIC.iterdir() if path.name == name), None)
