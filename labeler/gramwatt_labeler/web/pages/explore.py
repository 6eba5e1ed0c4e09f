"""The explorer: totals and charts of the evaluations that fit the filters."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from fastapi import APIRouter, Request, Response

from ...equivalents import equivalents
from ...grading.scale import letters_of
from ...render.text import clean
from ...store.nouns import Listed
from .desk import Desk
from .evaluations import ORIGINS, asked_of, filters_of, wrong_filter
from .explored import best_per_letter, charts, differ, known_quantities, known_value

MOST_ROWS = 5000
_PAGE = 500


def router(desk: Desk) -> APIRouter:
    """``/explore``: the filters of the list, and ``x`` and ``y`` for the trade-off."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/explore")
    def page(request: Request) -> Response:
        given = {name: text[:256] for name, text in request.query_params.items()}
        asked = asked_of(given, desk.main_scale)
        wrong = wrong_filter(asked, desk)
        rows, cut = ([], False) if wrong else _rows(desk, asked)
        loaded = desk.scales.get(asked["scale"])
        letters = letters_of(loaded.scale) if loaded else []
        known = known_quantities(rows)
        x = _chosen(given.get("x", ""), list(known))
        y = _chosen(
            given.get("y", ""), [name for name in known if name == given.get("y") or differ(x, name, rows)]
        )
        for axis, name in (("x", given.get("x", "")), ("y", given.get("y", ""))):
            if name and known and name not in known and not wrong:
                wrong = f"{axis}: {clean(name)!r} is known of none of these; allowed: {', '.join(known)}"
        ids = {row.evaluation.id for row in rows}
        whole = [row for row in rows if not _is_part(row, ids)]
        joules = [one for row in whole if (one := known_value("energy", row)) is not None]
        grams = [row.evaluation.grams for row in whole if row.evaluation.grams is not None]
        return desk.pages.render(
            "explore.html.j2",
            request,
            422 if wrong else 200,
            here="/explore",
            asked=asked,
            listed=asked | {"scale": given.get("scale", "")},
            wrong=wrong,
            cut=cut,
            count=len(rows),
            parts=len(rows) - len(whole),
            joules=math.fsum(joules) if joules else None,
            with_energy=len(joules),
            grams=math.fsum(grams) if grams else None,
            with_grams=len(grams),
            equivalents=equivalents(
                math.fsum(joules) if joules else None, math.fsum(grams) if grams else None
            ),
            charts=[] if wrong else charts(rows, letters, asked["scale"], x, y, known),
            best=best_per_letter(rows, letters),
            elsewhere=[]
            if any(row.graded and row.graded.grade.letter for row in rows)
            else _scales_of(desk, rows),
            quantities=known,
            x=x,
            y=y,
            origins=ORIGINS,
            scales=sorted(desk.scales),
            letters=letters,
            choices={name: desk.store.values(name) for name in ("task", "user", "host")},
            narrowed={
                name: text for name, text in asked.items() if text and name not in ("sort", "scale", "parts")
            },
        )

    return routes


def _scales_of(desk: Desk, rows: Sequence[Listed]) -> list[str]:
    """The scales on which labels of these rows have letters."""
    lettered = desk.with_letters(rows[:_PAGE])
    return sorted({row.graded.grade.scale.name for row in lettered if row.graded and row.graded.grade.letter})


def _is_part(row: Listed, ids: set[str]) -> bool:
    """Whether its energy is that of another row, too: a sum has it once."""
    window = row.evaluation.window
    return window.parent in ids and window.parent != window.id


def _rows(desk: Desk, asked: Mapping[str, str]) -> tuple[list[Listed], bool]:
    found: list[Listed] = []
    cursor = ""
    while True:
        page = desk.store.page(filters_of(asked), asked["scale"], "-ended", cursor, _PAGE, counted=False)
        found += page.rows
        cursor = page.next
        if not cursor or len(found) >= MOST_ROWS:
            return found, bool(cursor)


def _chosen(name: str, names: Sequence[str]) -> str:
    """The one that was asked for, else the first; "" where there is none."""
    return name if name in names else next(iter(names), "")
