"""Kinds of quantity, the units a person may choose for each, and reading a text into the base unit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ..grading.exact import exact, nearest
from .durations import seconds_of
from .mistakes import Mistake
from .numbers import split_number
from .signs import point_readings

_MILLI = ("mg", "ms", "mW")
"""Units whose first letter means a thousandth in small and a million as a capital."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of quantity. ``units`` maps a unit to its size in the base unit, in the order a list shows them.

    Of what is ``counted`` there are no parts in the base unit: 1.500 bytes may well be 1500.
    """

    name: str
    base: str
    units: Mapping[str, float]
    aliases: Mapping[str, str]  # other spellings, in small letters
    counted: bool = False

    def unit_of(self, text: str) -> str | None:
        """The unit a text names, in its usual spelling; None for one that is not of this kind."""
        if text in self.units:
            return text
        found = self.aliases.get(text.lower().rstrip("."))
        # Mg is a tonne, and MW are no milliwatts.
        return None if found in _MILLI and text.startswith("M") else found


def _kind(name: str, base: str, units: Mapping[str, float], aliases: str = "", counted: bool = False) -> Kind:
    """``aliases`` is ``spelling=unit ...``; a unit in small letters is one too, unless two units share it."""
    small = [unit.lower() for unit in units]
    found = {unit.lower(): unit for unit in units if small.count(unit.lower()) == 1}
    found |= dict(pair.split("=") for pair in aliases.split())
    return Kind(name, base, units, found, counted)


# International avoirdupois pound: 0.45359237 kg exactly (agreement of 1959).
MASS = _kind(
    "mass",
    "g",
    {"g": 1.0, "mg": 1e-3, "kg": 1e3, "t": 1e6, "lb": 453.59237},
    "lbs=lb pound=lb pounds=lb gram=g grams=g kilogram=kg kilograms=kg kgs=kg tonne=t tonnes=t ton=t tons=t "
    "gco2=g gco2e=g gco2eq=g kgco2=kg kgco2e=kg kgco2eq=kg",
)
BYTES = _kind(
    "bytes",
    "B",
    {"B": 1.0, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30},
    "byte=B bytes=B",
    counted=True,
)
ENERGY = _kind(
    "energy",
    "J",
    {
        "J": 1.0,
        "kJ": 1e3,
        "MJ": 1e6,
        "mJ": 1e-3,
        "Wh": 3.6e3,
        "kWh": 3.6e6,
        "MWh": 3.6e9,
        "GWh": 3.6e12,
        "mWh": 3.6,
    },
    "joule=J joules=J ws=J",
)
TIME = _kind(
    "time",
    "s",
    {"s": 1.0, "ms": 1e-3, "min": 60.0, "h": 3600.0, "d": 86400.0},
    "sec=s second=s seconds=s minutes=min hour=h hours=h hr=h hrs=h day=d days=d",
)
COUNT = _kind(
    "count", "", {"": 1.0, "k": 1e3, "M": 1e6, "B": 1e9}, "thousand=k million=M billion=B bn=B", counted=True
)
RATIO = _kind("ratio", "", {"": 1.0, "%": 0.01}, "percent=%")
FLOPS = _kind(
    "flops",
    "FLOP",
    {"FLOP": 1.0, "kFLOP": 1e3, "MFLOP": 1e6, "GFLOP": 1e9, "TFLOP": 1e12},
    "flops=FLOP kflops=kFLOP gflops=GFLOP mflops=MFLOP tflops=TFLOP",
    counted=True,
)
POWER = _kind("power", "W", {"W": 1.0, "mW": 1e-3, "kW": 1e3}, "watt=W watts=W")
MONEY = _kind("money", "", {"": 1.0})
LEAST = 1e-18
"""Smaller than every quantity of a model or a run. A quotient by a smaller number may be infinite."""
KINDS = {kind.name: kind for kind in (MASS, BYTES, ENERGY, TIME, COUNT, RATIO, FLOPS, POWER, MONEY)}


def read_quantity(text: str, kind: Kind, unit: str = "") -> float:
    """A text such as ``12,5`` in the chosen ``unit`` (or with its own, ``83 kg``) in the kind's base unit.

    A run time may be of several parts: ``2:30:00``. Raises Mistake for what is no number, negative, of another unit,
    or a ratio above 1, and for ``1.500`` of what is counted.
    """
    chosen = kind.unit_of(unit) if unit else kind.base
    if chosen is None:
        raise Mistake(f"the unit “{unit[:20]}” is not one of {_list(kind)}")
    if kind is TIME and (seconds := seconds_of(text)) is not None:
        return seconds
    value, behind = split_number(text)
    if _RANGE.match(behind):
        raise Mistake("this is a range; write one number, such as its middle")
    if kind is MASS:
        behind = _CO2.sub("", behind).strip()
    if behind:
        own = kind.unit_of(behind)
        if own is None:
            raise Mistake(f"“{behind[:20]}” is not a unit of {kind.name}; {_allowed(kind)}")
        chosen = own
    if value < 0:
        raise Mistake("must not be negative")
    if kind.counted and chosen == kind.base and (readings := point_readings(text)):
        raise Mistake(
            f"“{text.strip()}” can mean {readings[0]} or {readings[1]}; write {' or '.join(readings)}"
        )
    # 35 percent is 0.35, and 1.1 kWh is 3,960,000 J: not a digit may depend on the unit.
    found = nearest(exact(value) * exact(kind.units[chosen]))
    if 0 < found < LEAST:
        raise Mistake(f"below every measurement; the smallest number accepted is {LEAST:.0e}, or 0")
    if kind is RATIO and found > 1:
        raise Mistake(_too_large(value, chosen))
    return found


_RANGE = re.compile(r"[-–—]\s*\d|to\s+\d")
_CO2 = re.compile(r"\s*(of\s+)?co2([ -]?eq?\.?)?$", re.IGNORECASE)


def _too_large(value: float, unit: str) -> str:
    if unit == "" and value <= 100:
        return f"must be between 0 and 1; for {value:g} percent write {value / 100:g}, or choose %"
    return "must be between 0 and 1 (0 and 100 percent)"


def _list(kind: Kind) -> str:
    return ", ".join(unit for unit in kind.units if unit)


def _allowed(kind: Kind) -> str:
    return f"use {_list(kind)}" if _list(kind) else "write the number alone"
