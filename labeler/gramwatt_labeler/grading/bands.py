"""Where a value falls among bands, and which bands its uncertainty reaches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Literal

from .exact import Number, exact
from .scale import Band

Limit = Literal["better", "worse"]


def letter_of(value: Number, bands: Sequence[Band], limit: Limit = "better") -> str:
    """The letter of the band a finite value falls into. Raises ValueError for NaN and infinity.

    A value on a limit belongs to the better side, unless a published scale says otherwise.
    """
    if not isinstance(value, Fraction) and not math.isfinite(value):
        raise ValueError(f"{value} has no letter")
    place = exact(value)
    for band in bands:
        if band.up_to is None:
            return band.letter
        up_to = exact(band.up_to)
        if place < up_to or (place == up_to and limit == "better"):
            return band.letter
    raise ValueError("the last band has a limit")


def span(
    value: Number,
    uncertainty_ratio: float | None,
    bands: Sequence[Band],
    limit: Limit = "better",
    factor: int = 1,
) -> tuple[str | None, str | None]:
    """Best and worst letter one sigma away from a value; (None, None) when the uncertainty is unknown.

    ``factor`` widens both sides: a reference that was not measured may be off by that many times.
    """
    if uncertainty_ratio is None or not math.isfinite(uncertainty_ratio) or uncertainty_ratio < 0:
        return None, None
    sigma = exact(uncertainty_ratio)
    low, high = exact(value) * max(Fraction(0), 1 - sigma) / factor, exact(value) * (1 + sigma) * factor
    return letter_of(low, bands, limit), letter_of(high, bands, limit)
