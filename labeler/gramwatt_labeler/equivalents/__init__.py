"""Energy and emissions in everyday terms, and a year of them. Every factor names its source.

The client prints some of the same figures; the distributions share no code, so a test keeps the two equal.
"""

from __future__ import annotations

from dataclasses import dataclass

DAYS_PER_YEAR = 365.0


@dataclass(frozen=True, slots=True)
class Equivalent:
    """``amount`` of ``what``, and where the factor comes from."""

    amount: float
    what: str
    source: str


# 400 g CO2 per mile at the tailpipe of a typical US passenger vehicle; 1 mile = 1.609344 km.
_GRAMS_PER_CAR_KILOMETRE = 400 / 1.609344
_CAR_SOURCE = (
    "US EPA, Greenhouse Gas Emissions from a Typical Passenger Vehicle (400 g CO2 per mile), "
    "https://www.epa.gov/greenvehicles/greenhouse-gas-emissions-typical-passenger-vehicle"
)

# 0.060 t CO2 per urban tree seedling grown for 10 years: 6 kg a year.
_GRAMS_PER_TREE_YEAR = 0.060e6 / 10
_TREE_SOURCE = (
    "US EPA, Greenhouse Gas Equivalencies Calculator (0.060 t CO2 per urban tree planted and grown for 10 years), "
    "https://www.epa.gov/energy/greenhouse-gas-equivalencies-calculator-calculations-and-references"
)

# Strubell et al., table 1: air travel, 1 person, New York - San Francisco and back: 1,984 lb CO2e.
_GRAMS_PER_FLIGHT = 1984 * 453.59237
_FLIGHT_SOURCE = (
    "Strubell, Ganesh, McCallum: Energy and Policy Considerations for Deep Learning in NLP, ACL 2019, table 1 "
    "(1,984 lb CO2e for one passenger), https://arxiv.org/abs/1906.02243"
)

# Energy, not emissions: so it holds on every grid.
_JOULES_PER_PHONE_CHARGE = 15.0 * 3600
_PHONE_SOURCE = "a phone battery of 15 Wh (about 4000 mAh at 3.85 V), losses of the charger not counted"

_LED_WATTS = 10.0
_LED_SOURCE = "a 10 W LED bulb, about the light of a 60 W incandescent one"


def equivalents(joules: float | None, grams: float | None) -> tuple[Equivalent, ...]:
    """What ``joules`` of energy and ``grams`` of CO2 equivalent amount to. What is not known is left out."""
    found = []
    if grams is not None:
        found.append(Equivalent(grams / _GRAMS_PER_CAR_KILOMETRE, "km by car", _CAR_SOURCE))
        found.append(
            Equivalent(
                grams / _GRAMS_PER_FLIGHT,
                "flights New York to San Francisco and back, one passenger",
                _FLIGHT_SOURCE,
            )
        )
        found.append(Equivalent(grams / _GRAMS_PER_TREE_YEAR, "years of growth of a city tree", _TREE_SOURCE))
    if joules is not None:
        found.append(Equivalent(joules / _JOULES_PER_PHONE_CHARGE, "phone charges", _PHONE_SOURCE))
        found.append(Equivalent(joules / _LED_WATTS / 3600, "hours of an LED bulb", _LED_SOURCE))
    return tuple(found)


def per_year(amount: float | None, runs_per_day: float) -> float | None:
    """What ``runs_per_day`` runs of ``amount`` each come to in 365 days. None stays None."""
    return None if amount is None else amount * runs_per_day * DAYS_PER_YEAR
