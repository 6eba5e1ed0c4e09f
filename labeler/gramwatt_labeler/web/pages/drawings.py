"""Small pictures inside the text: a letter in its colour and shape, and a slider over a scale's bands."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from markupsafe import Markup

from ...render.palette import colours, ink

_WIDTH = 380


def letter_chip(letter: str, letters: Sequence[str]) -> Markup:
    """An arrow that is longer the worse the letter, as on the label: colour is not the only sign."""
    place = list(letters).index(letter) if letter in letters else 0
    colour = colours(len(letters))[place]
    tip = 27 + 12 * place / max(1, len(letters) - 1)
    text = escape(letter)
    shape = f"M3 0H{tip - 11:.0f}L{tip:.0f} 13 {tip - 11:.0f} 26H3a3 3 0 0 1-3-3V3a3 3 0 0 1 3-3z"
    return Markup(  # noqa: S704 - its texts are escaped
        f'<svg class="letter" viewBox="0 0 40 26" role="img" aria-label="grade {text}">'
        f'<path d="{shape}" fill="{colour}"/>'
        f'<text x="11" y="19" text-anchor="middle" fill="{ink(colour)}">{text}</text></svg>'
    )


def slider(letters: Sequence[str], letter: str, share: float) -> Markup:
    """The bands from best to worst with a mark in the band of ``letter``, ``share`` of the way through it."""
    step = _WIDTH / len(letters)
    place = list(letters).index(letter) if letter in letters else 0
    at = step * (place + min(0.97, max(0.03, share)))
    parts = []
    for index, (one, colour) in enumerate(zip(letters, colours(len(letters)), strict=True)):
        weight = ' font-weight="700"' if one == letter else ""
        parts.append(
            f'<rect x="{step * index:.1f}" y="11" width="{step - 2:.1f}" height="18" rx="3" fill="{colour}"/>'
            f'<text x="{step * (index + 0.5) - 1:.1f}" y="24.5" font-size="13"{weight} text-anchor="middle" '
            f'fill="{ink(colour)}">{escape(one)}</text>'
        )
    mark = (
        f'<path d="M{at - 6:.1f} 0h12l-6 10z" fill="currentColor"/>'
        f'<path d="M{at:.1f} 9v3M{at:.1f} 27v4" stroke="currentColor" stroke-width="2.5"/>'
    )
    text = f"in band {escape(letter)} of {escape(letters[0])} to {escape(letters[-1])}"
    return Markup(  # noqa: S704 - its texts are escaped
        f'<svg class="slider" viewBox="0 0 {_WIDTH} 34" role="img" aria-label="{text}">{"".join(parts)}{mark}</svg>'
    )
