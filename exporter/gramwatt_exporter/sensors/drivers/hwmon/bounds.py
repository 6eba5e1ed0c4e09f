"""What a chip states that its device can draw: a step beyond 1.2 times that is refused.

Fixed figures count: the highest limit that can be set (``power1_cap_max``), the critical power (``power1_crit``, the I1
limit of xe and i915), twice the rated power. Limits in force (``power1_max``, ``power1_cap``) may be lowered and raised
by an administrator at any time, so they only ever widen the bound: a card that was set to 100 W and draws 130 W for a
moment is not lost from sight.
"""

from __future__ import annotations

from pathlib import Path

from .files import watts

# rated_max of xe and i915 is the default limit ("default TDP setting", sysfs-driver-intel-i915-hwmon): a higher one may
# be set, or none, and short bursts go beyond it.
_ABOVE_RATED = 2
_LEAST_WATTS = 10.0  # a limit below this, or above that, is a register nobody filled in
_MOST_WATTS = 4000.0
_CHANNELS = (1, 2)  # the card and its package


def most_watts(folder: Path, otherwise: float) -> float:
    """What the device of this chip can draw at most; ``otherwise`` where it states nothing that can be."""
    fixed: list[float] = []
    in_force: list[float] = []
    for channel in _CHANNELS:
        prefix = f"power{channel}"
        fixed += [watts(folder / f"{prefix}_{name}") for name in ("cap_max", "crit")]
        fixed.append(_ABOVE_RATED * watts(folder / f"{prefix}_rated_max"))
        in_force += [watts(folder / f"{prefix}_{name}") for name in ("max", "cap", "cap_default")]
    fixed = [value for value in fixed if _LEAST_WATTS <= value <= _MOST_WATTS]
    if not fixed:
        return otherwise
    return max(fixed + [value for value in in_force if value <= _MOST_WATTS])
