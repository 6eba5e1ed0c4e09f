"""Cost, water, overhead and embodied emissions: whole numbers, whatever the steps."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from gramwatt_exporter import units
from gramwatt_exporter.ledger.factors import Amortisation, FactorBook, Overhead, Product, price_at
from hypothesis import given
from hypothesis import strategies as st

SECOND = 1_000_000_000
KILOWATT_HOUR = 3_600_000 * 1_000_000  # microjoules
NOON = datetime(2026, 3, 1, 12, 30, tzinfo=UTC).timestamp()
steps = st.lists(st.integers(min_value=0, max_value=10**13), max_size=60)


def test_a_kilowatt_hour_costs_its_price() -> None:
    cost = Product()
    for _ in range(1000):
        cost.book(KILOWATT_HOUR // 1000, 0.25)
    assert cost.amount == 0.25


@pytest.mark.slow
@given(steps, st.floats(min_value=0, max_value=10))
def test_cost_does_not_depend_on_how_energy_is_cut(energies: list[int], price: float) -> None:
    apart, whole = Product(), Product()
    for energy in energies:
        apart.book(energy, price)
    whole.book(sum(energies), price)
    assert apart.total == whole.total


@pytest.mark.slow
@given(steps, st.integers(min_value=0, max_value=2_000_000))
def test_overhead_is_the_exact_share(energies: list[int], millionths: int) -> None:
    overhead = Overhead()
    for energy in energies:
        overhead.book(energy, 7 * energy, 1 + millionths / 1e6)
    assert overhead.microjoules == sum(energies) * millionths // 10**6
    assert overhead.emission_units == 7 * sum(energies) * millionths // 10**6


@pytest.mark.slow
@given(st.lists(st.integers(min_value=0, max_value=10**12), max_size=60))
def test_embodied_emissions_lose_nothing_to_rounding(elapsed: list[int]) -> None:
    lifetime = 4 * 365 * 86400
    part = Amortisation(1_234_567.0, lifetime, count=3)
    added = sum(part.advance(step) for step in elapsed)
    exact = Fraction(3 * units.emission_units_of(1_234_567.0) * sum(elapsed), lifetime * SECOND)
    assert part.emission_units == added == exact.numerator // exact.denominator


def test_after_its_lifetime_a_part_has_booked_exactly_its_emissions() -> None:
    part = Amortisation(1_500_000.0, 1000.0)
    for _ in range(1000):
        part.advance(SECOND)
    assert units.grams(part.emission_units) == 1_500_000.0


def test_a_part_without_a_lifetime_is_refused() -> None:
    with pytest.raises(ValueError, match="longer than 0s"):
        Amortisation(1.0, 0.0)


def test_the_price_follows_the_local_hour() -> None:
    hourly = [hour / 100 for hour in range(24)]
    assert price_at(NOON, 9.0, hourly, UTC) == 0.12
    assert price_at(NOON, 9.0, hourly, timezone(timedelta(hours=5, minutes=45))) == 0.18
    assert price_at(NOON, 9.0, [], UTC) == 9.0
    assert price_at(NOON, None, [], UTC) is None


def test_the_price_follows_summer_time() -> None:
    paris = ZoneInfo("Europe/Paris")
    hourly = [float(hour) for hour in range(24)]
    change = datetime(2026, 3, 29, 1, 0, tzinfo=UTC).timestamp()  # 02:00 becomes 03:00
    assert [price_at(change + offset, None, hourly, paris) for offset in (-1, 0, 3600)] == [1.0, 3.0, 4.0]


def configured() -> FactorBook:
    book = FactorBook(UTC)
    book.configure(
        pue=1.5,
        currency="EUR",
        hourly=[0.2] * 12 + [0.4] * 12,
        water=1.8,
        embodied={"server": (1_000_000.0, 4 * 365 * 86400.0, 1), "gpu": (150_000.0, 4 * 365 * 86400.0, 8)},
    )
    return book


def test_nothing_is_there_unless_it_is_configured() -> None:
    book = FactorBook(UTC)
    book.configure()
    book.book(KILOWATT_HOUR, 10, NOON, SECOND)
    assert (book.pue, book.cost, book.water_litres, book.price(NOON)) == (None, None, None, None)
    assert dict(book.embodied) == {}
    assert book.overhead.microjoules == 0


def test_an_hour_of_everything() -> None:
    book = configured()
    for second in range(3601):
        energy = KILOWATT_HOUR // 3600 if second else 0
        book.book(energy, units.emission_units(energy, 50_000), NOON - 1800 + second, second * SECOND)
    assert book.pue == 1.5
    assert book.overhead.microjoules == KILOWATT_HOUR // 2
    assert units.grams(book.overhead.emission_units) == 25.0
    assert book.cost == 0.4
    assert book.water_litres == 1.8
    assert units.grams(book.embodied["gpu"]) == pytest.approx(8 * 150_000 / (4 * 365 * 24))
    assert units.grams(book.embodied["server"]) == pytest.approx(1_000_000 / (4 * 365 * 24))


def test_totals_survive_a_restart_and_time_without_the_exporter_is_not_booked() -> None:
    book = configured()
    book.book(KILOWATT_HOUR, 0, NOON, 0)
    book.book(KILOWATT_HOUR, 0, NOON, 3600 * SECOND)
    saved = json.loads(json.dumps(book.state()))
    again = configured()
    again.restore(saved)
    again.book(0, 0, NOON, 10**9 * SECOND)
    assert again.state() == book.state()
    fresh = FactorBook(UTC)
    fresh.restore(saved)  # settings may come after the state
    fresh.configure(pue=1.5, embodied={"server": (1_000_000.0, 4 * 365 * 86400.0, 1)})
    assert fresh.embodied["server"] == book.embodied["server"]


@pytest.mark.parametrize(
    "damage", [{}, {"overhead": "x", "water": None, "cost": 3, "embodied": {"server": "y"}}]
)
def test_a_damaged_state_begins_again(damage: dict[str, object]) -> None:
    book = configured()
    book.restore(damage)
    assert (book.cost, book.water_litres, book.overhead.microjoules) == (0.0, 0.0, 0)
    assert book.embodied == {"server": 0, "gpu": 0}


def test_changed_settings_keep_every_total_and_another_currency_is_another_total() -> None:
    book = configured()
    book.book(KILOWATT_HOUR, 0, NOON, 0)
    book.book(KILOWATT_HOUR, 0, NOON, 3600 * SECOND)
    before = dict(book.embodied)
    book.configure(currency="USD", price=1.0, embodied={"server": (2_000_000.0, 4 * 365 * 86400.0, 1)})
    assert book.cost == 0.0
    book.book(KILOWATT_HOUR, 0, NOON, 7200 * SECOND)
    assert book.cost == 1.0
    assert book.embodied["server"] == pytest.approx(3 * before["server"])
    assert "gpu" not in book.embodied
    book.configure(currency="EUR", embodied={"gpu": (150_000.0, 4 * 365 * 86400.0, 8)})
    assert book.cost == 0.8
    assert book.embodied["gpu"] == before["gpu"]
