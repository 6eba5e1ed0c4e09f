"""What model cards write where a mass of CO2 belongs -> grams, or why it is none. No network."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MOST_GRAMS = 1e12
"""A million tonnes: what is above is a slip."""
_LONGEST = 200
_GRAMS = {
    "g": 1.0, "gram": 1.0, "grams": 1.0, "gramme": 1.0, "grammes": 1.0, "kg": 1000.0, "kgs": 1000.0, "kilo": 1000.0,
    "kilos": 1000.0, "kilogram": 1000.0, "kilograms": 1000.0, "mg": 1e-3, "milligrams": 1e-3, "t": 1e6, "ton": 1e6,
    "tons": 1e6, "tonne": 1e6, "tonnes": 1e6, "tco": 1e6, "lb": 453.59237, "lbs": 453.59237, "pound": 453.59237,
    "pounds": 453.59237,
}  # fmt: skip
_DIGITS = r"\d[\d.,\s'’_]*|[.,]\d+"
_AMOUNT = re.compile(
    rf"\s*(?:~|≈|approx(?:imately|\.)?|about|around|ca\.?|circa)?\s*(?P<sign>[-−+]?)(?P<digits>{_DIGITS})"
    r"(?P<power>[eE][-+]?\d{1,3})?\s*(?P<rest>.*)",
    re.DOTALL | re.IGNORECASE,
)
_RANGE = re.compile(r"(?:-|–|—|to|\.\.\.?)\s*[~≈]?\s*\d", re.IGNORECASE)
_UNIT = re.compile(r"(?P<unit>[a-z]+?)s?(?:\b|(?=\s*co)|(?=co))", re.IGNORECASE)

_RATE = re.compile(
    r"(?:/|\bper\b)\s*(?!\s|(?:the\s+|whole\s+|full\s+)*(?:training|run|model)\b)", re.IGNORECASE
)
"""``g/kWh`` and ``kg per hour`` are no amounts; ``per training run`` is one."""


@dataclass(frozen=True, slots=True)
class Amount:
    """``grams`` is None where the text is no usable amount; ``note`` says why, or how it was read."""

    grams: float | None
    text: str = ""
    unit: str = ""
    note: str = ""


def amount(value: object, unit: object = None) -> Amount:
    """A number (grams, or in ``unit``), or a text with one."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return Amount(None, str(value)[:_LONGEST], note=f"{type(value).__name__} instead of a number")
    given = _unit_of(str(unit)) if isinstance(unit, str) and unit.strip() else ""
    if isinstance(unit, str) and unit.strip() and not given:
        return Amount(None, str(value)[:_LONGEST], unit.strip()[:64], "the unit is not a mass")
    if isinstance(value, str):
        return _of_text(value, given)
    return _checked(float(value) if abs(value) < 1e300 else math.inf, str(value), given, "")


def _of_text(text: str, given: str) -> Amount:
    plain = " ".join(text.split())[:_LONGEST]
    match = _AMOUNT.fullmatch(plain)
    if match is None or not plain:
        return Amount(None, plain, note="no number" if plain else "empty")
    rest = match["rest"]
    if _RANGE.match(rest):
        return Amount(None, plain, note="a range instead of a number")
    number, note = _number(match["digits"].strip())
    if number is None:
        return Amount(None, plain, note="no number that can be read in one way")
    value = float(f"{match['sign'].replace('−', '-')}{number}{match['power'] or ''}")
    unit = _unit_of(rest) if rest else given
    if rest and not unit:
        return Amount(None, plain, rest[:64], "the unit is not a mass")
    return _checked(value, plain, unit, note)


def _number(digits: str) -> tuple[str | None, str]:
    """As Python reads it. Cards are in English: a comma in front of three digits groups them, and is noted."""
    plain = re.sub(r"[\s'’_]", "", digits)
    last = max(plain.rfind(","), plain.rfind("."))
    both = "," in plain and "." in plain
    if both:
        plain = plain[:last].replace(",", "").replace(".", "") + "." + plain[last + 1 :]
        note = ""
    elif re.fullmatch(r"[1-9]\d{0,2}(,\d{3})+", plain):
        plain, note = plain.replace(",", ""), "the comma was read as one that groups thousands"
    elif re.fullmatch(r"\d{1,3}(\.\d{3}){2,}", plain):
        plain, note = plain.replace(".", ""), ""
    else:
        plain, note = plain.replace(",", "."), ""
    return (plain.rstrip("."), note) if re.fullmatch(r"\d*\.?\d*", plain) and plain.strip(".") else (None, "")


def _unit_of(text: str) -> str:
    """The unit of mass a text begins with; "" for another."""
    plain = text.strip()
    match = _UNIT.match(plain.lower())
    if match is None or _RATE.search(plain):
        return ""
    if plain.startswith("M") and match["unit"] == "mg":  # Mg is a tonne
        return ""
    for word in (match["unit"], match[0], match[0].split("co")[0]):
        if word in _GRAMS:
            return word
    return ""


def _checked(value: float, text: str, unit: str, note: str) -> Amount:
    grams = value * _GRAMS[unit] if unit else value
    if not math.isfinite(grams):
        return Amount(None, text, unit, "no finite number")
    if grams <= 0:
        return Amount(None, text, unit, "0 is no measurement" if grams == 0 else "below 0")
    if grams > MOST_GRAMS:
        return Amount(None, text, unit, "beyond every training")
    return Amount(grams, text, unit, note)


def says_kilograms(grams: float, text: str) -> bool:
    """Whether a card's text has this very number with kg behind it: then its front matter is probably in kg.

    It is for a person to decide; the number is not changed.
    """
    for match in re.finditer(r"(\d+(?:[.,]\d+)?)\s*kg", text[:200_000], re.IGNORECASE):
        if math.isclose(float(match[1].replace(",", ".")), grams, rel_tol=1e-3):
            return True
    return False


def emissions_of(card: Mapping[str, Any]) -> tuple[Amount, Mapping[str, str]]:
    """``co2_eq_emissions`` of a card's front matter, and what stands beside it (source, training_type, ...)."""
    tree = card.get("co2_eq_emissions")
    if isinstance(tree, list):
        return Amount(None, str(tree)[:_LONGEST], note="a list instead of a number"), {}
    if not isinstance(tree, Mapping):
        return (Amount(None, note="not reported"), {}) if tree is None else (amount(tree), {})
    beside = {
        str(name): str(value)[:256] for name, value in tree.items()
        if name in ("source", "training_type", "geographical_location", "hardware_used") and value not in (None, "")
    }  # fmt: skip
    if tree.get("emissions") is None:
        return Amount(None, note="an object without emissions"), beside
    return amount(tree["emissions"], tree.get("unit")), beside
