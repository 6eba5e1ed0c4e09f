"""The colours of letters by form, with how they look on a slider and in a row of letters before they are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fastapi import Request, Response
from markupsafe import Markup, escape

from ...appearance import Appearance
from ...errors import InputError
from ...render import palette
from ..pages.desk import Desk

_LETTERS = "ABCDE"


def page(
    desk: Desk,
    request: Request,
    colours: Sequence[str] = (),
    told: str = "",
    wrong: Sequence[str] = (),
    status: int = 200,
) -> Response:
    """The five colours as fields, and the letters in them."""
    shown = list(colours or palette.base())
    return desk.pages.render(
        "manage_colours.html.j2", request, status, here="/manage", told=told, wrong=wrong, colours=shown,
        letters=_LETTERS, shipped=palette.SHIPPED, drawing="" if wrong else _drawing(shown),
    )  # fmt: skip


def answer(
    desk: Desk, request: Request, form: Mapping[str, str], appearance: Appearance, by: str
) -> Response:
    """Preview, save, or take back."""
    if form.get("action") == "shipped":
        appearance.choose(None, by, desk.clock())
        return page(desk, request, told="The colours that come with the program are in force again.")
    given = [form.get(f"colour-{letter}", "").strip().lower() for letter in _LETTERS]
    wrong = palette.troubles(given)
    if wrong:
        return page(desk, request, given, wrong=wrong, status=422)
    if form.get("action") != "save":
        return page(desk, request, given)
    try:
        appearance.choose(given, by, desk.clock())
    except InputError as error:
        return page(desk, request, given, wrong=[str(error)], status=422)
    return page(desk, request, told="The colours were saved; every label and page has them now.")


def _drawing(colours: Sequence[str]) -> Markup:
    """Arrows as on the label, each with its letter in the ink that is read best."""
    parts = []
    for number, (letter, colour) in enumerate(zip(_LETTERS, colours, strict=True)):
        y, tip = 34 * number, 120 + 40 * number
        points = f"0,{y} {tip},{y} {tip + 15},{y + 15} {tip},{y + 30} 0,{y + 30}"
        parts.append(
            f'<polygon points="{points}" fill="{escape(colour)}" stroke="#333333"/>'
            f'<text x="12" y="{y + 22}" font-size="20" font-weight="bold" fill="{palette.ink(colour)}">{letter}</text>'
        )
    head = '<svg viewBox="-1 -1 300 170" width="300" role="img" aria-label="The letters in these colours">'
    return Markup(f"{head}{''.join(parts)}</svg>")  # noqa: S704 - its texts are escaped
