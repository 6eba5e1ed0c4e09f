"""Revisions: exactly the grams by which a total would change, to the last unit."""

from __future__ import annotations

import json

import pytest
from gramwatt_exporter.intensity.revisions import KEEP, SLOT, Revisions
from gramwatt_exporter.model import Intensity
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

HOUR = 3600
START = 1_772_452_800  # a full hour


def value(hour: int, grams: float, **changes: object) -> Intensity:
    told = Intensity(
        grams, "FR", "co2signal", "average", "estimated", "lifecycle", float(START + hour * HOUR)
    )
    return replace(told, **changes)


def test_an_estimate_that_was_too_high_gives_a_negative_revision() -> None:
    book = Revisions()
    book.book(value(0, 100.0), 1_000_000, START + 60)
    book.observe([value(0, 75.0, method="measured")], START + 2 * HOUR)
    assert book.emission_units() == {"FR": -25_000 * 1_000_000}


def test_nothing_is_said_while_nothing_is_known() -> None:
    book = Revisions()
    book.book(value(0, 100.0), 1_000_000, START + 60)
    assert book.emission_units() == {}
    book.observe([value(-5, 75.0)], START + HOUR)
    assert book.emission_units() == {}


def test_energy_priced_with_the_hour_before_is_priced_with_its_own() -> None:
    book = Revisions()
    book.book(value(0, 100.0), 1_000_000, START + HOUR + 600)  # the new hour was not out yet
    book.observe([value(0, 100.0), value(1, 130.0)], START + HOUR + 1200)
    assert book.emission_units() == {"FR": 30_000 * 1_000_000}


def test_energy_priced_by_a_fallback_is_priced_when_the_provider_is_back() -> None:
    book = Revisions()
    annual = value(0, 56.0, provider="annual", method="annual", at=0.0)
    book.book(annual, 1_000_000, START + 60)
    book.observe([value(0, 60.0)], START + HOUR)
    assert book.emission_units() == {"FR": 4_000 * 1_000_000}


@pytest.mark.parametrize("change", [{"zone": "DE"}, {"factor": "direct"}, {"basis": "marginal"}])
def test_another_zone_factor_or_basis_revises_nothing(change: dict[str, str]) -> None:
    book = Revisions()
    book.book(value(0, 100.0), 1_000_000, START + 60)
    book.observe([value(0, 75.0, **change)], START + HOUR)
    assert book.emission_units() == {}


def test_marginal_and_unpriced_energy_is_not_booked() -> None:
    book = Revisions()
    book.book(value(0, 100.0, basis="marginal"), 1_000_000, START)
    book.book(None, 1_000_000, START)
    assert book.state()["slots"] == []


@pytest.mark.slow
def test_a_revision_stays_when_the_history_has_moved_on_and_memory_is_bounded() -> None:
    book = Revisions()
    for slot in range(0, 5 * 86400, SLOT):
        at = START + slot
        hour = slot // HOUR
        book.book(value(hour, 100.0), 1_000, at)
        history = [value(past, 90.0, method="measured") for past in range(max(0, hour - 24), hour)]
        book.observe(history, at)
    assert len(book.state()["slots"]) <= KEEP // SLOT + 1
    revised = (5 * 86400 - HOUR) // SLOT  # all but the hour that still runs
    assert book.emission_units() == {"FR": -10_000 * 1_000 * revised}


def test_a_clock_that_was_far_ahead_leaves_nothing_behind() -> None:
    book = Revisions()
    book.book(value(0, 100.0), 1_000, START + 400 * 86400)
    for slot in range(0, 3 * 86400, SLOT):
        book.book(value(0, 100.0), 1_000, START + slot)
        book.observe([], START + slot)
    assert len(book.state()["slots"]) <= KEEP // SLOT + 1


def test_a_restart_changes_nothing() -> None:
    book = Revisions()
    history = [value(hour, 80.0) for hour in range(3)]
    for slot in range(0, 4 * HOUR, SLOT):
        book.book(value(0, 100.0), 1_000, START + slot)
    book.observe(history, START + 4 * HOUR)
    again = Revisions()
    again.restore(json.loads(json.dumps(book.state())))
    assert again.emission_units() == book.emission_units() != {}
    again.observe(history, START + 4 * HOUR)
    assert again.emission_units() == book.emission_units()


@pytest.mark.parametrize(
    "damage",
    [
        {},
        {"settled": {}, "slots": [["FR"]], "revised": []},
        {"settled": {}, "slots": [["FR", "x", 1, 2, 3]], "revised": []},
    ],
)
def test_a_damaged_state_is_refused_and_nothing_changes(damage: dict[str, object]) -> None:
    book = Revisions()
    book.book(value(0, 100.0), 1_000, START)
    before = book.state()
    with pytest.raises((KeyError, ValueError, TypeError)):
        book.restore(damage)
    assert book.state() == before


ticks = st.lists(
    st.tuples(
        st.integers(0, 11),  # the hour in which energy is drawn
        st.integers(0, 3599),
        st.integers(0, 10**9),  # microjoules
        st.integers(0, 2_000_000),  # mg/kWh that priced it
    ),
    max_size=80,
)


@pytest.mark.slow
@given(ticks, st.lists(st.integers(0, 2_000_000), min_size=12, max_size=12), st.randoms())
@settings(max_examples=60)
def test_total_plus_revision_is_the_total_priced_anew(
    drawn: list[tuple[int, int, int, int]], truth: list[int], chance: object
) -> None:
    """Whatever the order in which history becomes known, even estimated several times over."""
    book = Revisions()
    booked = 0
    for hour, second, energy, price in sorted(drawn):
        at = START + hour * HOUR + second
        book.book(value(hour, price / 1000), energy, at)
        booked += energy * price
        guesses = [value(past, chance.randint(0, 2000)) for past in range(hour)]  # type: ignore[attr-defined]
        book.observe(guesses, at)
    book.observe([value(hour, truth[hour] / 1000) for hour in range(12)], START + 13 * HOUR)
    anew = sum(energy * truth[hour] for hour, _, energy, _ in drawn)
    assert booked + sum(book.emission_units().values()) == anew
