"""A Vega-Lite specification -> SVG that fits into a page in light and in dark, with a text for screen readers."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from html import escape
from typing import Any

import vl_convert

# Pages replace the ink by their own soft ink, which is read on near-black; as it is, it is read on white.
INK, FAINT = "#66736b", "#8a978f33"
_INK_ON_BLACK = "#9fada5"
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
_DIGITS = re.compile(r"\d+\.\d{3,}(?:e[-+]?\d+)?")
# Labels that would overlap are there unseen, and each group has an empty frame.
_UNSEEN = re.compile(
    r'<text [^<>]*opacity="0"[^<>]*>[^<>]*</text>|<path class="(?:back|fore)ground"(?![^<>]* (?:fill|stroke)=)[^<>]*/>'
)
_MARKS = re.compile(r'(<g class="mark-[^<>]*)>((?:<[a-z]+ [^<>]*(?:/>|>[^<>]*</text>)){2,})(?=</g>)')
_ATTRIBUTE = re.compile(r' ([a-z-]+)="([^"]*)"')
_INHERITED = ("fill", "stroke", "stroke-width", "font-family", "font-size", "font-weight", "text-anchor")
_SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"


def draw(spec: Mapping[str, Any], alt: str) -> str:
    """The chart as an ``<svg>`` element of its own size; a page makes it smaller where it has less space."""
    return _draw(json.dumps({"$schema": _SCHEMA, "config": _CONFIG, **spec}, ensure_ascii=False), alt)


def alone(svg: str) -> str:
    """A chart that a page shows as a picture, where the page's style does not reach: its own ink in the dark."""
    style = (
        f'@media (prefers-color-scheme: dark) {{ [fill="{INK}"] {{ fill: {_INK_ON_BLACK} }} '
        f'[stroke="{INK}"] {{ stroke: {_INK_ON_BLACK} }} }}'
    )
    head, bracket, rest = svg.partition(">")
    return f"{head}{bracket}<style>{style}</style>{rest}"


@lru_cache(maxsize=256)
def _draw(spec: str, alt: str) -> str:
    try:
        svg: str = vl_convert.vegalite_to_svg(spec)
    except ValueError:
        # Vega shortens a label by UTF-16 units, and half of an emoji is no text to the library that draws it.
        svg = vl_convert.vegalite_to_svg(_BEYOND_16_BITS.sub("\u25af", spec))
    # A picture has one name for screen readers; what Vega says of each of its marks is not read inside it.
    svg = _TAG.sub(lambda match: _DIGITS.sub(_rounded, _PARTS.sub("", match[0])), svg)
    svg = _MARKS.sub(_hoisted, _UNSEEN.sub("", svg))
    label = f' role="img" aria-label="{escape(alt, quote=True)}"'
    return _SIZE.sub(lambda match: f"{match[0]}{label}", svg, count=1)


def _rounded(match: re.Match[str]) -> str:
    """A length in pixels to a hundredth, which no eye tells from the whole of its digits."""
    return f"{float(match[0]):.2f}".rstrip("0").rstrip(".")


def _hoisted(match: re.Match[str]) -> str:
    """A group of marks that says once what all of them have: the font and colour of a thousand letters."""
    head, marks = match[1], match[2]
    each = [dict(_ATTRIBUTE.findall(tag)) for tag in _TAG.findall(marks)]
    for name in _INHERITED:
        values = {one.get(name) for one in each}
        if len(values) == 1 and None not in values and f" {name}=" not in head:
            attribute = f' {name}="{values.pop()}"'
            head, marks = head + attribute, _without(attribute, marks)
    return f"{head}>{marks}"


def _without(attribute: str, marks: str) -> str:
    """Tags without it; a name that is written like it stays."""
    return _TAG.sub(lambda tag: tag[0].replace(attribute, ""), marks)
