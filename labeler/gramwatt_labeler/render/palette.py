"""The colours of letters: those that come with the program, or five that a manager chose; any number between them."""

from __future__ import annotations

import re
from collections.abc import Sequence

SHIPPED = ("#639b30", "#b8ac2b", "#f8b830", "#ef7d29", "#e52421")
LEAST_CONTRAST = 1.5
"""Of a colour against white paper. The letter on it is black or white, whichever has at least 4.5."""
LEAST_STEP = 12.0
"""Between two neighbours, in CIE76 units: about 2 are just seen side by side."""
_COLOUR = re.compile(r"#[0-9a-f]{6}")
_DARK, _LIGHT = "#111111", "#ffffff"
_chosen: tuple[str, ...] = SHIPPED


def use(colours: Sequence[str] | None) -> None:
    """From now on, in this process; None is the shipped ones."""
    global _chosen
    _chosen = tuple(colours) if colours else SHIPPED


def base() -> tuple[str, ...]:
    """The five colours in force, from the best letter to the worst."""
    return _chosen


def colours(count: int) -> list[str]:
    """Colours for any number of letters; for five they are the chosen ones."""
    if count == 1:
        return [_chosen[0]]
    found = []
    for index in range(count):
        place = index * (len(_chosen) - 1) / (count - 1)
        low = min(int(place), len(_chosen) - 2)
        share = place - low
        parts = [
            round(one * (1 - share) + two * share)
            for one, two in zip(_parts(_chosen[low]), _parts(_chosen[low + 1]), strict=True)
        ]
        found.append("#" + "".join(f"{part:02x}" for part in parts))
    return found


def ink(colour: str) -> str:
    """Black or white, whichever is read better on the colour."""
    return _DARK if contrast(colour, _DARK) > contrast(colour, _LIGHT) else _LIGHT


def contrast(one: str, two: str) -> float:
    """1 to 21, by WCAG 2.2's relative luminance."""
    low, high = sorted((_luminance(one), _luminance(two)))
    return (high + 0.05) / (low + 0.05)


def troubles(colours: Sequence[str]) -> list[str]:
    """What is wrong with five colours, in sentences; nothing where they may be used."""
    if len(colours) != len(SHIPPED):
        return [f"expected {len(SHIPPED)} colours, from the best letter to the worst"]
    wrong = [
        f"colour {number}: {one[:20]!r} is not written as #639b30"
        for number, one in enumerate(colours, 1) if not _COLOUR.fullmatch(one)
    ]  # fmt: skip
    if wrong:
        return wrong
    for number, one in enumerate(colours, 1):
        found = contrast(one, _LIGHT)
        if found < LEAST_CONTRAST:
            wrong.append(
                f"colour {number} is too pale for paper: its contrast is {found:.1f} of {LEAST_CONTRAST:g}"
            )
    for number in range(len(colours) - 1):
        step = _distance(colours[number], colours[number + 1])
        if step < LEAST_STEP:
            wrong.append(
                f"colours {number + 1} and {number + 2} look the same ({step:.0f} of {LEAST_STEP:g} apart)"
            )
    return wrong


def _parts(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(one / 255) for one in _parts(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _lab(colour: str) -> tuple[float, float, float]:
    """CIE L*a*b* (D65) of an sRGB colour."""
    red, green, blue = (_linear(one / 255) for one in _parts(colour))
    x = (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.95047
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.08883
    fx, fy, fz = (one ** (1 / 3) if one > 0.008856 else 7.787 * one + 16 / 116 for one in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


def _distance(one: str, two: str) -> float:
    squares = ((a - b) ** 2 for a, b in zip(_lab(one), _lab(two), strict=True))
    return float(sum(squares) ** 0.5)
