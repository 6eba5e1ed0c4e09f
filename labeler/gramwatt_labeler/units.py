"""The only conversions of the labeler, and how numbers are written for people. Imports nothing of the project.

Inside: joules, grams of CO2 equivalent, Unix seconds.
"""

import math
from datetime import UTC, datetime

UNDATED = 0.0
"""The time of what came without one. It is before every month, so no sum over time has it in it."""
JOULES_PER_WATT_HOUR = 3_600.0
JOULES_PER_KILOWATT_HOUR = 3_600_000.0

_ENERGY = (
    ("GWh", 1e6 * JOULES_PER_KILOWATT_HOUR),
    ("MWh", 1e3 * JOULES_PER_KILOWATT_HOUR),
    ("kWh", JOULES_PER_KILOWATT_HOUR),
    ("Wh", JOULES_PER_WATT_HOUR),
    ("J", 1.0),
    ("mJ", 1e-3),
    ("µJ", 1e-6),
)
_MASS = (("t", 1e6), ("kg", 1e3), ("g", 1.0), ("mg", 1e-3), ("µg", 1e-6), ("ng", 1e-9))


def watt_hours(joules: float) -> float:
    """Joules -> watt-hours."""
    return joules / JOULES_PER_WATT_HOUR


def kilowatt_hours(joules: float) -> float:
    """Joules -> kilowatt-hours."""
    return joules / JOULES_PER_KILOWATT_HOUR


def grams_of_kilograms(kilograms: float) -> float:
    """Kilograms -> grams."""
    return kilograms * 1000.0


def number(value: float) -> str:
    """Three significant digits without an exponent where that is readable: 1,240, 12.3, 0.0042."""
    if not math.isfinite(value):
        return "?"
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 1e9 or size < 1e-4:
        return f"{value:.2e}"
    decimals = max(0, 2 - math.floor(math.log10(size)))
    text = f"{round(value, 2 - math.floor(math.log10(size))):,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def counted(value: float) -> str:
    """A whole number to its last digit, 167,178; another one as ``number`` writes it."""
    is_whole = abs(value) < 1e15 and float(value).is_integer()
    return f"{int(value):,}" if is_whole else number(value)


def energy(joules: float) -> str:
    """Joules in the unit that reads best, such as ``12.3 Wh`` or ``4.2 mJ``."""
    return _scaled(joules, _ENERGY)


def energy_unit(joules: float) -> tuple[str, float]:
    """The unit in which this much reads best and its size in joules, for an axis."""
    return next(((name, size) for name, size in _ENERGY if abs(joules) >= size), _ENERGY[-1])


def mass(grams: float) -> str:
    """Grams in the unit that reads best, such as ``1.2 kg`` or ``35 mg``."""
    return _scaled(grams, _MASS)


def grams_per_kilowatt_hour(grams: float | None, joules: float | None) -> float | None:
    """The carbon intensity that CO2 was computed with; None where CO2 or energy is not known or energy is 0."""
    return None if grams is None or not joules or joules < 0 else grams / joules * JOULES_PER_KILOWATT_HOUR


def duration(seconds: float) -> str:
    """Seconds as ``850 ms``, ``12.3 s``, ``4 min 5 s`` or ``2 h 3 min``."""
    if not math.isfinite(seconds):
        return "?"
    if seconds < 1:
        return f"{number(seconds * 1000)} ms"
    if seconds < 60:
        return f"{number(seconds)} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def moment(seconds: float) -> str:
    """Unix seconds as ``2026-01-31 12:00:00 UTC``; ``UNDATED`` is not known, ``?`` is what no calendar has."""
    if seconds == UNDATED:
        return "not known"
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return "?"


def _scaled(value: float, steps: tuple[tuple[str, float], ...]) -> str:
    if value == 0 or not math.isfinite(value):
        return f"{number(value)} {next(name for name, size in steps if size == 1.0)}"
    shown = abs(float(f"{value:.3g}"))  # 999.9 g is shown as 1 kg, not as 1,000 g
    for name, size in steps:
        if shown >= size:
            return f"{number(value / size)} {name}"
    name, size = steps[-1]
    return f"{number(value / size)} {name}"
