"""The list of evaluations of every origin: filters, search, pages by cursor, and boxes to compare."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from ...errors import InputError
from ...render.text import clean
from ...store.listing import SORTS
from ...store.nouns import Filters, Origin
from .desk import Desk

ROWS = 50
_TEXT = Query(max_length=256)
_ORIGINS = {
    "window": "recorded here",
    "codecarbon": "CodeCarbon",
    "form": "the form",
    "file": "a file",
    "probe": "a probe",
    "hub": "a model card",
    "range": "a range of series",
}
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
        q: Annotated[str, _TEXT] = "",
        task: Annotated[str, _TEXT] = "",
        phase: Annotated[str, _TEXT] = "",
        model: Annotated[str, _TEXT] = "",
        dataset: Annotated[str, _TEXT] = "",
        user: Annotated[str, _TEXT] = "",
        host: Annotated[str, _TEXT] = "",
        origin: Annotated[str, _TEXT] = "",
        letter: Annotated[str, _TEXT] = "",
        scale: Annotated[str, _TEXT] = "",
        since: Annotated[str, _TEXT] = "",
        until: Annotated[str, _TEXT] = "",
        parts: Annotated[str, _TEXT] = "",
        sort: Annotated[str, _TEXT] = "-ended",
        cursor: Annotated[str, Query(max_length=2000)] = "",
    ) -> Response:
        asked = {
            "q": clean(q), "task": task, "phase": phase, "model": model, "dataset": dataset, "user": user, "host": host,
            "origin": origin, "letter": letter, "scale": scale or desk.main_scale, "since": since, "until": until,
            "parts": parts, "sort": sort,
        }  # fmt: skip
        wrong = _wrong(asked, desk)
        page = None
        if not wrong:
            try:
                page = desk.store.page(_filters(asked), asked["scale"], sort, cursor, ROWS)
            except InputError as error:
                wrong = str(error)
        loaded = desk.scales.get(asked["scale"])
        return desk.pages.render(
            "evaluations.html.j2",
            request,
            422 if wrong else 200,
            here="/evaluations",
            asked=asked,
            wrong=wrong,
            page=page,
            cursor=cursor,
            origins=_ORIGINS,
            sorts=_SORT_WORDS,
            scales=sorted(desk.scales),
            letters=_letters(loaded.scale) if loaded else [],
            choices={name: desk.store.values(name) for name in ("task", "user")},
            narrowed={
                name: text for name, text in asked.items() if text and name not in ("sort", "scale", "parts")
            },
        )

    return routes


def _filters(asked: dict[str, str]) -> Filters:
    return Filters(
        task=asked["task"],
        phase=asked["phase"],
        model=asked["model"],
        dataset=asked["dataset"],
        host=asked["host"],
        user=asked["user"],
        parent=None if asked["parts"] else "",
        origin=asked["origin"],
        letter=asked["letter"],
        since=day(asked["since"]),
        until=day(asked["until"]),
        q=asked["q"],
    )


def _wrong(asked: dict[str, str], desk: Desk) -> str:
    """What is wrong with a filter and what is allowed; "" when nothing is."""
    if asked["phase"] not in ("", "training", "inference"):
        return f"phase: {clean(asked['phase'])!r}; allowed: training, inference"
    if asked["origin"] and asked["origin"] not in set(Origin):
        return f"origin: {clean(asked['origin'])!r}; allowed: {', '.join(Origin)}"
    if asked["scale"] not in desk.scales:
        return f"scale: {clean(asked['scale'])!r}; allowed: {', '.join(sorted(desk.scales))}"
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


def _letters(scale: object) -> list[str]:
    bands = getattr(scale, "bands", None)
    return [band.letter for band in bands] if bands else list(getattr(scale, "letters", ()))
