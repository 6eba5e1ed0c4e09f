"""What is counted beside the operational grams: cost, water, the building's overhead, manufacturing. Pure.

Everything accumulates in whole numbers, so that nothing is lost to rounding: energy times a rate stays a product of
two integers until a metric is written, and the one division there is (a lifetime) carries its remainder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any

from gramwatt_exporter import units

_MILLION = 1_000_000


def price_at(
    now: float, per_kilowatt_hour: float | None, hourly: Sequence[float], timezone: tzinfo | None = None
) -> float | None:
    """Electricity price per kWh at ``now`` (Unix seconds); None when none is configured.

    ``hourly`` (24 values from midnight, local time) wins. ``timezone`` None is the machine's own. The price of the hour
    that the change to winter time repeats holds twice; the price of the hour that the change to summer time skips is
    never used.
    """
    if hourly:
        return hourly[datetime.fromtimestamp(now, timezone).hour]
    return per_kilowatt_hour


class Product:
    """Energy times a rate that may change with time: cost in a currency, water in litres."""

    def __init__(self, total: int = 0) -> None:
        """``total`` in microjoules times millionths per kWh, as ``total`` of an earlier one."""
        self.total = total

    def book(self, microjoules: int, rate_per_kilowatt_hour: float) -> None:
        """Add energy at the rate in force (currency or litres per kWh, kept to the sixth decimal)."""
        self.total += microjoules * round(rate_per_kilowatt_hour * _MILLION)

    @property
    def amount(self) -> float:
        """Currency units, or litres."""
        return units.per_kilowatt_hour(self.total)


class Overhead:
    """What the building adds: energy and emissions times (PUE - 1)."""

    def __init__(self, energy: int = 0, emissions: int = 0) -> None:
        """Both in millionths of their unit, as ``energy`` and ``emissions`` of an earlier one."""
        self.energy = energy
        self.emissions = emissions

    def book(self, microjoules: int, emission_units: int, pue: float) -> None:
        """Add the node's energy and emissions of one step."""
        share = round((pue - 1.0) * _MILLION)
        self.energy += microjoules * share
        self.emissions += emission_units * share

    @property
    def microjoules(self) -> int:
        """Whole microjoules of overhead."""
        return self.energy // _MILLION

    @property
    def emission_units(self) -> int:
        """Whole emission units of overhead."""
        return self.emissions // _MILLION


class Amortisation:
    """Manufacturing emissions of a part, written off evenly over its lifetime while the exporter runs."""

    def __init__(self, grams: float, lifetime_seconds: float, count: int = 1, *, booked: int = 0) -> None:
        """``grams`` of one piece; ``booked`` emission units of before a restart. ValueError: no lifetime."""
        self._total = units.emission_units_of(grams) * count
        self._lifetime = round(lifetime_seconds * units.NANOSECONDS_PER_SECOND)
        if self._lifetime <= 0:
            raise ValueError("a lifetime must be longer than 0s")
        self._remainder = 0
        self.emission_units = booked

    def advance(self, nanoseconds: int) -> int:
        """Let time pass; returns the emission units it adds. Over a lifetime they add up to exactly the total."""
        added, self._remainder = divmod(self._total * nanoseconds + self._remainder, self._lifetime)
        self.emission_units += added
        return added


class FactorBook:
    """All of the above for one machine, from its settings. Single writer."""

    def __init__(self, timezone: tzinfo | None = None) -> None:
        """``timezone`` of an hourly price; None is the machine's own. Call :meth:`configure` next."""
        self._timezone = timezone
        self._pue = 1.0
        self._price: tuple[float | None, tuple[float, ...]] = (None, ())
        self._water_rate: float | None = None
        self._parts: dict[str, Amortisation] = {}
        self._settings: dict[str, tuple[float, float, int]] = {}
        self._saved_parts: dict[str, int] = {}
        self._last_ns: int | None = None
        self.currency = ""
        self.overhead = Overhead()
        self.water = Product()
        self._costs: dict[str, Product] = {}

    def configure(
        self,
        *,
        pue: float = 1.0,
        currency: str = "",
        price: float | None = None,
        hourly: Sequence[float] = (),
        water: float | None = None,
        embodied: Mapping[str, tuple[float, float, int]] | None = None,
    ) -> None:
        """Take settings over; totals go on. ``embodied`` is part -> (grams, lifetime in seconds, count)."""
        self._pue, self.currency, self._price = pue, currency, (price, tuple(hourly))
        self._water_rate = water
        wanted = dict(embodied or {})
        booked = {name: part.emission_units for name, part in self._parts.items()}
        self._saved_parts |= booked
        self._parts = {
            name: self._parts[name]
            if name in self._parts and self._settings.get(name) == settings
            else Amortisation(*settings, booked=self._saved_parts.get(name, 0))
            for name, settings in wanted.items()
        }
        self._settings = wanted

    def book(self, microjoules: int, emission_units: int, now: float, now_ns: int) -> None:
        """One step of the whole node: its energy, its emissions (0 when unknown), Unix seconds and boot time."""
        elapsed = 0 if self._last_ns is None else max(0, now_ns - self._last_ns)
        self._last_ns = now_ns
        for part in self._parts.values():
            part.advance(elapsed)
        if self._pue > 1.0:
            self.overhead.book(microjoules, emission_units, self._pue)
        if self._water_rate is not None:
            self.water.book(microjoules, self._water_rate)
        price = self.price(now)
        if price is not None:
            self._costs.setdefault(self.currency, Product()).book(microjoules, price)

    def price(self, now: float) -> float | None:
        """Price per kWh in force; None where none is configured."""
        return price_at(now, *self._price, self._timezone)

    @property
    def pue(self) -> float | None:
        """The configured PUE; None when it is 1 (nothing configured)."""
        return self._pue if self._pue > 1.0 else None

    @property
    def cost(self) -> float | None:
        """Total in the currency in force. Another currency is another total: they are never added."""
        if not self.currency:
            return None
        return self._costs.get(self.currency, Product()).amount

    @property
    def water_litres(self) -> float | None:
        """Total; None where no rate is configured."""
        return self.water.amount if self._water_rate is not None else None

    @property
    def embodied(self) -> Mapping[str, int]:
        """Emission units by part."""
        return {name: part.emission_units for name, part in self._parts.items()}

    def state(self) -> dict[str, Any]:
        """What to save: whole numbers only."""
        return {
            "overhead": [self.overhead.energy, self.overhead.emissions],
            "water": self.water.total,
            "cost": {currency: product.total for currency, product in self._costs.items()},
            "embodied": {**self._saved_parts, **self.embodied},
        }

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Restore the saved totals; a missing or damaged one begins at 0."""
        energy, emissions = [*_integers(saved.get("overhead")), 0, 0][:2]
        self.overhead = Overhead(energy, emissions)
        self.water = Product(*_integers([saved.get("water")]))
        self._costs = {name: Product(total) for name, total in _named(saved.get("cost"))}
        self._saved_parts = dict(_named(saved.get("embodied")))
        self._parts = {
            name: Amortisation(*settings, booked=self._saved_parts.get(name, 0))
            for name, settings in self._settings.items()
        }


def _integers(value: Any) -> list[int]:
    if not isinstance(value, list):
        return []
    return [item for item in value if isinstance(item, int) and item >= 0]


def _named(value: Any) -> list[tuple[str, int]]:
    if not isinstance(value, dict):
        return []
    return [(str(name), total) for name, total in value.items() if isinstance(total, int) and total >= 0]
