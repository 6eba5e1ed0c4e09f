"""The Grafana dashboards without Grafana: the same JSON files, drawn in the browser, queried through a proxy.

The browser never talks to Prometheus itself. It asks the four read-only calls below, so that one open port is
enough and nothing but reading is possible through it.
"""

from __future__ import annotations

import json
import re
import time as clock
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, select_autoescape

from .assets import Assets
from .navigation import NAVIGATION
from .proxy import Proxy
from .scrapes import Learned

_HERE = Path(__file__).parent
_STATIC = _HERE / "static" / "dashboards"
_UID = re.compile(r"[a-zA-Z0-9_-]{1,80}")
START = "gramwatt-start"
_ORDER = (START, *(f"gramwatt-{name}" for name in ("live", "machines", "machine", "users", "runs", "compare", "grid",
    "budgets", "footprint", "health")))  # fmt: skip
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

    @property
    def short(self) -> str:
        """The title without our name, which stands beside it."""
        return self.title.removeprefix("Gramwatt / ")


def router(prometheus_url: str, dashboards_dir: Path, headers: Mapping[str, str] | None = None) -> APIRouter:
    """The pages under /dashboards/ and the proxy they query.

    ``prometheus_url`` is the server without a path; ``dashboards_dir`` holds Grafana's dashboard JSON files and
    is read at every call, so that new files appear without a restart. ``headers`` go to Prometheus (a bearer
    token, for example), never to the browser.
    """
    routes = APIRouter(prefix="/dashboards")
    site = APIRouter()
    # One folder up, so that every page of the application can include the bar.
    folders = [_HERE / "templates" / "dashboards", _HERE / "templates"]
    pages = Environment(loader=FileSystemLoader(folders), autoescape=select_autoescape(default=True))
    proxy = Proxy(prometheus_url, headers or {})
    learned = Learned(proxy.query)
    assets = Assets(_STATIC)

    def page(name: str, **values: object) -> HTMLResponse:
        own = {
            "version": assets.version,
            "scripts": assets.names(".js"),
            "here": "/",
            "navigation": NAVIGATION,
            **values,
        }
        return HTMLResponse(pages.get_template(name).render(**own), headers=_HEADERS)

    def board(uid: str, kiosk: bool) -> HTMLResponse:
        found = _dashboard(dashboards_dir, uid)
        boards = _boards(dashboards_dir)
        shown = Board(uid, str(found["title"]), str(found.get("description", "")))
        return page("dashboard.html.j2", board=shown, boards=boards, kiosk=kiosk)

    @site.get("/", include_in_schema=False)
    def start(kiosk: bool = Query(False)) -> Response:
        if not (dashboards_dir / f"{START}.json").is_file():
            return RedirectResponse("/dashboards/")
        return board(START, kiosk)

    @routes.get("/", response_class=HTMLResponse, include_in_schema=False)
    def list_of_dashboards() -> HTMLResponse:
        return page("list.html.j2", boards=_boards(dashboards_dir), folder=dashboards_dir.name)

    @routes.get("/static/{name}", include_in_schema=False)
    async def static(name: str, request: Request) -> Response:
        return assets.answer(name, "", request, _HEADERS)

    @routes.get("/static/{version}/{name}", include_in_schema=False)
    async def versioned(version: str, name: str, request: Request) -> Response:
        return assets.answer(name, version, request, _HEADERS)

    @routes.get("/api/v1/scrapes", include_in_schema=False)
    async def scrapes(request: Request, start: float = 0.0, end: float = 0.0) -> Response:
        async def answer() -> Response:
            found = await learned.between(start, end or clock.time())
            data = {"interval": found.interval, "slowest": found.slowest, "newest": found.newest}
            return JSONResponse({"status": "success", "data": data}, headers={"Cache-Control": "no-store"})

        return await proxy.while_wanted(request, answer())

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
        return board(uid, kiosk)

    site.include_router(routes)
    return site


def _boards(folder: Path) -> list[Board]:
    """The dashboards of the folder: ours in their order, then others by title. Other files are left out."""
    boards = []
    for path in sorted(folder.glob("*.json")):
        try:
            found = json.loads(path.read_text())
            boards.append(Board(path.stem, str(found["title"]), str(found.get("description", ""))))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    place = {uid: at for at, uid in enumerate(_ORDER)}
    return sorted(boards, key=lambda board: (place.get(board.uid, len(place)), board.title))


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
