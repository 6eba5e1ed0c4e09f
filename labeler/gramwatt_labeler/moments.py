"""The time at which a run ended, as programs and spreadsheets write it. What can be two days is asked back.

A workbook that is saved as CSV has the times of its country: ``20.11.2026 10:00``, ``11/20/2026 10:00 AM``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, tzinfo


class OddMoment(ValueError):
    """A text that is no time, or two."""


_SECONDS = re.compile(r"\d{9,11}(\.\d+)?")
_DAY = 86_400  # a clock that is not set begins in 1970, in the zone of its machine
_MILLISECONDS = re.compile(r"\d{13}(\.\d+)?")
_CLOCK = r"(?:[ T,]+(?P<clock>\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)\s*(?P<half>[ap]\.?m\.?)?)?"
_YEAR_FIRST = re.compile(
    rf"(?P<year>\d{{4}})[./](?P<one>\d{{1,2}})[./](?P<two>\d{{1,2}})\.?{_CLOCK}", re.IGNORECASE
)
_DOTS = re.compile(rf"(?P<one>\d{{1,2}})\.\s?(?P<two>\d{{1,2}})\.\s?(?P<year>\d{{4}}){_CLOCK}", re.IGNORECASE)
_SLASHES = re.compile(
    rf"(?P<one>\d{{1,2}})[/-](?P<two>\d{{1,2}})[/-](?P<year>\d{{4}}){_CLOCK}", re.IGNORECASE
)
_HALF = re.compile(rf"\d{{4}}-\d{{2}}-\d{{2}}{_CLOCK}", re.IGNORECASE)


def moment(text: str, zone: tzinfo | None) -> float:
    """Unix seconds of a time, in ``zone`` where it names none (None: this machine's), or of a number of seconds or of
    milliseconds since 1970.

    Raises OddMoment, also for a time before 1970: a length that a spreadsheet shows as a day of 1900.
    """
    try:
        if _SECONDS.fullmatch(text):
            return float(text)
        if _MILLISECONDS.fullmatch(text):  # to Python 1612102030405 is a day of 1612
            return float(text) / 1000
        when = datetime.fromisoformat(iso(text))
        seconds = (when if when.tzinfo else when.replace(tzinfo=zone)).timestamp()
    except OddMoment:
        raise
    except (ValueError, OverflowError, OSError):
        raise OddMoment(
            f"“{' '.join(text.split())[:30]}” is not a time such as 2026-01-31T12:00:00"
        ) from None
    if seconds < -_DAY:
        raise OddMoment(f"“{text[:30]}” is before 1970; write a time such as 2026-01-31T12:00:00")
    return seconds


def iso(text: str) -> str:
    """A time of a spreadsheet as ISO 8601 has it; another text as it is. Raises OddMoment for one of two readings."""
    if match := _DOTS.fullmatch(text):  # no country puts the month first in front of a point
        return _written(match, match["two"], match["one"])
    if match := _YEAR_FIRST.fullmatch(text):
        return _written(match, match["one"], match["two"])
    if match := _SLASHES.fullmatch(text):
        one, two = int(match["one"]), int(match["two"])
        if one <= 12 and two <= 12 and one != two:
            days = [f"{match['year']}-{month:02}-{day:02}" for month, day in ((one, two), (two, one))]
            raise OddMoment(f"“{text[:30]}” can mean {days[0]} or {days[1]}; write one of these")
        return _written(match, *((match["two"], match["one"]) if one > 12 else (match["one"], match["two"])))
    match = _HALF.fullmatch(text)
    return f"{text[:10]}{_time(match)}" if match and match["half"] else text


def settled(texts: Iterable[str]) -> dict[str, str]:
    """Of a column with times such as ``11/3/2026``: each that can be two days as ISO, where another one of the column
    has a day above 12 and so shows which of the two is the month."""
    found = [match for match in map(_SLASHES.fullmatch, texts) if match]
    return _settled([match for match in found if "/" in match[0]]) | _settled(
        [match for match in found if "/" not in match[0]]
    )


def _settled(found: Sequence[re.Match[str]]) -> dict[str, str]:
    """Of times of one sign: those with dashes may be of another country than those with slashes."""
    month_first = any(12 < int(match["two"]) <= 31 for match in found)
    day_first = any(12 < int(match["one"]) <= 31 for match in found)
    if month_first == day_first:
        return {}
    return {
        match[0]: _written(match, *(match.group("one", "two") if month_first else match.group("two", "one")))
        for match in found
        if int(match["one"]) <= 12 and int(match["two"]) <= 12
    }


def _written(match: re.Match[str], month: str, day: str) -> str:
    return f"{match['year']}-{int(month):02}-{int(day):02}{_time(match)}"


def _time(match: re.Match[str]) -> str:
    """``T14:05`` of ``2:05 PM``; "" where there is no time. ``14:05 PM`` stays as it is, which is no time."""
    if not match["clock"]:
        return ""
    hours, _, rest = match["clock"].partition(":")
    hour = int(hours)
    if match["half"]:
        if not 1 <= hour <= 12:
            return f"T{match['clock']} {match['half']}"
        hour = hour % 12 + (12 if match["half"][0] in "pP" else 0)
    return f"T{hour:02}:{rest}"
