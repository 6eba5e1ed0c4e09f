"""Our World in Data's table of carbon intensities: a row a country and year, g of CO2 equivalent per kWh.

https://ourworldindata.org/grapher/carbon-intensity-electricity (data: Ember; Energy Institute; licence CC BY 4.0). The
name of the value's column has changed over the years; it is the one that speaks of carbon intensity.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import InputError
from ..forms.mistakes import Mistake
from ..forms.numbers import split_number
from ..forms.signs import signs_of
from ..uploads.sheet import Sheet

SOURCE = "Our World in Data"
_PLACES = ("entity", "country", "zone")
_YEARS = (1900, 2200)
_MOST_GRAMS = 3000.0  # coal of the worst kind is at about 1,200 g per kWh


@dataclass(frozen=True, slots=True)
class Intensity:
    """Grams of CO2 equivalent per kWh of one zone in one year."""

    zone: str
    year: int
    grams_per_kwh: float
    source: str


def read_intensities(sheet: Sheet, source: str = SOURCE) -> list[Intensity]:
    """The rows of a table. Raises InputError naming file, line and column; nothing of such a table is usable."""
    by_name = {column.strip().lower(): column for column in sheet.columns}
    place = next((by_name[name] for name in _PLACES if name in by_name), "")
    year = by_name.get("year", "")
    value = next((column for name, column in by_name.items() if "intensity" in name), "")
    if not (place and year and value):
        raise InputError(
            f"{sheet.file}: columns for the country (Entity), the year (Year) and the carbon intensity are needed; "
            f"there are: {', '.join(sheet.columns)[:200]}"
        )
    signs = signs_of(line.cells[value] for line in sheet.lines)
    found: dict[tuple[str, int], Intensity] = {}
    for line in sheet.lines:
        at = f"{sheet.file}: line {line.number}"
        if not line.cells[value]:
            continue  # no value for that year
        zone = line.cells[place][:64]
        if not zone:
            raise InputError(f"{at}: column {place!r} is empty")
        grams = _grams(signs.settled(line.cells[value]), at, value)
        one = Intensity(zone, _year(line.cells[year], at), grams, source)
        if (zone, one.year) in found:
            raise InputError(f"{at}: {zone} is there twice for {one.year}")
        found[zone, one.year] = one
    if not found:
        raise InputError(f"{sheet.file}: no row has a carbon intensity")
    return list(found.values())


def latest(rows: Sequence[Intensity]) -> dict[str, Intensity]:
    """The newest year of each zone."""
    found: dict[str, Intensity] = {}
    for one in rows:
        if one.zone not in found or one.year > found[one.zone].year:
            found[one.zone] = one
    return found


def _year(text: str, at: str) -> int:
    if not (text.isascii() and text.isdigit() and _YEARS[0] <= int(text[:6]) <= _YEARS[1]):
        raise InputError(f"{at}: {text[:20]!r} is not a year")
    return int(text)


def _grams(text: str, at: str, column: str) -> float:
    try:
        number, behind = split_number(text)
    except Mistake as mistake:
        raise InputError(f"{at}: column {column!r}: {mistake}") from None
    if behind or not 0 <= number <= _MOST_GRAMS:
        raise InputError(
            f"{at}: column {column!r}: {text[:20]!r} is not between 0 and {_MOST_GRAMS:g} g per kWh"
        )
    return number
