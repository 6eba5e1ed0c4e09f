"""The form's address with fields filled in: what is known of a model, or what was typed before."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from urllib.parse import urlencode

from ..store.nouns import ModelFacts
from .quantities import BYTES, COUNT, FLOPS, Kind

_FACTS: Mapping[str, tuple[str, Kind]] = {
    "size": ("file_bytes", BYTES),
    "parameters": ("parameters", COUNT),
    "flops": ("flops_per_unit", FLOPS),
    "downloads": ("downloads", COUNT),
}
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


def address(fields: Mapping[str, str], phase: str) -> str:
    """The form of a phase with its fields filled in; without them where they are too long for an address."""
    whole = f"/evaluate?{urlencode({**fields, 'phase': phase})}"
    return whole if len(whole) <= _LONGEST else f"/evaluate?{urlencode({'phase': phase})}"


def _written(value: Decimal, kind: Kind) -> tuple[str, str]:
    decimal = [(Decimal(size), unit) for unit, size in kind.units.items() if "i" not in unit]
    size, unit = max((one for one in decimal if one[0] <= value), default=min(decimal))
    return f"{(value / size).normalize():f}", unit
