"""Grades for people and programs: the list, one label's page, its files, and the REST calls."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from ..json_shapes import as_json
from ..model import Graded
from ..render.files import MEDIA_TYPES, convert
from ..render.label import LAYOUTS, Layout, alt_text, render_svg
from ..render.text import clean
from ..render.words import LANGUAGES, words
from ..store.listing import MOST_COUNTED
from .api import shapes
from .api.answers import has_it, kept
from .api.asking import one_of, only, storable_id
from .api.errors import ApiError
from .pages.desk import Desk

_PAGE = 50  # rows of the list
_LONGEST_SEARCH = 200
_LAST_PAGE = 100_000
_ONLY = Depends(only("scale", "layout", "lang"))
# Labels carry names written by strangers; nothing in them may run. A drawing has its style inside.
_DRAWING = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
}


def router(desk: Desk) -> APIRouter:
    """Routes over a store. Without ``scale`` the letter on the label is the one that the evaluation's page shows."""
    routes = APIRouter()
    store, main_scale, page_of = desk.store, desk.main_scale, desk.page_of

    def here(window: str) -> None:
        """Raises TakenBack for one that was taken back."""
        if gone := store.taken_back([window]).get(window):
            raise gone

    def one(window: str, scale: str = "") -> Graded:
        window = storable_id(window)
        found = {one.grade.scale.name: one for one in store.get(window)}
        if not found:
            here(window)
        shown = desk.on_label(found, scale) if not scale or scale in found else None
        if shown is None:
            on = f"; it has one on {', '.join(found)}" if found else "; see /labels/ for those there are"
            raise ApiError(
                404, "not_found", f"no grade for {window!r}{on}", "scale" if found else "window", list(found)
            )
        return shown

    @routes.get("/labels/", response_class=HTMLResponse, include_in_schema=False)
    def label_list(
        request: Request,
        q: Annotated[str, Query(max_length=_LONGEST_SEARCH)] = "",
        page: Annotated[int, Query(ge=1, le=_LAST_PAGE)] = 1,
    ) -> Response:
        search = clean(q)
        count = store.count(main_scale, search)
        grades = store.recent(_PAGE, main_scale, search, (page - 1) * _PAGE) if count else []
        return desk.pages.render(
            "labels/list.html.j2",
            request,
            here="/labels/",
            grades=grades,
            scale=main_scale,
            search=search,
            count=count,
            most=MOST_COUNTED,
            older=len(grades) == _PAGE if search and count > MOST_COUNTED else page * _PAGE < count,
            page=page,
            pages=max(1, -(-count // _PAGE)),
        )

    @routes.get("/labels", include_in_schema=False)
    def label_list_slash() -> Response:
        return RedirectResponse("/labels/")

    @routes.get("/labels/{window}.{form}", include_in_schema=False, dependencies=[_ONLY])
    @routes.get(
        "/api/v1/labels/{window}.{form}", tags=["labels"], response_class=Response, dependencies=[_ONLY],
        responses=shapes.problems(404, 410, 422, 503) | {200: {"content": {kind: {} for kind in MEDIA_TYPES.values()}}},
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
            raise ApiError(404, "not_found", f"no format {form[:32]!r}", "form", list(MEDIA_TYPES))
        svg = render_svg(one(window, scale), page_of(window), layout, lang)
        tag = hashlib.sha256(f"{form}:{svg}".encode()).hexdigest()[:32]
        content = b"" if has_it(request, f'"{tag}"') else convert(svg, form)
        answer = kept(request, content, MEDIA_TYPES[form], tag)
        answer.headers.update(_DRAWING)
        return answer

    @routes.get("/labels/{window}", response_class=HTMLResponse, include_in_schema=False)
    def label_page(
        request: Request,
        window: str,
        layout: Layout = "full",
        lang: Annotated[str, Query(max_length=16)] = "en",
    ) -> Response:
        one_of("lang", lang, LANGUAGES)
        graded = one(window)
        return desk.pages.render(
            "labels/label.html.j2", request, here="/labels/", one=graded, alt=alt_text(graded, lang),
            said=words(lang), others=store.get(window), earlier=store.earlier(window), layout=layout, lang=lang,
            layouts=LAYOUTS, languages={one: words(one).name for one in LANGUAGES},
        )  # fmt: skip

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

    @routes.get("/api/v1/grades/{window}", tags=["grades"], responses=shapes.ok(dict, 404, 410, 422, 503))
    def grade(window: str, scale: Annotated[str, Query(max_length=_LONGEST_SEARCH)] = "") -> Response:
        """The grades of one window, on one scale or on all."""
        found = store.get(storable_id(window), storable_id(scale) if scale else "")
        if not found:
            here(storable_id(window))
            raise HTTPException(404, f"no grade for window {window[:128]!r}")
        return _json({"grades": [as_json(graded, page_of) for graded in found]})

    return routes


def _json(body: dict[str, Any]) -> Response:
    return Response(
        msgspec.json.encode(body), media_type="application/json", headers={"Cache-Control": "no-cache"}
    )
