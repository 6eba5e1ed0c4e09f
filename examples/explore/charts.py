"""Charts as Vega-Lite specifications, drawn by vl-convert: no script in the page, printable."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from gramwatt.wording import quantity

from .errors import Unusable, install

Spec = dict[str, Any]
INK, FAINT, BLUE, ORANGE, GREEN, PURPLE = "#4d5a52", "#8a978f40", "#3f7fe0", "#d9782a", "#2f9a63", "#8f6bd0"
PALETTE = (BLUE, ORANGE, GREEN, PURPLE, "#b8405e", "#4aa3b5")
_WIDTH, _HEIGHT = 620, 380
_FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
# 0.25 and 2,000 are read as they are; beyond them stand prefixes: 19k, 2M.
_NUMBER = (
    "datum.value == 0 || abs(datum.value) >= 0.001 && abs(datum.value) < 10000 "
    "? format(datum.value, ',~r') : format(datum.value, '~s')"
)
_CONFIG: Mapping[str, Any] = {
    "background": "#ffffff",
    "font": _FONT,
    "padding": 18,
    "view": {"stroke": None},
    "title": {
        "color": "#1d2420", "fontSize": 17, "anchor": "start", "offset": 14, "subtitleColor": INK,
        "subtitleFontSize": 13, "subtitlePadding": 5,
    },
    "axis": {
        "labelColor": INK, "titleColor": INK, "gridColor": FAINT, "domainColor": INK, "tickColor": INK,
        "labelFontSize": 13, "titleFontSize": 13, "titleFontWeight": "normal", "titlePadding": 10, "tickCount": 6,
    },
    "legend": {"labelColor": INK, "title": None, "labelFontSize": 13, "orient": "top", "symbolSize": 90},
    "text": {"color": INK, "fontSize": 12},
}  # fmt: skip


def svg(spec: Spec) -> str:
    """Raises Unusable where vl-convert is missing."""
    drawn: str = _library().vegalite_to_svg(_whole(spec))
    return drawn


def png(spec: Spec) -> bytes:
    """Twice as fine as the SVG's own size. Raises Unusable where vl-convert is missing."""
    drawn: bytes = _library().vegalite_to_png(_whole(spec), scale=2)
    return drawn


def _whole(spec: Spec) -> str:
    schema = "https://vega.github.io/schema/vega-lite/v5.json"
    return json.dumps({"$schema": schema, "config": _CONFIG, **spec}, ensure_ascii=False)


def _library() -> Any:
    try:
        import vl_convert
    except ImportError:
        raise Unusable(f"charts need vl-convert: {install('vl-convert-python')}") from None
    return vl_convert


def scatter(
    points: Sequence[Mapping[str, Any]],
    front: Sequence[Mapping[str, Any]],
    titles: tuple[str, str],
    log: tuple[bool, bool],
    heading: tuple[str, str],
) -> Spec:
    """Points with ``name``, ``x``, ``y``, ``group`` and ``below`` (an energy below the floor, drawn hollow).

    ``front`` are those that no other beats in both; a line leads along them.
    """
    axes = [
        {
            "field": field,
            "type": "quantitative",
            "title": title,
            "scale": {"type": "log", "nice": False, "padding": 36}
            if is_log
            else {"zero": False, "padding": 36},
            "axis": {"labelExpr": _NUMBER}
            | ({"values": _ticks([p[field] for p in points])} if is_log else {}),
        }
        for field, title, is_log in zip("xy", titles, log, strict=True)
    ]
    groups = sorted({str(point["group"]) for point in points})
    colour: Spec = {
        "field": "group", "type": "nominal", "scale": {"domain": groups, "range": list(PALETTE)},
        "legend": {} if len(groups) > 1 else None,
    }  # fmt: skip
    named = list(points) if len(points) <= 16 else list(front)
    return {
        "title": {"text": heading[0], "subtitle": heading[1]},
        "width": _WIDTH,
        "height": _HEIGHT,
        "encoding": {"x": axes[0], "y": axes[1]},
        "layer": [
            {
                "data": {"values": list(front)},
                "mark": {
                    "type": "line",
                    "color": INK,
                    "strokeDash": [5, 4],
                    "strokeWidth": 1.5,
                    "opacity": 0.7,
                },
            },
            {
                "data": {"values": [one for one in points if not one["below"]]},
                "mark": {"type": "point", "filled": True, "size": 110, "opacity": 0.95},
                "encoding": {"color": colour},
            },
            {
                "data": {"values": [one for one in points if one["below"]]},
                "mark": {"type": "point", "filled": False, "size": 110, "strokeWidth": 2},
                "encoding": {"color": colour},
            },
            *(
                # The first time as a white edge, so that no line runs through a name.
                {"data": {"values": named}, "mark": mark, "encoding": {"text": {"field": "name"}}}
                for mark in (
                    {"type": "text", "dy": -15, "stroke": "white", "strokeWidth": 4, "strokeJoin": "round"},
                    {"type": "text", "dy": -15},
                )
            ),
        ],
    }


def _ticks(values: Sequence[float]) -> list[float]:
    """Of an axis by powers of ten: 1, 2 and 5 of each, and powers alone where there are more than three of them."""
    first, last = math.floor(math.log10(min(values))) - 1, math.ceil(math.log10(max(values))) + 1
    steps = (1.0, 2.0, 5.0) if last - first <= 5 else (1.0,)
    return [step * 10.0**power for power in range(first, last) for step in steps]


def floor_curve(summary: Mapping[str, Any]) -> Spec:
    """Joules over rounds, both by powers of ten: what was seen, what was below the floor, and where the knee is."""
    points = [
        {
            "rounds": one["rounds"],
            "joules": one["floor_joules"] if one["below_floor"] else one["joules"],
            "what": "below the floor" if one["below_floor"] else "measured",
        }
        for one in summary["points"]
        if (one["floor_joules"] if one["below_floor"] else one["joules"])
    ]
    x: Spec = {
        "field": "rounds", "type": "quantitative", "title": "Rounds of the loop",
        "scale": {"type": "log", "domain": [50, 2 * summary["most"]]},
        "axis": {"format": "~s", "values": [10**power for power in range(2, 11)], "tickCount": 20},
    }  # fmt: skip
    y: Spec = {
        "field": "joules", "type": "quantitative", "title": "Energy, J", "scale": {"type": "log"},
        "axis": {"labelExpr": _NUMBER, "values": [10.0**power for power in range(-9, 7)]},
    }  # fmt: skip
    names = ["measured", "below the floor"]
    layers: list[Spec] = []
    each, least, knee = summary["joules_per_round"], summary["floor_joules"], summary["knee_rounds"]
    if each and least:
        ends = [max(50.0, knee / 30), 2 * summary["most"]]
        layers.append(
            {
                "data": {"values": [{"rounds": end, "joules": each * end} for end in ends]},
                "mark": {
                    "type": "line",
                    "color": INK,
                    "strokeDash": [2, 4],
                    "strokeWidth": 1.5,
                    "clip": True,
                },
                "encoding": {"x": x, "y": y},
            }
        )
    if least:
        layers += [
            {
                "data": {"values": [{"joules": least, "text": f"floor {quantity(least, 'J')}"}]},
                "encoding": {"y": y},
                "layer": [
                    {"mark": {"type": "rule", "color": ORANGE, "strokeWidth": 1.5}},
                    {
                        "mark": {
                            "type": "text",
                            "align": "right",
                            "x": _WIDTH - 6,
                            "dy": 14,
                            "color": ORANGE,
                        },
                        "encoding": {"text": {"field": "text"}},
                    },
                ],
            },
        ]
    if knee:
        said = f"the knee: about {float(f'{knee:.2g}'):,.0f} rounds"
        layers.append(
            {
                "data": {"values": [{"rounds": knee, "text": said}]},
                "encoding": {"x": x},
                "layer": [
                    {"mark": {"type": "rule", "color": INK, "strokeDash": [3, 3]}},
                    {
                        "mark": {"type": "text", "align": "right", "dx": -8, "y": 14},
                        "encoding": {"text": {"field": "text"}},
                    },
                ],
            }
        )
    layers.append(
        {
            "data": {"values": points},
            "mark": {"type": "point", "size": 110, "strokeWidth": 2},
            "encoding": {
                "x": x,
                "y": y,
                "color": {
                    "field": "what",
                    "type": "nominal",
                    "scale": {"domain": names, "range": [BLUE, ORANGE]},
                },
                "shape": {
                    "field": "what",
                    "type": "nominal",
                    "scale": {"domain": names, "range": ["circle", "triangle-down"]},
                },
            },
        }
    )
    return {
        "title": {
            "text": "From how much work on its energy is seen",
            "subtitle": f"a loop of Python on {summary['hardware']}; each point the middle of {summary['repeats']}",
        },
        "width": _WIDTH,
        "height": _HEIGHT,
        "layer": layers,
    }
