"""What the explorer shows of the evaluations that fit: their quantities, charts, and the best of each letter."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from statistics import median, quantiles

from markupsafe import Markup

from ...charts.drawing import draw
from ...charts.specs import circles, letter_bars, monthly, of_all, trade_off
from ...model import Grade
from ...recommendations import facts_of
from ...render.palette import colours
from ...store.nouns import Listed
from ...units import UNDATED
from .page import svg
from .values import per_unit_title

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
        title = f"Letters on {scale}{of_all(counts, letters)}"
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
        title = f"{known.get(y, y)} against {known.get(x, x)}{circles(letter for _, _, letter, _ in points)}"
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


def differ(one: str, other: str, rows: Sequence[Listed]) -> bool:
    """Whether two quantities are not the same number in every row: a scale's own CO2 is that of the run."""
    pairs = ((known_value(one, row), known_value(other, row)) for row in rows)
    return any(first != second for first, second in pairs if first is not None and second is not None)


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
