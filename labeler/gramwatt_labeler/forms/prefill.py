"""The form's address with fields filled in: what is known of a model, or what was typed before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from urllib.parse import urlencode

from ..store.nouns import ModelFacts
from .defined import Defined
from .entry import Entry
from .fields import PHASES, Field, numbers, texts
from .mistakes import Mistake
from .quantities import BYTES, COUNT, FLOPS, Kind, read_quantity
from .signs import unmistaken

_FACTS: Mapping[str, tuple[str, Kind]] = {
    "size": ("file_bytes", BYTES),
    "parameters": ("parameters", COUNT),
    "flops": ("flops_per_unit", FLOPS),
    "downloads": ("downloads", COUNT),
}
_SHORT = 12  # characters of a number that a person may have typed
_LONGEST = 4000
"""Characters of an address that every browser and proxy takes."""


def of_model(name: str, facts: ModelFacts) -> dict[str, str]:
    """The fields of the form that a model's facts fill: values to their last digit, in the unit that reads best."""
    fields = {"model": name}
    for field, (fact, kind) in _FACTS.items():
        value = getattr(facts, fact)
        if value is not None and value > 0:
            fields[field], fields[f"{field}_unit"] = _written(Decimal(repr(float(value))), kind)
    return {field: text for field, text in fields.items() if text}


def of_entry(entry: Entry, defined: Sequence[Defined]) -> dict[str, str]:
    """The form that says this entry, to the last digit; ``defined`` are the fields of managers."""
    phase = entry.phase if entry.phase in PHASES else PHASES[0]
    fields = {one.name: str(getattr(entry, one.name)) for one in texts(phase)}
    for number in numbers(phase):
        if number.name in entry.values:
            text, unit = _exactly(entry.values[number.name], number)
            fields |= {number.name: text, f"{number.name}_unit": unit}
    own = {one.name: one.key for one in defined}
    extra = {name: _plain(value) for name, value in entry.extra.items()}
    fields |= {own[name]: text for name, text in extra.items() if name in own}
    fields |= {own[name]: words for name, words in entry.fields.items() if name in own}
    further = ", ".join(f"{name}: {text}" for name, text in extra.items() if name not in own)
    fields |= {"phase": phase, "note": entry.note, "extra": further}
    return {name: text for name, text in fields.items() if text}


def _exactly(value: float, field: Field) -> tuple[str, str]:
    """In the unit of the form where few digits say it, else in one in which it reads well."""
    for size, unit in ((field.kind.units[field.first_unit], field.first_unit), (1.0, field.kind.base)):
        text = f"{(Decimal(repr(value)) / Decimal(repr(size))).normalize():f}"
        if len(text) <= _SHORT and _reads_as(text, field, unit, value):
            return text, unit
    text, unit = _written(Decimal(repr(value)), field.kind)
    return (text, unit) if _reads_as(text, field, unit, value) else (_plain(value), field.kind.base)


def _reads_as(text: str, field: Field, unit: str, value: float) -> bool:
    try:
        return read_quantity(text, field.kind, unit) == value
    except Mistake:  # a file may state what the form refuses: it says so there
        return False


def _plain(value: float) -> str:
    return f"{Decimal(repr(value)).normalize():f}"


def address(fields: Mapping[str, str], phase: str) -> str:
    """The form of a phase with its fields filled in; without them where they are too long for an address."""
    whole = f"/evaluate?{urlencode({**fields, 'phase': phase})}"
    return whole if len(whole) <= _LONGEST else f"/evaluate?{urlencode({'phase': phase})}"


def _written(value: Decimal, kind: Kind) -> tuple[str, str]:
    decimal = [(Decimal(size), unit) for unit, size in kind.units.items() if "i" not in unit]
    size, unit = max((one for one in decimal if one[0] <= value), default=min(decimal))
    text = f"{(value / size).normalize():f}"
    return unmistaken(text) if kind.counted and unit == kind.base else text, unit
