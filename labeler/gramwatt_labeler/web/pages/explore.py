"""The explorer: totals and charts of the evaluations that fit the filters."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from statistics import median, quantiles

from fastapi import APIRouter, Request, Response
from markupsafe import Markup

from ...charts.drawing import draw
from ...charts.specs import letter_bars, monthly, trade_off
from ...equivalents import equivalents
from ...grading.scale import letters_of
from ...model import Grade
from ...recommendations import facts_of
from ...render.palette import colours
from ...render.text import clean
from ...store.nouns import Listed
from ...units import UNDATED
from .desk import Desk
from .evaluations import ORIGINS, asked_of, filters_of, wrong_filter
from .page import svg
from .values import per_unit_title

MOST_ROWS = 5000
_PAGE = 500
Quantity = Callable[[Listed], float | None]


def _measured(name: str) -> Quantity:
    return lambda row: getattr(row.evaluation.measurement, name) if row.evaluation.measurement else None


def _graded(name: str) -> Quantity:
    return lambda row: getattr(row.graded.grade, name) if row.graded else None


def _value(name: str) -> Quantity:
    return lambda row: row.evaluation.window.values.get(name)


def _metric(name: str) -> Quantity:
    def value(row: Listed) -> float | None:
        one = row.graded.grade.metrics.get(name) if row.graded else None
        return one.value if one else None

    return value


_QUANTITIES: Mapping[str, tuple[str, Quantity]] = {
    "energy": ("Energy (J)", _measured("energy_joules")),
    "co2": ("CO2 (g)", lambda row: row.evaluation.grams),
    "per_unit": ("Energy per unit (J)", _graded("energy_per_unit_joules")),
    "seconds": ("Run time (s)", lambda row: row.evaluation.window.seconds or None),
    "accuracy": ("Accuracy", _value("accuracy")),
    "parameters": ("Parameters", _value("parameters")),
    "samples": ("Samples", _value("samples")),
    "tokens": ("Tokens", _value("tokens")),
    "requests": ("Requests", _value("requests")),
}


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
            choices={name: desk.store.values(name) for name in ("task", "user")},
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


def known_quantities(rows: Sequence[Listed]) -> dict[str, str]:
    """What at least two of the rows have above 0, with its title; a scale's own metrics among them."""
    counts: Counter[str] = Counter()
    for row in rows:
        for name in (*_QUANTITIES, *(row.graded.grade.metrics if row.graded else ())):
            value = known_value(name, row)
            if value is not None and math.isfinite(value) and value > 0:
                counts[name] += 1
    return {name: _title(name) for name, count in counts.items() if count > 1}


def known_value(name: str, row: Listed) -> float | None:
    """A quantity of a row."""
    return (_QUANTITIES[name][1] if name in _QUANTITIES else _metric(name))(row)


def charts(
    rows: Sequence[Listed], letters: Sequence[str], scale: str, x: str, y: str, known: Mapping[str, str]
) -> list[tuple[str, Markup]]:
    """``(title, drawing)`` of what there is enough of."""
    found = []
    counts = Counter((row.graded.grade.letter if row.graded else None) or "" for row in rows)
    if any(counts[letter] for letter in letters):
        title = f"Letters on {scale}"
        drawing = draw(letter_bars([(one, counts[one]) for one in letters], colours(len(letters))), title)
        found.append((title, svg(drawing)))
    months = by_month(rows)
    if len(months) > 1:
        title = "CO2 of a run by month: median and interquartile range"
        found.append((title, svg(draw(monthly(months, "g"), title))))
    points = []
    for row in rows:
        one, two = known_value(x, row), known_value(y, row)
        if one and two and one > 0 and two > 0 and math.isfinite(one) and math.isfinite(two):
            letter = (row.graded.grade.letter if row.graded else None) or ""
            points.append((one, two, letter, row.evaluation.window.model))
    if len(points) > 1 and x != y:
        title = f"{known.get(y, y)} against {known.get(x, x)}"
        spec = trade_off(points, (known.get(x, x), known.get(y, y)), letters, colours(len(letters)))
        found.append((title, svg(draw(spec, title))))
    return found


def by_month(rows: Sequence[Listed]) -> list[tuple[str, float, float, float]]:
    """The quartiles of CO2 of each month that has any."""
    months: defaultdict[str, list[float]] = defaultdict(list)
    for row in rows:
        grams = row.evaluation.grams
        ended = row.evaluation.window.end
        month = _month(ended) if ended != UNDATED else ""
        if grams is not None and grams > 0 and month:
            months[month].append(grams)
    found = []
    for month, values in sorted(months.items()):
        low, _, high = quantiles(values, n=4, method="inclusive") if len(values) > 1 else (values[0],) * 3
        found.append((month, low, median(values), high))
    return found


def best_per_letter(rows: Sequence[Listed], letters: Sequence[str]) -> list[tuple[Grade, Listed]]:
    """Of each letter the run with the least energy per unit, else the least CO2."""
    found = []
    for letter in letters:
        some = [row for row in rows if row.graded and row.graded.grade.letter == letter]
        if some:
            best = min(some, key=_expense)
            if best.graded:
                found.append((best.graded.grade, best))
    return found


def _expense(row: Listed) -> float:
    per_unit = known_value("per_unit", row)
    grams = row.evaluation.grams
    return per_unit if per_unit is not None else grams or math.inf  # 0 g is no measured number


def _rows(desk: Desk, asked: Mapping[str, str]) -> tuple[list[Listed], bool]:
    found: list[Listed] = []
    cursor = ""
    while True:
        page = desk.store.page(filters_of(asked), asked["scale"], "-ended", cursor, _PAGE, counted=False)
        found += page.rows
        cursor = page.next
        if not cursor or len(found) >= MOST_ROWS:
            return found, bool(cursor)


def differ(one: str, other: str, rows: Sequence[Listed]) -> bool:
    """Whether two quantities are not the same number in every row: a scale's own CO2 is that of the run."""
    pairs = ((known_value(one, row), known_value(other, row)) for row in rows)
    return any(first != second for first, second in pairs if first is not None and second is not None)


def _chosen(name: str, names: Sequence[str]) -> str:
    """The one that was asked for, else the first; "" where there is none."""
    return name if name in names else next(iter(names), "")


def _title(name: str) -> str:
    if name in _QUANTITIES:
        return _QUANTITIES[name][0]
    facts = facts_of(name)
    return facts.title if facts else per_unit_title(name)


def _month(at: float) -> str:
    try:
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m")
    except (ValueError, OverflowError, OSError):
        return ""
