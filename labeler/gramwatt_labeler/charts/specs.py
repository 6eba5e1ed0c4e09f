"""The charts of the application, each as a function of its numbers. Times are Unix seconds, energies joules."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from .calendar_axis import without_holes
from .drawing import BLUE, COMPONENTS, GREEN, INK, ORANGE

Spec = dict[str, Any]
WIDE = 440
_SQUARE, _CELL = 320, 5.0  # pixels
_MOST_MARKS = 1000
_AMOUNT = (  # a share such as 0.5 as it is, never as 500m; what is far from 1 by its prefix
    "datum.value >= 1000 || datum.value < 0.001 ? format(datum.value, '~s') : format(datum.value, '~g')"
)
_COUNT = (  # in words: M and G are not used for numbers of calls
    "datum.value >= 1e9 ? format(datum.value / 1e9, '~g') + ' billion'"
    " : datum.value >= 1e6 ? format(datum.value / 1e6, '~g') + ' million' : format(datum.value, ',')"
)


def power_curve(points: Sequence[tuple[float, float | None]], height: int = 200) -> Spec:
    """Watts over time. None is a gap: nothing was known there, and no line is drawn across it."""
    return {
        "width": WIDE,
        "height": height,
        "data": {"values": [{"t": at * 1000, "W": watts} for at, watts in points]},
        "mark": {
            "type": "area",
            "line": {"color": BLUE},
            "fill": BLUE,
            "fillOpacity": 0.15,
            "invalid": "break-paths-show-domains",
        },
        "encoding": {
            "x": {
                "field": "t",
                "type": "temporal",
                "scale": {"type": "utc"},
                "title": "UTC",
                "axis": {"tickCount": 6, "labelOverlap": "greedy", "format": _clock(points)},
            },
            "y": {"field": "W", "type": "quantitative", "title": "W"},
        },
    }


def _clock(points: Sequence[tuple[float, float | None]]) -> str:
    """How moments are written on an axis: to the second of a run of minutes, to the day of one of weeks."""
    seconds = points[-1][0] - points[0][0] if points else 0.0
    if seconds < 600:
        return "%H:%M:%S"
    return "%H:%M" if seconds < 2 * 86_400 else "%m-%d"


def component_bars(rows: Sequence[tuple[str, Mapping[str, float]]], unit: str = "Wh") -> Spec:
    """One bar per run, split by component. Names are unique; values are in ``unit``."""
    present = [name for name in COMPONENTS if any(name in parts for _, parts in rows)]
    values = [
        {"run": name, "component": part, "value": value, "order": present.index(part)}
        for name, parts in rows
        for part, value in parts.items()
        if part in present
    ]
    return {
        "width": WIDE - 110,
        "height": {"step": 34},
        "data": {"values": values},
        "mark": "bar",
        "encoding": {
            "y": {"field": "run", "type": "nominal", "sort": None, "title": None},
            "x": {"field": "value", "type": "quantitative", "title": unit},
            "order": {"field": "order"},
            "color": {
                "field": "component",
                "type": "nominal",
                "scale": {"domain": present, "range": [COMPONENTS[name] for name in present]},
            },
        },
    }


def named_bars(rows: Sequence[tuple[str, float, float | None, float | None]], unit: str) -> Spec:
    """One bar per name with the span of one sigma where it is known: (name, value, low, high)."""
    values = [{"name": name, "value": value, "low": low, "high": high} for name, value, low, high in rows]
    y = {"field": "name", "type": "nominal", "sort": None, "title": None}
    return {
        "width": WIDE - 110,
        "height": {"step": 34},
        "data": {"values": values},
        "layer": [
            {
                "mark": {"type": "bar", "color": BLUE},
                "encoding": {"y": y, "x": {"field": "value", "type": "quantitative", "title": unit}},
            },
            {
                "transform": [{"filter": "isValid(datum.low)"}],
                "mark": {"type": "rule", "color": INK, "strokeWidth": 3},
                "encoding": {"y": y, "x": {"field": "low", "type": "quantitative"}, "x2": {"field": "high"}},
            },
        ],
    }


def _calendar(field: str, known: Sequence[str]) -> Spec:
    """An axis of months or days, ``2026-11`` or ``2026-11-28``; one of which nothing is known has its place, too."""
    return {
        "field": field,
        "type": "ordinal",
        "title": None,
        "scale": {"domain": without_holes(known)},
        "axis": {"labelAngle": 0, "labelOverlap": True, "labelSeparation": 14},
    }


def daily_bars(rows: Sequence[tuple[str, float]], unit: str, height: int = 180) -> Spec:
    """One bar per day, named ``2026-11-28``; days without a run have a place and no bar."""
    return {
        "width": WIDE,
        "height": height,
        "data": {"values": [{"day": day, "value": value} for day, value in rows]},
        "mark": {"type": "bar", "color": BLUE},
        "encoding": {
            "x": _calendar("day", [day for day, _ in rows]),
            "y": {"field": "value", "type": "quantitative", "title": unit, "stack": None},
        },
    }


def _whole(counts: Sequence[tuple[str, int]]) -> Spec:
    """The axis of numbers that are whole."""
    most = max((count for _, count in counts), default=0)
    return {"values": list(range(most + 1)), "format": "d"} if most < 5 else {"tickMinStep": 1}


def letter_bars(counts: Sequence[tuple[str, int]], colours: Sequence[str], what: str = "runs") -> Spec:
    """How many of ``what`` got each letter; the letter stands under its bar, so that colour is not the only sign."""
    return {
        "width": WIDE,
        "height": 200,
        "data": {"values": [{"letter": letter, "runs": count} for letter, count in counts]},
        "encoding": {
            "x": {
                "field": "letter",
                "type": "nominal",
                "sort": None,
                "title": None,
                "axis": {"labelAngle": 0, "labelFontSize": 15},
            },
            "y": {"field": "runs", "type": "quantitative", "title": what, "axis": _whole(counts)},
        },
        "layer": [
            {
                "mark": {"type": "bar"},
                "encoding": {
                    "color": {
                        "field": "letter",
                        "type": "nominal",
                        "legend": None,
                        "scale": {"domain": [letter for letter, _ in counts], "range": list(colours)},
                    }
                },
            },
            {"mark": {"type": "text", "dy": -7}, "encoding": {"text": {"field": "runs"}}},
        ],
    }


def of_all(counts: Mapping[str, int], letters: Sequence[str]) -> str:
    """Behind a title, how many have one of the letters where some have none: ``: 676 of 1,414``."""
    graded, total = sum(counts.get(letter, 0) for letter in letters), sum(counts.values())
    return f": {graded:,} of {total:,}" if graded < total else ""


def circles(letters: Iterable[str]) -> str:
    """Behind the title of a trade-off, what a circle is where there are some."""
    return " (a circle has no letter)" if "" in letters else ""


def cost_curve(points: Sequence[tuple[float, float, float]], break_even: int | None, currency: str) -> Spec:
    """Cost without and with a tactic over the number of calls, and where the two meet."""
    values = [
        {"calls": n, "cost": cost, "line": name}
        for n, old, new in points
        for name, cost in (("as it is", old), ("with the tactic", new))
    ]
    layers: list[Spec] = [
        {
            "data": {"values": values},
            "mark": "line",
            "encoding": {
                "x": {
                    "field": "calls",
                    "type": "quantitative",
                    "title": "calls",
                    "axis": {"labelExpr": _COUNT, "tickCount": 4},
                },
                "y": {"field": "cost", "type": "quantitative", "title": currency or "cost"},
                "color": {
                    "field": "line",
                    "type": "nominal",
                    "scale": {"domain": ["as it is", "with the tactic"], "range": [ORANGE, GREEN]},
                },
                "strokeDash": {
                    "field": "line",
                    "type": "nominal",
                    "scale": {"domain": ["as it is", "with the tactic"], "range": [[1, 0], [6, 3]]},
                },
            },
        }
    ]
    if break_even:
        layers.append(
            {
                "data": {"values": [{"calls": break_even, "text": "pays back"}]},
                "encoding": {"x": {"field": "calls", "type": "quantitative"}},
                "layer": [
                    {"mark": {"type": "rule", "color": INK, "strokeDash": [3, 3]}},
                    {
                        "mark": {"type": "text", "align": "left", "dx": 6, "y": 12},
                        "encoding": {"text": {"field": "text"}},
                    },
                ],
            }
        )
    return {"width": WIDE, "height": 240, "layer": layers}


def share_bars(rows: Sequence[tuple[str, int, int]], names: tuple[str, str]) -> Spec:
    """A bar a month, ``(month, part, whole)``, of two parts named ``names``: the part, and the rest."""
    values = [
        {"month": month, "part": name, "models": count, "order": order}
        for month, part, whole in rows
        for order, (name, count) in enumerate(zip(names, (part, whole - part), strict=True))
    ]
    scale = {"domain": list(names), "range": [GREEN, INK]}
    return {
        "width": WIDE,
        "height": 200,
        "data": {"values": values},
        "mark": "bar",
        "encoding": {
            "x": _calendar("month", [month for month, _, _ in rows]),
            "y": {"field": "models", "type": "quantitative", "title": "models"},
            "order": {"field": "order"},
            "color": {"field": "part", "type": "nominal", "scale": scale},
        },
    }


def trade_off(
    points: Sequence[tuple[float, float, str, str]],
    titles: tuple[str, str],
    letters: Sequence[str],
    colours: Sequence[str],
) -> Spec:
    """Two quantities against each other, both on log axes: (x, y, letter, name), all above 0.

    Each run is drawn as its letter, so that colour is not the only sign; a run without one is a hollow circle. Of
    those that would cover each other one is drawn.
    """
    values = [{"x": x, "y": y, "letter": letter} for x, y, letter, _ in _apart(points)]
    axes = {
        key: {
            "field": key,
            "type": "quantitative",
            "scale": {"type": "log", "nice": True},
            "title": title,
            "axis": {"labelExpr": _AMOUNT, "tickCount": 5, "labelSeparation": 6},
        }
        for key, title in zip("xy", titles, strict=True)
    }
    colour = {
        "field": "letter",
        "type": "nominal",
        "legend": None,
        "scale": {"domain": [*letters], "range": [*colours]},
    }
    return {
        "width": WIDE,
        "height": _SQUARE,
        "data": {"values": values},
        "layer": [
            {
                "transform": [{"filter": "datum.letter != ''"}],
                "mark": {
                    "type": "text",
                    "fontWeight": "bold",
                    "fontSize": 14,
                    "stroke": "#0008",
                    "strokeWidth": 0.4,
                },
                "encoding": {**axes, "text": {"field": "letter"}, "color": colour},
            },
            {
                "transform": [{"filter": "datum.letter == ''"}],
                "mark": {"type": "point", "color": INK, "size": 30},
                "encoding": axes,
            },
        ],
    }


def _apart(points: Sequence[tuple[float, float, str, str]]) -> Sequence[tuple[float, float, str, str]]:
    """The first of each letter in every cell of a few pixels, larger ones until few enough are left for a page.

    The least and the most of both quantities stand where they are.
    """
    ends = [most(points, key=itemgetter(side)) for side in (0, 1) for most in (min, max)] if points else []
    cell, found = _CELL, _of_cells(points, _CELL)
    while len(found) > _MOST_MARKS:
        cell *= 1.25
        found = _of_cells(points, cell)
    return list(dict.fromkeys([*ends, *found]))


def _of_cells(
    points: Sequence[tuple[float, float, str, str]], cell: float
) -> Sequence[tuple[float, float, str, str]]:
    sides = [[math.log10(one[0]) for one in points], [math.log10(one[1]) for one in points]]
    steps = [
        (max(side) - min(side)) * cell / pixels or 1.0 if side else 1.0
        for side, pixels in zip(sides, (WIDE, _SQUARE), strict=True)
    ]
    first: dict[tuple[int, int, str], tuple[float, float, str, str]] = {}
    for point, x, y in zip(points, *sides, strict=True):
        first.setdefault((int(x // steps[0]), int(y // steps[1]), point[2]), point)
    return list(first.values())


def monthly(rows: Sequence[tuple[str, float, float, float]], title: str) -> Spec:
    """The median of each month with its quartiles: (month, low, median, high), all above 0."""
    values = [
        {"month": month, "low": low, "median": median, "high": high} for month, low, median, high in rows
    ]
    x = _calendar("month", [month for month, *_ in rows])
    log = {"type": "log", "nice": True}
    y = {
        "field": "median",
        "type": "quantitative",
        "title": title,
        "scale": log,
        "axis": {"labelExpr": _AMOUNT, "tickCount": 5, "labelSeparation": 6},
    }
    return {
        "width": WIDE,
        "height": 200,
        "data": {"values": values},
        "layer": [
            {
                "mark": {"type": "rule", "color": BLUE, "opacity": 0.35, "strokeWidth": 8},
                "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}},
            },
            {
                "mark": {"type": "line", "color": BLUE, "point": {"color": BLUE, "size": 60}},
                "encoding": {"x": x, "y": y},
            },
        ],
    }
