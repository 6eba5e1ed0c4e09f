"""Grades for people and programs: the list, one label's page, its files, and the REST calls."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from .. import units
from ..model import Graded
from ..render.files import MEDIA_TYPES, convert
from ..render.label import LAYOUTS, Layout, alt_text, render_svg
from ..render.text import clean
from ..render.words import LANGUAGES
from ..scale_files import LoadedScale
from ..store import Store
from .api import shapes
from .api.answers import has_it, kept
from .api.asking import one_of, storable_id
from .navigation import NAVIGATION

_FOLDER = Path(__file__).parent / "templates"
_TEMPLATES = Environment(
    loader=FileSystemLoader([_FOLDER / "labels", _FOLDER]),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters.update(
    clean=clean,
    energy=units.energy,
    mass=units.mass,
    number=units.number,
    duration=units.duration,
    when=units.moment,
    short=lambda text, most: text if len(text) <= most else text[: most - 1].rstrip() + "…",
)
_TEMPLATES.globals.update(navigation=NAVIGATION, here="/labels/")
_PAGE = 50  # rows of the list
_LONGEST_SEARCH = 200
_LAST_PAGE = 100_000
# Labels carry names written by strangers; nothing in them may run.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; style-src 'self' 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}


def router(store: Store, main_scale: str, page_of: Callable[[str], str]) -> APIRouter:
    """Routes over a store. ``main_scale`` is the one whose letter is on the label."""
    routes = APIRouter()

    def one(window: str, scale: str = "") -> Graded:
        window = storable_id(window)
        found = store.get(window, scale) if scale else store.get(window, main_scale) or store.get(window)
        if not found:
            raise HTTPException(404, f"no grade for window {window!r}; see /labels/ for those there are")
        return found[0]

    @routes.get("/labels/", response_class=HTMLResponse, include_in_schema=False)
    def label_list(
        q: Annotated[str, Query(max_length=_LONGEST_SEARCH)] = "",
        page: Annotated[int, Query(ge=1, le=_LAST_PAGE)] = 1,
    ) -> Response:
        search = clean(q)
        count = store.count(main_scale, search)
        text = _TEMPLATES.get_template("list.html.j2").render(
            grades=store.recent(_PAGE, main_scale, search, (page - 1) * _PAGE),
            scale=main_scale,
            search=search,
            count=count,
            page=page,
            pages=max(1, -(-count // _PAGE)),
        )
        return HTMLResponse(text, headers=_HEADERS)

    @routes.get("/labels", include_in_schema=False)
    def label_list_slash() -> Response:
        return RedirectResponse("/labels/")

    @routes.get("/labels/{window}.{form}", include_in_schema=False)
    @routes.get(
        "/api/v1/labels/{window}.{form}", tags=["labels"], response_class=Response,
        responses=shapes.problems(404, 422, 503) | {200: {"content": {kind: {} for kind in MEDIA_TYPES.values()}}},
    )  # fmt: skip
    def label_file(
        request: Request,
        window: str,
        form: str,
        scale: Annotated[str, Query(max_length=_LONGEST_SEARCH)] = "",
        layout: Layout = "full",
        lang: Annotated[str, Query(max_length=16)] = "en",
    ) -> Response:
        """The label as SVG, PNG or PDF, with an ETag: a label that did not change is not drawn again."""
        one_of("lang", lang, LANGUAGES)
        if form not in MEDIA_TYPES:
            raise HTTPException(404, f"no format {form[:32]!r}; there are {', '.join(MEDIA_TYPES)}")
        svg = render_svg(one(window, scale), page_of(window), layout, lang)
        tag = hashlib.sha256(f"{form}:{svg}".encode()).hexdigest()[:32]
        content = b"" if has_it(request, f'"{tag}"') else convert(svg, form)
        answer = kept(request, content, MEDIA_TYPES[form], tag)
        answer.headers.update(_HEADERS)
        return answer

    @routes.get("/labels/{window}", response_class=HTMLResponse, include_in_schema=False)
    def label_page(
        window: str, layout: Layout = "full", lang: Annotated[str, Query(max_length=16)] = "en"
    ) -> Response:
        one_of("lang", lang, LANGUAGES)
        graded = one(window)
        page = _TEMPLATES.get_template("label.html.j2").render(
            one=graded, alt=alt_text(graded, lang), others=store.get(window), earlier=store.earlier(window),
            layout=layout, lang=lang, layouts=LAYOUTS, languages=LANGUAGES,
        )  # fmt: skip
        return HTMLResponse(page, headers=_HEADERS)

    @routes.get("/api/v1/grades", tags=["grades"], responses=shapes.ok(dict, 422, 503))
    def grades(
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        scale: Annotated[str, Query(max_length=_LONGEST_SEARCH)] = "",
        q: Annotated[str, Query(max_length=_LONGEST_SEARCH)] = "",
        offset: Annotated[int, Query(ge=0, le=_PAGE * _LAST_PAGE)] = 0,
    ) -> Response:
        """Grades, newest first. ``evaluations`` has filters, cursors and evaluations of every origin."""
        found = store.recent(limit, scale, clean(q), offset)
        return _json({"grades": [as_json(graded, page_of) for graded in found]})

    @routes.get("/api/v1/grades/{window}", tags=["grades"], responses=shapes.ok(dict, 404, 422, 503))
    def grade(window: str, scale: Annotated[str, Query(max_length=_LONGEST_SEARCH)] = "") -> Response:
        """The grades of one window, on one scale or on all."""
        found = store.get(storable_id(window), storable_id(scale) if scale else "")
        if not found:
            raise HTTPException(404, f"no grade for window {window[:128]!r}")
        return _json({"grades": [as_json(graded, page_of) for graded in found]})

    return routes


def as_json(graded: Graded, page_of: Callable[[str], str]) -> dict[str, Any]:
    """One result as the REST calls and ``--json`` show it. ``null`` means not known."""
    measured, grade = graded.measurement, graded.grade
    found: dict[str, Any] = msgspec.to_builtins(
        {
            "window": {name: getattr(graded.window, name) for name in graded.window.__dataclass_fields__}
            | {"values": dict(graded.window.values), "seconds": graded.window.seconds},
            "measurement": None
            if measured is None
            else {name: getattr(measured, name) for name in measured.__dataclass_fields__}
            | {"components": dict(measured.components)},
            "grade": {name: getattr(grade, name) for name in grade.__dataclass_fields__}
            | {"text": grade.text},
            "graded_at": graded.graded_at,
            "label": page_of(graded.window.id),
        }
    )
    return found


def scale_json(loaded: LoadedScale) -> dict[str, Any]:
    """What identifies a scale."""
    return {
        "name": loaded.id.name,
        "title": loaded.scale.title,
        "version": loaded.id.version,
        "date": loaded.id.date,
        "sha256": loaded.id.sha256,
        "kind": loaded.scale.__struct_config__.tag,
        "source": loaded.scale.source,
    }


def _json(body: dict[str, Any]) -> Response:
    return Response(
        msgspec.json.encode(body), media_type="application/json", headers={"Cache-Control": "no-cache"}
    )
