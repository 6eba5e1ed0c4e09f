"""Run times as clocks, programs and spreadsheets write them: ``2:30:00``, ``1 day, 2:30:00``, ``2h 30min``."""

from __future__ import annotations

import re

from .mistakes import Mistake

_CLOCK = re.compile(
    r"(?:(?P<d>\d{1,5})\s*(?:d|days?)\s*,?\s*)?(?P<h>\d{1,6}):(?P<m>[0-5]\d):(?P<s>[0-5]\d(?:[.,]\d{1,9})?)"
)
_TWO_PARTS = re.compile(r"(?P<one>\d{1,6}):(?P<two>[0-5]\d)")
_PARTS = re.compile(
    r"(?:(?P<d>\d{1,5})\s*(?:d|days?)\b\s*)?(?:(?P<h>\d{1,6})\s*(?:h|hrs?|hours?)\s*)?"
    r"(?:(?P<m>\d{1,6})\s*(?:m|min|mins|minutes?)\s*)?(?:(?P<s>\d{1,6}(?:[.,]\d{1,9})?)\s*(?:s|secs?|seconds?))?"
)
_SECONDS = {"d": 86400, "h": 3600, "m": 60, "s": 1}


def seconds_of(text: str) -> float | None:
    """Seconds of a run time of several parts; None for another text. Raises Mistake for one of two parts.

    ``2:30`` is two and a half hours to some and two and a half minutes to others.
    """
    text = text.strip().lower()
    if two := _TWO_PARTS.fullmatch(text):
        one, end = two["one"], two["two"]
        hours, minutes = divmod(int(one), 60)
        raise Mistake(
            f"“{text}” can mean {one} h {end} min or {one} min {end} s; "
            f"write {one}:{end}:00 or {hours}:{minutes:02}:{end}"
        )
    match = _CLOCK.fullmatch(text)
    if match is None:
        match = _PARTS.fullmatch(text)
        if match is None or sum(part is not None for part in match.groups()) < 2:
            return None
    return sum(
        float(part.replace(",", ".")) * _SECONDS[name] for name, part in match.groupdict().items() if part
    )
