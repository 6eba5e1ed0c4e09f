"""Texts with letters of other scripts, with the font that has them all.

The renderer changes the font of a whole line when one letter is missing in it, and takes the first that has it: one
Chinese letter would turn a name into a serif face. So such a line asks for a sans-serif font with all of it.
"""

from __future__ import annotations

from markupsafe import Markup, escape

_CJK = "Noto Sans CJK SC, Noto Sans CJK JP, Noto Sans CJK KR, Noto Color Emoji, Liberation Sans, sans-serif"


def scripts(text: str) -> Markup:
    """The text as SVG, in a ``tspan`` of its own where it needs another font. Markup in it is escaped."""
    if not any(_is_cjk(ord(letter)) for letter in text):
        return escape(text)
    return Markup('<tspan font-family="{}">{}</tspan>').format(_CJK, text)


def _is_cjk(code: int) -> bool:
    return 0x1100 <= code <= 0x11FF or 0x2E80 <= code <= 0xFFEF or 0x20000 <= code <= 0x3FFFF
