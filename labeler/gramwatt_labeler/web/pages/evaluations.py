"""The list of evaluations of every origin: filters, search, pages by cursor, and boxes to compare."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from ...errors import InputError
from ...grading.scale import letters_of
from ...render.text import clean
from ...store.listing import NOT_GRADED, SORTS
from ...store.nouns import Filters, Origin
from .desk import Desk

ROWS = 50
_LONGEST = 256
ORIGINS = {
    "window": "recorded here",
    "codecarbon": "CodeCarbon",
    "form": "the form",
    "file": "a file",
    "probe": "a probe",
    "hub": "a model card",
    "range": "a range of series",
}
_NAMES = (
    "q", "task", "phase", "model", "dataset", "user", "host", "origin", "letter", "scale", "since", "until",
    "import_id", "parts", "sort",
)  # fmt: skip
_SORT_WORDS = {
    "-ended": "newest first", "ended": "oldest first", "-energy": "most energy", "energy": "least energy",
    "-emissions": "most CO2", "per_unit": "least energy per unit", "letter": "best letter", "name": "name",
}  # fmt: skip


def router(desk: Desk) -> APIRouter:
    """``/evaluations``."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/evaluations")
    def listed(
        request: Request,
        cursor: Annotated[str, Query(max_length=2000)] = "",
    ) -> Response:
        asked = asked_of(dict(request.query_params))
        scale = asked["scale"] or desk.main_scale
        wrong = _unknown_filter(request.query_params) or wrong_filter(asked, desk)
        page = None
        if not wrong:
            try:
                page = desk.store.page(filters_of(asked), scale, asked["sort"], cursor, ROWS)
            except InputError as error:
                wrong = str(error)
        if page is not None and not asked["scale"] and not asked["letter"]:
            page = replace(page, rows=desk.with_letters(page.rows))
        loaded = desk.scales.get(scale)
        return desk.pages.render(
            "evaluations.html.j2",
            request,
            422 if wrong else 200,
            here="/evaluations",
            asked=asked,
            wrong=wrong,
            page=page,
            cursor=cursor,
            origins=ORIGINS,
            sorts=_SORT_WORDS,
            main_scale=desk.main_scale,
            scales=sorted(desk.scales),
            letters=letters_of(loaded.scale) if loaded else [],
            choices={name: desk.store.values(name) for name in ("task", "user", "host")},
            narrowed={
                name: text for name, text in asked.items() if text and name not in ("sort", "scale", "parts")
            },
        )

    return routes


def _unknown_filter(names: Iterable[str]) -> str:
    unknown = next((name for name in names if name not in (*_NAMES, "cursor")), "")
    return f"{clean(unknown)!r} is no filter; there are {', '.join(_NAMES)}" if unknown else ""


def asked_of(given: Mapping[str, str], scale: str = "") -> dict[str, str]:
    """Every filter of the list with its text; "" does not narrow. ``scale`` is the one where none is named."""
    asked = {name: given.get(name, "") for name in _NAMES}
    return asked | {
        "q": clean(asked["q"]),
        "scale": asked["scale"] or scale,
        "sort": asked["sort"] or "-ended",
    }


def filters_of(asked: Mapping[str, str]) -> Filters:
    """The filters of the store. A day that is none filters nothing.

    Without ``parts`` runs inside no other; of a model, user or task those inside none of its own.
    """
    is_narrowed = bool(asked["task"] or asked["model"] or asked["user"])
    return Filters(
        task=asked["task"],
        phase=asked["phase"],
        model=asked["model"],
        dataset=asked["dataset"],
        host=asked["host"],
        user=asked["user"],
        parent=None if asked["parts"] or asked["import_id"] or is_narrowed else "",
        outermost=is_narrowed and not asked["parts"],
        origin=asked["origin"],
        import_id=asked["import_id"],
        letter=asked["letter"],
        since=day(asked["since"]),
        until=day(asked["until"]),
        q=asked["q"],
    )


def wrong_filter(asked: Mapping[str, str], desk: Desk) -> str:
    """What is wrong with a filter and what is allowed; "" when nothing is."""
    long = next((name for name, text in asked.items() if len(text) > _LONGEST), "")
    if long:
        return f"{long}: longer than {_LONGEST} characters"
    if any("\0" in text for text in asked.values()):
        return "a filter has a NUL character"
    if asked["phase"] not in ("", "training", "inference"):
        return f"phase: {clean(asked['phase'])!r}; allowed: training, inference"
    if asked["origin"] and asked["origin"] not in set(Origin):
        return f"origin: {clean(asked['origin'])!r}; allowed: {', '.join(Origin)}"
    if asked["scale"] and asked["scale"] not in desk.scales:
        return f"scale: {clean(asked['scale'])!r}; allowed: {', '.join(sorted(desk.scales))}"
    letters = [*letters_of(desk.scales[asked["scale"] or desk.main_scale].scale), NOT_GRADED]
    if asked["letter"] and asked["letter"] not in letters:
        return f"letter: {clean(asked['letter'])!r}; allowed: {', '.join(letters)}"
    if asked["sort"] not in SORTS:
        return f"sort: {clean(asked['sort'])!r}; allowed: {', '.join(SORTS)}"
    for name in ("since", "until"):
        if asked[name] and day(asked[name]) is None:
            return f"{name}: {clean(asked[name])!r}; write a day such as 2026-11-28"
    return ""


def day(text: str) -> float | None:
    """Unix seconds of the beginning of a day in UTC; None for no day."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None
