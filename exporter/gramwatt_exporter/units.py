"""Units and the only conversions in the project. Imports nothing of the project.

Inside the exporter energy is an ``int`` of microjoules, power an ``int`` of microwatts, time an ``int`` of
nanoseconds. Emissions are an ``int`` too: microjoules times the intensity in milligrams per kilowatt-hour
("uJ*mg/kWh"), so that parts sum to the whole with ``==``. One such unit is 1 / 3.6e15 gram. Floats appear only
at the edge, where a metric or a JSON answer is written.
"""

import operator
from collections.abc import Iterable, Iterator
from itertools import repeat

MICROJOULES_PER_JOULE = 1_000_000
JOULES_PER_KILOWATT_HOUR = 3_600_000
NANOSECONDS_PER_SECOND = 1_000_000_000

# 1 uJ = 1e-6 / 3.6e6 kWh and 1 mg = 1e-3 g, so one uJ*mg/kWh is 1e-9 / 3.6e6 g.
_EMISSION_UNITS_PER_GRAM = 3_600_000 * 1_000_000 * 1_000
_UNITS_PER_PICOGRAM = _EMISSION_UNITS_PER_GRAM // 10**12


def joules(microjoules: int) -> float:
    """Microjoules -> joules."""
    return microjoules / MICROJOULES_PER_JOULE


def microjoules(joules: float) -> int:
    """Joules -> whole microjoules (rounded to nearest)."""
    return round(joules * MICROJOULES_PER_JOULE)


def watts(microjoules: int, nanoseconds: int) -> float:
    """Mean power of an energy over a duration, in watts. ``nanoseconds`` must be positive."""
    return microjoules * 1_000 / nanoseconds


def watts_of_each(microjoules: Iterable[int], nanoseconds: int) -> Iterator[float]:
    """:func:`watts` of many energies over the same duration."""
    return map(operator.truediv, microjoules, repeat(nanoseconds / 1_000))


def seconds(nanoseconds: int) -> float:
    """Nanoseconds -> seconds."""
    return nanoseconds / NANOSECONDS_PER_SECOND


def milligrams_per_kilowatt_hour(grams_per_kilowatt_hour: float) -> int:
    """Grid intensity g/kWh -> the whole mg/kWh the ledger multiplies with."""
    return round(grams_per_kilowatt_hour * 1_000)


def emission_units(microjoules: int, milligrams_per_kilowatt_hour: int) -> int:
    """Energy times intensity as an exact integer (see the module docstring)."""
    return microjoules * milligrams_per_kilowatt_hour


def grams(emission_units: int) -> float:
    """Exact emission units -> grams of CO2 equivalent."""
    return emission_units / _EMISSION_UNITS_PER_GRAM


def emission_units_of(grams: float) -> int:
    """Grams of CO2 equivalent -> the nearest whole emission unit."""
    return round(grams * _EMISSION_UNITS_PER_GRAM)


def per_kilowatt_hour(microjoules_times_millionths: int) -> float:
    """Energy (uJ) times a rate in millionths per kWh -> the amount: currency units, litres."""
    return microjoules_times_millionths / (JOULES_PER_KILOWATT_HOUR * MICROJOULES_PER_JOULE * 1_000_000)


def picograms(emission_units: int) -> int:
    """Exact emission units -> whole picograms of CO2 equivalent, rounded down."""
    return emission_units // _UNITS_PER_PICOGRAM


def picograms_of_each(emission_units: Iterable[int]) -> Iterator[int]:
    """:func:`picograms` of many amounts."""
    return map(operator.floordiv, emission_units, repeat(_UNITS_PER_PICOGRAM))
