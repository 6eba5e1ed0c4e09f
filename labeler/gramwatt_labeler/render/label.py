"""One result -> an energy label as SVG, in the manner of the EU's: arrows, a black pointer, tiles, a QR code."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import segno
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from .. import units
from ..model import Grade, Graded
from .text import clean, fit, wrap

WIDTH = 600
_COLOURS = ("#639b30", "#b8ac2b", "#f8b830", "#ef7d29", "#e52421")
_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ARROW_TOP, _ARROW_STEP, _ARROW_HEIGHT = 178, 54, 44
_UNIT_WORDS = {"sample": "sample", "token": "token", "request": "request", "run": "run"}


@dataclass(frozen=True, slots=True)
class _Arrow:
    letter: str
    colour: str
    y: float
    points: str


@dataclass(frozen=True, slots=True)
class Tile:
    """A pictogram with a value; ``letter`` only where this very value was graded."""

    icon: str  # bolt, meter, cloud, leaf, clock, target
    value: str
    unit: str
    caption: str
    letter: str = ""


def colours(count: int) -> list[str]:
    """Colours for any number of letters, from green to red; for five they are the label's own."""
    if count == 1:
        return [_COLOURS[0]]
    found = []
    for index in range(count):
        place = index * (len(_COLOURS) - 1) / (count - 1)
        low = min(int(place), len(_COLOURS) - 2)
        share = place - low
        parts = [
            round(
                int(_COLOURS[low][at : at + 2], 16) * (1 - share)
                + int(_COLOURS[low + 1][at : at + 2], 16) * share
            )
            for at in (1, 3, 5)
        ]
        found.append("#" + "".join(f"{part:02x}" for part in parts))
    return found


def render_svg(graded: Graded, url: str, own_tiles: Sequence[Tile] | None = None) -> str:
    """The label. ``url`` is where the QR code leads: the page of this label; "" for none.

    ``own_tiles`` stand in place of those of the measurement.
    """
    window, grade = graded.window, graded.grade
    arrows = _arrows(grade)
    bottom = _ARROW_TOP + _ARROW_STEP * len(arrows)
    reason = wrap(f"not graded: {clean(grade.reason)}", 15, 215, 9) if grade.letter is None else []
    bottom = max(bottom, _ARROW_TOP + 20 * len(reason) + 20)
    title = clean(window.model or window.name or window.id)
    facts = [clean(part) for part in (window.phase, window.task, window.dataset) if part.strip()]
    hardware = [clean(grade.reference.hardware.upper())] if grade.reference else []
    sources = (
        [", ".join(graded.measurement.sources)] if graded.measurement and graded.measurement.sources else []
    )
    drawn = tiles(graded) if own_tiles is None else own_tiles
    footer_top = bottom + 32 + 104 * -(-len(drawn) // 3)
    when = units.moment(window.end)
    when = f"{when[:16]} UTC" if len(when) > 16 else when
    footer = _footer(graded)
    spot = next((arrow for arrow in arrows if arrow.letter == grade.letter), None)
    return _TEMPLATES.get_template("label.svg.j2").render(
        width=WIDTH,
        height=footer_top + (164 if url else 24 + 15 * len(footer)),
        alt=alt_text(graded),
        title=fit(title, 29, WIDTH - 60),  # bold letters are wider than the estimate
        facts=fit(" · ".join(facts), 16, WIDTH - 60),
        place=fit(
            " · ".join(
                [*hardware, *sources, *([clean(window.name)] if window.name != window.model else []), when]
            ),
            13,
            WIDTH - 60,
        ),
        arrows=arrows,
        arrow_height=_ARROW_HEIGHT,
        pointer=spot,
        bracket=_bracket(grade, arrows),
        span_text=_span_text(grade),
        reason=reason,
        tiles=drawn,
        tiles_top=bottom + 20,
        footer_top=footer_top,
        qr=_qr(url) if url else None,
        footer_left=166 if url else 30,
        footer=footer,
        window=fit(clean(window.id), 11, 400),
    )


def alt_text(graded: Graded) -> str:
    """The label in one or two sentences, for people who do not see it."""
    window, grade, measured = graded.window, graded.grade, graded.measurement
    name = clean(window.model or window.name or window.id)
    text = f"Energy label of {name}"
    what = " of ".join(clean(part) for part in (window.phase, window.task) if part.strip())
    text += f" ({what}): " if what else ": "
    if grade.letter is None:
        text += clean(grade.text)
    else:
        text += (
            f"grade {grade.letter} on a scale from {grade.letters[0]} (best) to {grade.letters[-1]} (worst)"
        )
        if grade.best is not None and grade.best != grade.worst:
            text += f", {grade.best} to {grade.worst} within the uncertainty"
        if grade.energy_per_unit_joules is not None:
            text += f"; {units.energy(grade.energy_per_unit_joules)} per {grade.unit}"
    if measured:
        text += f"; {units.energy(measured.energy_joules)} in all"
        if measured.emissions_grams is not None:
            text += f", {units.mass(measured.emissions_grams)} of CO2 equivalent"
        if measured.imported is not None:
            text += f"; {clean(measured.imported.text)}"
    return text + "."


def tiles(graded: Graded) -> list[Tile]:
    """Up to six tiles. What is not known has no tile, but missing CO2 is said."""
    window, measured, grade = graded.window, graded.measurement, graded.grade
    found: list[Tile] = []
    if measured is None:
        return found
    if grade.energy_per_unit_joules is not None:
        per_unit = units.energy(grade.energy_per_unit_joules).split(" ")
        found.append(
            Tile(
                "bolt",
                per_unit[0],
                f"{per_unit[1]} per {_UNIT_WORDS[grade.unit]}",
                "energy",
                grade.letter or "",
            )
        )
    energy = units.energy(measured.energy_joules).split(" ")
    found.append(Tile("meter", energy[0], energy[1], "energy in all"))
    if measured.emissions_grams is None:
        why = "CO2: no grid zone" if measured.imported is None else "CO2: not in the file"
        found.append(Tile("cloud", "–", "not known", why))
    else:
        if grade.emissions_per_unit_grams is not None and grade.unit != "run":
            grams = units.mass(grade.emissions_per_unit_grams).split(" ")
            found.append(
                Tile("leaf", grams[0], f"{grams[1]} per {_UNIT_WORDS[grade.unit]}", "CO2 equivalent")
            )
        grams = units.mass(measured.emissions_grams).split(" ")
        found.append(Tile("cloud", grams[0], grams[1], "CO2 in all"))
    if window.seconds > 0:
        took, power = units.duration(window.seconds), measured.energy_joules / window.seconds
        found.append(Tile("clock", took, "", f"mean {units.number(power)} W"))
    if "accuracy" in window.values:
        found.append(Tile("target", units.number(window.values["accuracy"]), "", "accuracy"))
    return found[:6]


def _arrows(grade: Grade) -> list[_Arrow]:
    count = len(grade.letters)
    found = []
    for index, (letter, colour) in enumerate(zip(grade.letters, colours(count), strict=True)):
        y, left, tip = _ARROW_TOP + _ARROW_STEP * index, 30.0, 30 + 130 + 190 * index / max(1, count - 1)
        shoulder = tip - _ARROW_HEIGHT / 2
        points = f"{left},{y} {shoulder:.1f},{y} {tip:.1f},{y + _ARROW_HEIGHT / 2} {shoulder:.1f},{y + _ARROW_HEIGHT} {left},{y + _ARROW_HEIGHT}"  # noqa: E501
        found.append(_Arrow(letter, colour, y, points))
    return found


def _bracket(grade: Grade, arrows: list[_Arrow]) -> tuple[float, float] | None:
    """Top and bottom of the bar that marks the letters within the uncertainty."""
    if grade.letter is None or grade.best is None or grade.worst is None or grade.best == grade.worst:
        return None
    rows = {arrow.letter: arrow.y for arrow in arrows}
    return rows[grade.best] + 4, rows[grade.worst] + _ARROW_HEIGHT - 4


def _span_text(grade: Grade) -> str:
    if grade.letter is None:
        return ""
    if grade.best is None or grade.worst is None:
        return "uncertainty not known"
    return f"{grade.best}-{grade.worst} within ±1σ" if grade.best != grade.worst else "within ±1σ"


def _footer(graded: Graded) -> list[str]:
    grade, measured = graded.grade, graded.measurement
    lines = [
        f"Scale {grade.scale.name} {grade.scale.version} of {grade.scale.date}, sha256 {grade.scale.short_hash}"
    ]
    imported = measured.imported if measured else None
    if imported is not None:
        text = clean(imported.text)
        lines.append(fit(text[0].upper() + text[1:], 11, 420))
    if grade.index is not None and grade.reference is not None:
        index = f"EEI {units.number(grade.index)}: "
        lines.append(
            f"{index}reference {units.energy(grade.reference.joules_per_unit)} per {grade.unit}, from"
        )
        lines += wrap(clean(grade.reference.source), 11, 420, 4)
    lines += [fit(clean(note), 11, 420) for note in grade.notes]
    if measured:
        sure = measured.uncertainty_ratio
        text = "not known" if sure is None else f"±{units.number(100 * sure)} % (1σ)"
        if measured.coverage_ratio is not None:
            text += f"; counters cover {100 * measured.coverage_ratio:.3g} % of the window"
        lines.append(f"Uncertainty of the energy {text}")
    return lines[:8]


def _qr(url: str) -> dict[str, object]:
    """Module path and edge length of a QR code of ``url``."""
    code = segno.make(url, error="m", micro=False)
    buffer = io.StringIO()
    rows = [(x, y) for y, row in enumerate(code.matrix) for x, dark in enumerate(row) if dark]
    for x, y in rows:
        buffer.write(f"M{x} {y}h1v1h-1z")
    return {"path": buffer.getvalue(), "size": len(code.matrix), "url": url}
