"""Splitting energy: integers in, integers out, nothing lost, nothing invented, no preference without cause."""

from itertools import pairwise

import pytest
from gramwatt_exporter.ledger.attribution import attribute, attribute_resident, idle_energy, largest_remainder
from hypothesis import given
from hypothesis import strategies as st

energies = st.integers(0, 10**15)
weights = st.lists(st.integers(0, 10**12), min_size=1, max_size=60)


@pytest.mark.slow
@given(energies, weights.filter(any))
def test_parts_sum_to_the_whole_and_are_within_one_unit_of_their_true_share(
    total: int, given: list[int]
) -> None:
    parts = largest_remainder(total, given)
    assert sum(parts) == total
    scale = sum(given)
    for part, weight in zip(parts, given, strict=True):
        assert abs(part * scale - total * weight) < scale
        assert weight > 0 or part == 0


@pytest.mark.slow
@given(energies, weights.filter(any))
def test_a_larger_weight_never_gets_less(total: int, given: list[int]) -> None:
    ranked = sorted(zip(given, largest_remainder(total, given), strict=True))
    for (weight, part), (heavier, more) in pairwise(ranked):
        assert weight == heavier or part <= more


def test_nothing_to_split_by_is_an_error_and_not_an_equal_split() -> None:
    with pytest.raises(ValueError, match="no positive weight"):
        largest_remainder(10, [0, 0])


@pytest.mark.slow
@given(energies, energies, st.lists(st.integers(0, 10**12), max_size=40), st.integers(0, 10**12))
def test_idle_users_and_unattributed_are_the_energy(
    energy: int, idle: int, given: list[int], residual: int
) -> None:
    shares = attribute(energy, idle, given, residual)
    assert shares.idle + sum(shares.users) + shares.unattributed == energy
    assert min([shares.idle, shares.unattributed, *shares.users]) >= 0
    if not any(given):
        assert sum(shares.users) == 0


def test_use_by_nobody_known_takes_its_share_from_the_known() -> None:
    shares = attribute(1000, 100, [1, 2], residual=6)
    assert (shares.idle, list(shares.users), shares.unattributed) == (100, [100, 200], 600)


@pytest.mark.slow
@given(energies, st.lists(st.integers(0, 10**7), max_size=60), st.integers(0, 10**8), st.integers(0, 10**8))
def test_memory_is_split_exactly(energy: int, pages: list[int], used: int, capacity: int) -> None:
    shares = attribute_resident(energy, pages, used, capacity)
    assert shares.idle + sum(shares.users) + shares.unattributed == energy
    assert min([shares.idle, shares.unattributed, *shares.users]) >= 0


def test_unused_memory_is_idle_and_the_page_cache_is_nobodys() -> None:
    shares = attribute_resident(1000, [100, 300], used=500, capacity=1000)
    assert (shares.idle, list(shares.users), shares.unattributed) == (500, [100, 300], 100)


def test_idle_energy_is_power_times_time_but_never_more_than_was_drawn() -> None:
    assert idle_energy(10_000_000, 1_000_000, 5_000_000_000) == 5_000_000
    assert idle_energy(3_000_000, 1_000_000, 5_000_000_000) == 3_000_000
    assert idle_energy(3_000_000, 1_000_000, -5) == 0
