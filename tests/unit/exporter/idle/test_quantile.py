"""A low quantile of power that fades."""

from __future__ import annotations

import random

import pytest
from gramwatt_exporter.idle.quantile import FadingQuantile
from hypothesis import given, settings
from hypothesis import strategies as st

SECOND = 1_000_000_000
HOUR = 3600 * SECOND


def test_of_nothing_there_is_none() -> None:
    assert FadingQuantile(0.05, HOUR).microwatts() is None
    assert not FadingQuantile(0.05, HOUR)


@pytest.mark.slow
@settings(deadline=None)
@given(st.lists(st.floats(0.1, 1000), min_size=1, max_size=300), st.floats(0, 0.99))
def test_it_is_the_quantile_within_a_bin(watts: list[float], quantile: float) -> None:
    powers = FadingQuantile(quantile, 1e30)
    for power in watts:
        powers.add(round(power * 1e6), SECOND)
    found = (powers.microwatts() or 0) / 1e6
    exact = sorted(watts)[int(quantile * len(watts))]
    assert found == pytest.approx(exact, rel=0.0101)


def test_equal_powers_give_exactly_that_power() -> None:
    powers = FadingQuantile(0.05, HOUR)
    for _ in range(1000):
        powers.add(50_000_000, 5 * SECOND)
    assert powers.microwatts() == 10_000_000


def test_what_was_fades() -> None:
    powers = FadingQuantile(0.05, 6 * HOUR)
    for _ in range(24 * 60):
        powers.add(10 * 60_000_000, 60 * SECOND)
    for _ in range(17 * 60):
        powers.add(12 * 60_000_000, 60 * SECOND)
    assert powers.microwatts() == 10_000_000
    for _ in range(3 * 60):
        powers.add(12 * 60_000_000, 60 * SECOND)
    assert powers.microwatts() == 12_000_000


@pytest.mark.slow
def test_it_holds_few_bins_however_long_it_runs() -> None:
    powers, chance = FadingQuantile(0.02, 48 * HOUR), random.Random(1)
    for _ in range(50_000):
        powers.add(round(chance.uniform(10, 400) * 5e6), 5 * SECOND)
    assert len(powers.state()) < 400


def test_its_state_goes_on() -> None:
    powers, again = FadingQuantile(0.5, HOUR), FadingQuantile(0.5, HOUR)
    for watts in (10, 11, 12, 13):
        powers.add(watts * 1_000_000, SECOND)
    again.restore(powers.state())
    assert again.microwatts() == powers.microwatts() == 12_000_000
