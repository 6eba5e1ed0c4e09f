"""Two to six evaluations side by side, with what their uncertainty allows to say."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

FEWEST, MOST = 2, 6


@dataclass(frozen=True, slots=True)
class Quantity:
    """A value with one sigma as a share of it; ``uncertainty_ratio`` is None when it is not known."""

    value: float
    uncertainty_ratio: float | None = None

    @property
    def low(self) -> float:
        return self.value * max(0.0, 1 - (self.uncertainty_ratio or 0.0))

    @property
    def high(self) -> float:
        return self.value * (1 + (self.uncertainty_ratio or 0.0))


@dataclass(frozen=True, slots=True)
class Difference:
    """How one value stands to the first: ``ratio`` -0.25 is a quarter less. ``sigma`` is in the same unit.

    ``distinguishable`` is False where the spans of one sigma overlap, None where a span is not known.
    """

    ratio: float
    sigma: float | None
    distinguishable: bool | None

    @property
    def text(self) -> str:
        """As ``short``, and that the uncertainty is not known where it is not."""
        return f"{self.short} (uncertainty not known)" if self.sigma is None else self.short

    @property
    def short(self) -> str:
        """Such as ``25 % less (±7 %)``, ``3 times (±0.2)`` or ``not distinguishable``."""
        if self.distinguishable is False and self.sigma:
            return "not distinguishable"
        size = abs(self.ratio)
        if self.ratio == 0:
            text = "the same"
        elif self.ratio >= 1:
            text = f"{1 + self.ratio:.3g} times"
        else:
            text = f"{100 * size:.3g} % {'more' if self.ratio > 0 else 'less'}"
        if not self.sigma:
            return text
        return f"{text} (±{_two(self.sigma)})" if self.ratio >= 1 else f"{text} (±{_two(100 * self.sigma)} %)"


def _two(number: float) -> str:
    """Two significant digits, without an exponent."""
    return f"{number:.2g}" if number < 100 else f"{float(f'{number:.2g}'):,.0f}"


def difference(one: Quantity, base: Quantity) -> Difference | None:
    """How ``one`` stands to ``base``; None where the base is 0 or a value is not finite.

    The sigma of the quotient is that of independent errors. Where both values share a sensor its error is common and
    the true sigma is smaller, so what is called distinguishable is.
    """
    if not (math.isfinite(one.value) and math.isfinite(base.value)) or base.value <= 0 or one.value < 0:
        return None
    ratio = one.value / base.value - 1
    if not math.isfinite(ratio):
        return None
    if one.uncertainty_ratio is None or base.uncertainty_ratio is None:
        return Difference(ratio, None, None)
    sigma = math.hypot(one.uncertainty_ratio, base.uncertainty_ratio) * (1 + ratio)
    return Difference(ratio, sigma, one.low > base.high or one.high < base.low)


def comparable_units(units: Sequence[str]) -> str:
    """The functional unit all share, or "" when they differ or one has none: then a quotient compares nothing."""
    return units[0] if units and units[0] and len(set(units)) == 1 else ""
