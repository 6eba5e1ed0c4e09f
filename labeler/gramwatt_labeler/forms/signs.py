"""Which sign of a number groups its digits and which is the decimal one, as other numbers beside it show.

``60,000`` alone can be read in two ways. In a column with ``1,200,000`` it cannot, nor in one with ``0,25``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_BLANK = "[ '’_\\u00a0\\u2009\\u202f]"
_DIGITS = re.compile(
    rf"\s*[-+−]?\s*(?P<digits>\d{{1,3}}(?:{_BLANK}\d{{3}})+(?!\d)(?:[.,]\d+)?|\d[\d.,]*|[.,]\d+)"
    r"(?P<power>[eE][-+−]?\d)?"
)
_ONE_SIGN = re.compile(rf"(?:\d|{_BLANK})*(?P<sign>[.,])\d+")
_THREE = re.compile(r"[1-9]\d{0,2}(?P<sign>[.,])\d{3}")
_GROUPED = {
    ",": re.compile(r"\d{1,3}(?:,\d{3}){2,}|\d{1,3}(?:,\d{3})+\.\d+"),
    ".": re.compile(r"\d{1,3}(?:\.\d{3}){2,}|\d{1,3}(?:\.\d{3})+,\d+"),
}


@dataclass(frozen=True, slots=True)
class Signs:
    """The signs that numbers use without doubt: of groups, and the decimal ones."""

    groups: frozenset[str]
    decimals: frozenset[str]

    @property
    def against_points(self) -> str:
        """What says that a point may group digits; "" where nothing does."""
        if "," in self.decimals:
            return "a decimal comma"
        return "points between thousands" if "." in self.groups else ""

    def settled(self, text: str) -> str:
        """A text that can be read in two ways as one that cannot, where these signs say how; else as it is."""
        match = _DIGITS.match(text)
        three = _three_digits(match)
        if match is None or three is None:
            return text
        sign, rest = three["sign"], text[match.end("digits") :]
        before = text[: match.start("digits")]
        if sign in self.groups and sign not in self.decimals:
            return before + match["digits"].replace(sign, "") + rest
        if self.decimals == {sign} and sign not in self.groups:
            return (
                before + match["digits"].replace(sign, ".") + "0" + rest
            )  # a fourth digit: no group of three
        return text


def signs_of(texts: Iterable[str]) -> Signs:
    """What the numbers that can be read in one way only say about all of them."""
    groups, decimals = set(), set()
    for text in texts:
        group, decimal = _signs(text)
        groups.add(group)
        decimals.add(decimal)
    return Signs(frozenset(groups - {""}), frozenset(decimals - {""}))


def point_readings(text: str) -> tuple[str, str] | None:
    """Of ``1.500`` the number without its point, 1500, and the one with a decimal point, 1.5. None for other texts."""
    three = _three_digits(_DIGITS.match(text))
    if three is None or three["sign"] != ".":
        return None
    return three[0].replace(".", ""), plain(three[0])


def beside(text: str, others: str, have: str) -> str:
    """What is wrong with ``1.500`` where ``others`` ``have`` a decimal comma or such, or "": it may be 1500 there."""
    readings = point_readings(text)
    if readings is None:
        return ""
    either = f"{readings[0]} or {readings[1].replace('.', ',')}"
    return f"“{text.strip()}” can mean {either}, as other {others} have {have}; write {either}"


def doubtful(texts: Mapping[str, str], others: Iterable[str] = ()) -> dict[str, str]:
    """What is wrong with numbers of one form, by field: those with a point and three digits beside decimal commas, of
    theirs or of ``others``."""
    have = signs_of([*texts.values(), *others]).against_points
    if not have:
        return {}
    return {name: wrong for name, text in texts.items() if (wrong := beside(text, "fields", have))}


def plain(digits: str) -> str:
    """``1.500`` as 1.5, and ``1.000`` as 1."""
    return digits.replace(",", ".").rstrip("0").rstrip(".")


def written(value: float) -> str:
    """A number as Python writes it, with one more digit where a person could read ``1.125`` as a thousand."""
    return unmistaken(repr(value))


def unmistaken(text: str) -> str:
    """A number with a decimal point as ``1.1250`` where ``1.125`` could be a thousand to a person."""
    return text if point_readings(text) is None else f"{text}0"


def _three_digits(match: re.Match[str] | None) -> re.Match[str] | None:
    """The number where it is of one sign with three digits behind it, as a group and as decimals."""
    return None if match is None or match["power"] else _THREE.fullmatch(match["digits"])


def _signs(text: str) -> tuple[str, str]:
    """The sign of groups and the decimal one; "" where a number has none or could be read in two ways."""
    match = _DIGITS.match(text)
    if match is None or _three_digits(match):
        return "", ""
    digits = match["digits"]
    for group, pattern in _GROUPED.items():
        if pattern.fullmatch(digits):
            other = "." if group == "," else ","
            return group, other if other in digits else ""
    one = _ONE_SIGN.fullmatch(digits)
    return "", one["sign"] if one else ""
