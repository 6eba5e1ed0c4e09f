"""A Vega-Lite specification -> SVG that fits into a page in light and in dark, with a text for screen readers."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from html import escape
from typing import Any

import vl_convert

# Greys that are read on white and on near-black alike.
INK, FAINT = "#6f7d75", "#8a978f33"
BLUE, ORANGE, GREEN, PURPLE = "#3f7fe0", "#d9782a", "#2f9a63", "#8f6bd0"
COMPONENTS = {"cpu": BLUE, "gpu": GREEN, "dram": PURPLE, "other": ORANGE}
_FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
_CONFIG: Mapping[str, Any] = {
    "background": None,
    "font": _FONT,
    "view": {"stroke": None},
    "axis": {
        "labelColor": INK,
        "titleColor": INK,
        "gridColor": FAINT,
        "domainColor": INK,
        "tickColor": INK,
        "labelFontSize": 14,
        "titleFontSize": 14,
        "titleFontWeight": "normal",
        "labelLimit": 150,
        "labelFlush": False,
        "titlePadding": 10,
    },
    "axisXQuantitative": {"tickCount": 6},
    "legend": {
        "labelColor": INK,
        "titleColor": INK,
        "labelFontSize": 14,
        "orient": "top",
        "title": None,
        "labelLimit": 220,
    },
    "text": {"color": INK, "fontSize": 13},
    "bar": {"cornerRadius": 2},
    "line": {"strokeWidth": 2},
}
_BEYOND_16_BITS = re.compile("[\U00010000-\U0010ffff\ud800-\udfff]")
_SIZE = re.compile(r"<svg([^>]*?) width=\"[\d.]+\" height=\"[\d.]+\"")
_TAG = re.compile("<[a-z][^<>]*>")
_PARTS = re.compile(' (?:role="graphics-[a-z]+"|aria-(?:label|roledescription)="[^"]*")')
_SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"


def draw(spec: Mapping[str, Any], alt: str) -> str:
    """The chart as an ``<svg>`` element of its own size; a page makes it smaller where it has less space."""
    return _draw(json.dumps({"$schema": _SCHEMA, "config": _CONFIG, **spec}, ensure_ascii=False), alt)


@lru_cache(maxsize=256)
def _draw(spec: str, alt: str) -> str:
    try:
        svg: str = vl_convert.vegalite_to_svg(spec)
    except ValueError:
        # Vega shortens a label by UTF-16 units, and half of an emoji is no text to the library that draws it.
        svg = vl_convert.vegalite_to_svg(_BEYOND_16_BITS.sub("\u25af", spec))
    # A picture has one name for screen readers; what Vega says of each of its marks is not read inside it.
    svg = _TAG.sub(lambda match: _PARTS.sub("", match[0]), svg)
    label = f' role="img" aria-label="{escape(alt, quote=True)}"'
    return _SIZE.sub(lambda match: f"{match[0]}{label}", svg, count=1)
