"""One result -> an energy label as SVG: arrows, pointer, tiles, a QR code; also small ones and a page with the method.

Regulation (EU) 2017/1369 forbids labels that mimic the EU's: every layout says that it is none, and ``neutral`` has no
arrows at all.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import segno
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from .. import units
from ..model import Grade, Graded
from .content import (
    Tile,
    circumstances,
    date_of,
    method_of,
    name_of,
    ran_on,
    reason_text,
    span_text,
    tiles_of,
    uncertainty,
    what_of,
)
from .palette import colours
from .scripts import scripts
from .text import clean, fit, fit_middle, held, joined, largest, width, wrap
from .words import Words, words

Layout = Literal["full", "neutral", "compact", "badge", "a4"]
LAYOUTS: tuple[Layout, ...] = ("full", "neutral", "compact", "badge", "a4")
WIDTH = 600
A4 = (794, 1123)  # 210 x 297 mm at 96 pixels an inch
_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters.update(scripts=scripts, held=held, largest=largest)
_ARROW_TOP, _ARROW_STEP, _ARROW_HEIGHT = 190, 54, 44
_NEUTRAL_HEIGHT, _REFUSED_LINES = 110, 14
_REASON, _PLACE, _PLACE_STEP = 15, 13, 18


@dataclass(frozen=True, slots=True)
class _Arrow:
    letter: str
    colour: str
    y: float
    points: str


def render_svg(graded: Graded, url: str, layout: Layout = "full", language: str = "en") -> str:
    """The label. ``url`` is where the QR code leads: the page of this label; "" for none.

    Raises NotFound for a language there is not.
    """
    said = words(language)
    url = url if _is_reachable(url) else ""
    if layout == "badge":
        return _badge(graded, said)
    if layout == "compact":
        return _compact(graded, said)
    if layout == "a4":
        return _a4(graded, url, said)
    return _full(graded, url, said, layout == "neutral")


def alt_text(graded: Graded, language: str = "en") -> str:
    """The label in one or two sentences, for people who do not see it."""
    said, window, grade, measured = words(language), graded.window, graded.grade, graded.measurement
    text = said.alt.format(name=clean(window.model or window.name or window.id))
    phase = said.phases.get(window.phase, window.phase)
    what = f" {said.of} ".join(clean(part) for part in (phase, window.task) if part.strip())
    text += f" ({what}): " if what else ": "
    if grade.letter is None:
        text += f"{said.not_graded}: {said.said(clean(grade.reason))}"
    else:
        text += said.alt_grade.format(letter=grade.letter, best=grade.letters[0], worst=grade.letters[-1])
        if grade.best is not None and grade.worst is not None and grade.best != grade.worst:
            text += ", " + said.alt_span.format(best=grade.best, worst=grade.worst)
        if grade.energy_per_unit_joules is not None:
            per_unit = said.number(units.energy(grade.energy_per_unit_joules))
            text += f"; {per_unit} {said.per} {said.units[grade.unit]}"
    if measured and measured.energy_joules > 0:
        text += "; " + said.alt_all.format(energy=said.number(units.energy(measured.energy_joules)))
        if measured.emissions_grams is not None:
            text += ", " + said.alt_co2.format(mass=said.number(units.mass(measured.emissions_grams)))
        if measured.imported is not None:
            text += f"; {said.said(clean(measured.imported.text))}"
    return text + "."


def tiles(graded: Graded, language: str = "en") -> list[Tile]:
    """Up to six tiles."""
    return tiles_of(graded, words(language))


def _full(graded: Graded, url: str, said: Words, is_neutral: bool) -> str:
    grade = graded.grade
    places = _places(graded, said)
    top = _ARROW_TOP + _PLACE_STEP * (len(places) - 1)
    arrows = _arrows(grade, top) if grade.letter and not is_neutral else []
    bottom = top + _ARROW_STEP * len(arrows)
    reason: list[str] = []
    if grade.letter is None:
        reason = wrap(reason_text(grade, said), _REASON, WIDTH - 60, _REFUSED_LINES)
        bottom = top + 58 + 21 * len(reason)
    elif is_neutral:
        bottom = top + _NEUTRAL_HEIGHT
    organisation, title = name_of(graded)
    drawn = tiles_of(graded, said)
    footer_top = bottom + 32 + 104 * -(-len(drawn) // 3)
    left = 166 if url else 30
    room = WIDTH - 14 - left
    footer = _footer(graded, said, room)
    if graded.window.id:
        footer.append(fit_middle(f"{said.window} {clean(graded.window.id)}", 11, room))
    return _TEMPLATES.get_template("full.svg.j2").render(
        said=said,
        width=WIDTH,
        height=footer_top + max(34 + 15 * len(footer), 140 if url else 0) + 8,
        alt=alt_text(graded, said.language),
        heading=said.neutral_title if is_neutral else said.title,
        organisation=fit_middle(organisation, 13, 340),
        date=date_of(graded),
        title=fit_middle(title, 27, WIDTH - 60, True),
        facts=joined(what_of(graded, said), 16, WIDTH - 60),
        places=places,
        arrows=arrows,
        arrow_height=_ARROW_HEIGHT,
        top=top,
        pointer=next((arrow for arrow in arrows if arrow.letter == grade.letter), None),
        bracket=_bracket(grade, arrows),
        boxes=_boxes(grade) if is_neutral and grade.letter else [],
        span_text=span_text(graded, said),
        reason=reason,
        tiles=drawn,
        tiles_top=bottom + 20,
        footer_top=footer_top,
        footer_left=left,
        qr=_qr(url) if url else None,
        footer=footer,
    )


def _compact(graded: Graded, said: Words) -> str:
    grade = graded.grade
    return _TEMPLATES.get_template("compact.svg.j2").render(
        said=said,
        alt=alt_text(graded, said.language),
        title=fit_middle(name_of(graded)[1], 15, 276, True),
        facts=joined(what_of(graded, said), 11, 276),
        boxes=_boxes(grade) if grade.letter else [],
        reason=wrap(reason_text(grade, said), 11, 276, 4) if grade.letter is None else [],
        per_unit=_per_unit(graded, said),
        span_text=span_text(graded, said),
        scale=joined([f"{grade.scale.name} {grade.scale.version}", date_of(graded)[:10]], 10, 276),
    )


def _badge(graded: Graded, said: Words) -> str:
    grade = graded.grade
    value = " ".join(part for part in (grade.letter or said.not_graded, _per_unit(graded, said)) if part)
    shade = colours(len(grade.letters))[grade.letters.index(grade.letter)] if grade.letter else "#777777"
    left, right = round(width(said.title, 11)) + 18, round(width(value, 11, True)) + 18
    return _TEMPLATES.get_template("badge.svg.j2").render(
        alt=alt_text(graded, said.language),
        label=said.title,
        value=value,
        left=left,
        right=right,
        colour=shade,
    )


def _a4(graded: Graded, url: str, said: Words) -> str:
    inner = _full(graded, url, said, False)
    height = int(inner.split('height="', 1)[1].split('"', 1)[0])
    scale = min(1.0, 700 / height)
    lines: list[tuple[str, float, bool]] = []
    y = 60.0 + height * scale + 34
    for heading, paragraphs in method_of(graded, said):
        lines.append((heading, y, True))
        y += 17
        for paragraph in paragraphs:
            for line in wrap(clean(paragraph), 11.5, A4[0] - 120, 5):
                lines.append((line, y, False))
                y += 14.5
        y += 7
    return _TEMPLATES.get_template("a4.svg.j2").render(
        said=said, page=A4, inner=inner, lines=[one for one in lines if one[1] < A4[1] - 30],
        alt=alt_text(graded, said.language), scale=scale, left=(A4[0] - WIDTH * scale) / 2,
        shown=(WIDTH * scale, height * scale), own=(WIDTH, height),
    )  # fmt: skip


def _per_unit(graded: Graded, said: Words) -> str:
    grade = graded.grade
    if grade.energy_per_unit_joules is None or grade.letter is None:
        return ""
    return f"{said.number(units.energy(grade.energy_per_unit_joules))}/{said.units[grade.unit]}"


def _boxes(grade: Grade) -> list[tuple[str, str, bool, bool]]:
    """Letter, colour, whether it is the grade, and whether the uncertainty reaches it."""
    best, worst = (
        grade.letters.index(one) if one in grade.letters else -1 for one in (grade.best, grade.worst)
    )
    return [
        (letter, colour, letter == grade.letter, best <= place <= worst)
        for place, (letter, colour) in enumerate(zip(grade.letters, colours(len(grade.letters)), strict=True))
    ]


def _places(graded: Graded, said: Words) -> list[str]:
    """What it ran on and how it was counted: one line where that fits, else two."""
    window = graded.window
    own_name = clean(window.name) if window.name != window.model else ""  # the model is the title
    first, second = ran_on(graded, said), [*circumstances(graded, said), own_name]
    if width(" · ".join([*first, *second]), _PLACE) <= WIDTH - 60 or not first:
        return [joined([*first, *second], _PLACE, WIDTH - 60)]
    return [joined(first, _PLACE, WIDTH - 60), joined(second, _PLACE, WIDTH - 60)]


def _arrows(grade: Grade, top: int) -> list[_Arrow]:
    count = len(grade.letters)
    found = []
    for index, (letter, colour) in enumerate(zip(grade.letters, colours(count), strict=True)):
        y, left, tip = top + _ARROW_STEP * index, 30.0, 30 + 130 + 190 * index / max(1, count - 1)
        shoulder = tip - _ARROW_HEIGHT / 2
        points = f"{left},{y} {shoulder:.1f},{y} {tip:.1f},{y + _ARROW_HEIGHT / 2} {shoulder:.1f},{y + _ARROW_HEIGHT} {left},{y + _ARROW_HEIGHT}"  # noqa: E501
        found.append(_Arrow(letter, colour, y, points))
    return found


def _bracket(grade: Grade, arrows: list[_Arrow]) -> tuple[float, float] | None:
    """Top and bottom of the bar that marks the letters within the uncertainty."""
    if not arrows or grade.best is None or grade.worst is None or grade.best == grade.worst:
        return None
    rows = {arrow.letter: arrow.y for arrow in arrows}
    return rows[grade.best] + 4, rows[grade.worst] + _ARROW_HEIGHT - 4


def _footer(graded: Graded, said: Words, room: float) -> list[str]:
    grade, measured = graded.grade, graded.measurement
    lines = [
        f"{said.scale} {grade.scale.name} {grade.scale.version}, {grade.scale.date}, sha256 {grade.scale.short_hash}"
    ]
    imported = measured.imported if measured else None
    if imported is not None:
        lines.append(fit_middle(_capital(said.said(clean(imported.text))), 11, room))
    reference = grade.reference
    if grade.index is not None and reference is not None:
        index = f"EEI {units.number(grade.index)}: {said.reference} {units.energy(reference.joules_per_unit)}"
        number = f", n {reference.n}" if reference.n else ""
        kind = said.derived if reference.is_derived else said.boundary(reference.boundary)
        about = f"{said.number(index)} {said.per} {said.units[grade.unit]} ({kind}{number})"
        lines.append(fit(f"{about} {said.from_}", 11, room))
        lines += wrap(clean(reference.source), 11, room, 4)
    for note in grade.notes:
        lines += wrap(said.said(clean(note)), 11, room, 2)
    if measured:
        lines += wrap(uncertainty(graded, said), 11, room, 2)
    return lines[:11]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _is_reachable(url: str) -> bool:
    """Whether a QR code of an address leads anywhere on the phone that reads it: a loopback address does not."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    try:
        address = ip_address(host)
    except ValueError:
        return bool(host) and host != "localhost" and not host.endswith(".localhost")
    return not (address.is_loopback or address.is_unspecified)


def _qr(url: str) -> dict[str, object]:
    """Module path and edge length of a QR code of ``url``."""
    code = segno.make(url, error="m", micro=False)
    buffer = io.StringIO()
    rows = [(x, y) for y, row in enumerate(code.matrix) for x, dark in enumerate(row) if dark]
    for x, y in rows:
        buffer.write(f"M{x} {y}h1v1h-1z")
    return {"path": buffer.getvalue(), "size": len(code.matrix), "url": url}
