"""Energy and emissions in everyday terms. Every factor names its source; nothing here feeds back into numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional


@dataclass(frozen=True)
class Equivalent:
    """``amount`` of ``what``, with where the conversion factor comes from."""

    amount: float
    what: str
    source: str

    def __str__(self) -> str:
        return f"{self.amount:.3g} {self.what}"


# 400 g CO2 per mile at the tailpipe of a typical US passenger vehicle; 1 mile = 1.609344 km.
_GRAMS_PER_CAR_KILOMETRE = 400 / 1.609344
_CAR_SOURCE = (
    "US EPA, Greenhouse Gas Emissions from a Typical Passenger Vehicle (400 g CO2 per mile), "
    "https://www.epa.gov/greenvehicles/greenhouse-gas-emissions-typical-passenger-vehicle"
)

# Energy, not emissions: so it holds on every grid.
_JOULES_PER_PHONE_CHARGE = 15.0 * 3600
_PHONE_SOURCE = "a phone battery of 15 Wh (about 4000 mAh at 3.85 V), losses of the charger not counted"

_LED_WATTS = 10.0
_LED_SOURCE = "a 10 W LED bulb, about the light of a 60 W incandescent one"


def equivalents(joules: Optional[float], grams: Optional[float]) -> tuple[Equivalent, ...]:
    """What ``joules`` of energy and ``grams`` of CO2 equivalent amount to. What is not known is left out."""
    found = []
    if grams is not None:
        found.append(Equivalent(grams / _GRAMS_PER_CAR_KILOMETRE, "km by car", _CAR_SOURCE))
    if joules is not None:
        found.append(Equivalent(joules / _JOULES_PER_PHONE_CHARGE, "phone charges", _PHONE_SOURCE))
        found.append(Equivalent(joules / _LED_WATTS / 3600, "hours of an LED bulb", _LED_SOURCE))
    return tuple(found)
