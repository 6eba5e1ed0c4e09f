"""Numbers as people of several countries write them. What can be read in two ways is asked back, never guessed."""

from __future__ import annotations

import math
import re

from .mistakes import Mistake
from .signs import plain as _as_decimal

LONGEST = 64
LARGEST = 1e18
"""Beyond every quantity of a model or a run: a larger number is a slip."""

_BLANKS = " \u00a0\u2009\u202f'’_"
_NUMBER = re.compile(
    r"(?P<sign>[-+−]?)\s*(?P<digits>\d[\d.,\s'’_\u00a0\u2009\u202f]*|[.,]\d+)(?P<power>[eE][-+−]?\d{1,4})?"
)
_GROUPED_BLANK = re.compile(rf"\d{{1,3}}(?:[{_BLANKS}]\d{{3}})+(?P<rest>[.,]\d+)?")
_GROUPED_COMMA = re.compile(r"\d{1,3}(?:,\d{3}){2,}|\d{1,3}(?:,\d{3})+\.\d+")
_GROUPED_POINT = re.compile(r"\d{1,3}(?:\.\d{3}){2,}|\d{1,3}(?:\.\d{3})+,\d+")
_TWO_READINGS = re.compile(r"[1-9]\d{0,2},\d{3}")
_NOT_NUMBERS = frozenset({"nan", "inf", "infinity", "-inf", "+inf", "none", "null", "n/a", "na", "-", "∞"})


def split_number(text: str) -> tuple[float, str]:
    """The number a text begins with, and what stands behind it (a unit, or ""). Raises Mistake.

    A comma or a point may be the decimal sign. ``1,500`` is refused because it is 1500 to some and 1.5 to others.
    """
    whole = text.strip()
    if len(whole) > LONGEST:
        raise Mistake(f"longer than {LONGEST} characters; write one number, such as 12.5")
    match = _NUMBER.match(whole)
    if match is None or whole.lower() in _NOT_NUMBERS:
        shown = whole if len(whole) <= 30 else whole[:29] + "…"
        raise Mistake(f"“{shown}” is not a number; write one such as 12.5, or leave the field empty")
    digits, rest = match["digits"], whole[match.end() :]
    if not match["power"]:
        digits = digits.rstrip(_BLANKS + "\t")
    plain = _plain(digits.strip(), whole)
    sign = "-" if match["sign"] in ("-", "−") else ""
    value = float(sign + plain + (match["power"] or "").replace("−", "-"))
    if not math.isfinite(value) or abs(value) > LARGEST:
        raise Mistake(f"beyond every measurement; the largest number accepted is {LARGEST:.0e}")
    return value, rest.strip()


def _plain(digits: str, whole: str) -> str:
    """Digits as Python reads them."""
    if _GROUPED_BLANK.fullmatch(digits):
        digits = re.sub(f"[{_BLANKS}]", "", digits)
        return digits.replace(",", ".")
    if _GROUPED_COMMA.fullmatch(digits):
        return digits.replace(",", "")
    if _GROUPED_POINT.fullmatch(digits):
        return digits.replace(".", "").replace(",", ".")
    if _TWO_READINGS.fullmatch(digits):
        without, point = digits.replace(",", ""), _as_decimal(digits)
        raise Mistake(f"“{digits}” can mean {without} or {point}; write {without} or {point}")
    plain = digits.replace(",", ".")
    if not re.fullmatch(r"\d+\.?\d*|\.\d+", plain):
        raise Mistake(f"“{whole[:30]}” is not one number; write it without separators, such as 1234.5")
    return plain
