"""Units that facts may be given in, and the exact way from one to another.

A unit that is not in a metric's family is refused: 5 kg of energy is a mistake, not five of anything.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from types import MappingProxyType

from ..errors import FactsError
from .exact import exact, nearest

_ENERGY = {
    "J": Fraction(1), "mJ": Fraction(1, 1000), "kJ": Fraction(1000), "MJ": Fraction(10**6), "Ws": Fraction(1),
    "Wh": Fraction(3600), "mWh": Fraction(36, 10), "kWh": Fraction(3_600_000), "MWh": Fraction(3_600_000_000),
}  # fmt: skip
_MASS = {
    "g": Fraction(1), "mg": Fraction(1, 1000), "kg": Fraction(1000), "t": Fraction(10**6),
    "lb": Fraction("453.59237"),  # the international pound, exactly
}  # fmt: skip
_BYTES = {"B": Fraction(1)} | {
    f"{prefix}B": Fraction(1000**power) for power, prefix in enumerate(("k", "M", "G", "T"), 1)
} | {f"{prefix}iB": Fraction(1024**power) for power, prefix in enumerate(("K", "M", "G", "T"), 1)}  # fmt: skip
_TIME = {
    "s": Fraction(1), "ms": Fraction(1, 1000), "min": Fraction(60), "h": Fraction(3600), "d": Fraction(86_400),
}  # fmt: skip
_FLOPS = {"FLOP": Fraction(1), "MFLOP": Fraction(10**6), "GFLOP": Fraction(10**9), "TFLOP": Fraction(10**12)}
_RATIO = {"": Fraction(1), "%": Fraction(1, 100)}
_FAMILIES: tuple[Mapping[str, Fraction], ...] = (_ENERGY, _MASS, _BYTES, _TIME, _FLOPS, _RATIO)
FAMILY: Mapping[str, Mapping[str, Fraction]] = MappingProxyType(
    {unit: family for family in _FAMILIES for unit in family}
)


def units_for(own: str) -> tuple[str, ...]:
    """The units a metric may be given in whose own unit is ``own``."""
    return tuple(FAMILY.get(own, {own: Fraction(1)}))


def in_own_unit(value: float | None, unit: str, own: str, path: str) -> float | None:
    """A value in a metric's own unit. "" as the unit is the own one.

    Raises:
        FactsError: the unit is none of the metric's; it names what is allowed.
    """
    if unit in ("", own):
        return value
    family = FAMILY.get(own, {})
    if unit not in family:
        allowed = units_for(own)
        shown = ", ".join(repr(one) for one in allowed)
        raise FactsError(path, f"unit {unit!r} is not one of {shown}", allowed)
    if value is None or not math.isfinite(value):
        return value
    return nearest(exact(value) * family[unit] / family[own])
