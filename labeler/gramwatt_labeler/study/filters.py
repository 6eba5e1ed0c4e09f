"""What a study is narrowed to: the same filters for the page and the REST API."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from ..errors import InputError
from ..forms.mistakes import Mistake
from ..forms.quantities import COUNT, MASS, Kind, read_quantity
from .frame import Row

WORDS = {
    "domain": "Domain", "source": "Measured with", "training_type": "Kind of training", "reporting": "Reported",
    "library": "Library",
}  # fmt: skip
"""Filters with a choice: the field of a row, and its title."""
_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
_Test = Callable[[Row, float], bool]
AMOUNTS: Mapping[str, tuple[str, Kind, _Test]] = {
    "co2_from": ("CO2 at least", MASS, lambda row, least: row.grams is not None and row.grams >= least),
    "co2_to": ("CO2 at most", MASS, lambda row, most: row.grams is not None and row.grams <= most),
    "downloads_from": ("Downloads at least", COUNT, lambda row, least: (row.downloads or 0) >= least),
    "likes_from": ("Likes at least", COUNT, lambda row, least: (row.likes or 0) >= least),
}
"""Filters by an amount, with a unit where it has one: its title, its kind, and what it leaves."""
MONTHS = {"from": "From", "to": "To"}
NAMES = (*WORDS, *AMOUNTS, *MONTHS)


def _how(kind: Kind) -> str:
    units = [unit for unit in kind.units if unit]
    if not kind.base:
        return f"a number, alone or with {', '.join(units)} behind it, such as 10 {units[0]}"
    return f"in {kind.base}, or with its unit behind it, such as 5 kg; units: {', '.join(units)}"


MEANINGS: Mapping[str, str] = {
    **WORDS,
    **{name: f"{title}: {_how(kind)}" for name, (title, kind, _) in AMOUNTS.items()},
    **{name: f"{title} a month, that one included, such as 2022-07" for name, title in MONTHS.items()},
}
"""What each filter takes, with its units."""
_LONGEST = 256


def choices_of(rows: Sequence[Row]) -> dict[str, list[str]]:
    """What there is to choose, in the order of the alphabet; at most 200 of a filter."""
    return {name: sorted({getattr(row, name) for row in rows} - {""})[:200] for name in WORDS}


def narrowed(rows: Sequence[Row], given: Mapping[str, str]) -> list[Row]:
    """The rows that pass every filter. Raises InputError, ``NAME: what is wrong``, for one that cannot be read or
    that no model has."""
    found = list(rows)
    for name in NAMES:
        text = given.get(name, "")
        if not text:
            continue
        if len(text) > _LONGEST:
            raise InputError(f"{name}: longer than {_LONGEST} characters")
        if name in WORDS:
            if not any(getattr(row, name) == text for row in rows):
                raise InputError(f"{name}: no model has it", choices_of(rows)[name])
            found = [row for row in found if getattr(row, name) == text]
        elif name in AMOUNTS:
            amount, passes = _amount(name, text), AMOUNTS[name][2]
            found = [row for row in found if passes(row, amount)]
        else:
            if not _MONTH.fullmatch(text):
                raise InputError(f"{name}: write a month such as 2022-07")
            found = [
                row
                for row in found
                if row.month and (row.month >= text if name == "from" else row.month <= text)
            ]
    return found


def emptied_by(rows: Sequence[Row], given: Mapping[str, str]) -> str:
    """The first filter, in the order of the page, that leaves no row; "" where some are left."""
    passed: dict[str, str] = {}
    for name in NAMES:
        passed[name] = given.get(name, "")
        if passed[name] and not narrowed(rows, passed):
            return name
    return ""


def _amount(name: str, text: str) -> float:
    kind = AMOUNTS[name][1]
    try:
        return read_quantity(text, kind, kind.base)
    except Mistake as mistake:
        raise InputError(f"{name}: {mistake}") from None
