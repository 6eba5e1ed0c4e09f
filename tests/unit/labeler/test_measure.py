"""Counter arithmetic: exact sums, resets, coverage."""

from __future__ import annotations

import math
from typing import Any

import pytest
from gramwatt_labeler.measure import count, coverage_ratio, drops, known_ratio
from hypothesis import given
from hypothesis import strategies as st

steps = st.lists(st.integers(0, 10**6), min_size=1, max_size=50)


def samples_of(increments: list[int], begin: float = 0.0, value: int = 0) -> list[tuple[float, float]]:
    found = [(begin, float(value))]
    for step in increments:
        begin, value = begin + 5, value + step
        found.append((begin, float(value)))
    return found


@pytest.mark.slow
@given(steps, st.integers(0, 10**6))
def test_without_resets_the_increase_is_last_minus_first(increments: list[int], first: int) -> None:
    samples = samples_of(increments, value=first)
    assert count(samples).increase == sum(increments)
    assert count(samples).resets == ()


@pytest.mark.slow
@given(steps, steps)
def test_a_reset_adds_what_was_counted_since(before: list[int], after: list[int]) -> None:
    first, second = samples_of([*before, 1]), samples_of(after, begin=5.0 * len(before) + 20)
    assert count([*first, *second]).increase == sum(before) + 1 + sum(after)
    assert count([*first, *second]).resets == ((first[-1][0], second[0][0]),)


@pytest.mark.slow
@given(steps, st.randoms())
def test_order_and_duplicates_of_samples_change_nothing(increments: list[int], random: Any) -> None:
    samples = samples_of(increments)
    shuffled = [*samples, *samples]
    random.shuffle(shuffled)
    assert count(shuffled) == count(samples)


@pytest.mark.slow
@given(steps, st.integers(0, 49))
def test_a_missed_scrape_changes_nothing(increments: list[int], missing: int) -> None:
    samples = samples_of(increments)
    kept = [one for index, one in enumerate(samples) if index != missing or index in (0, len(samples) - 1)]
    assert count(kept).increase == count(samples).increase


def test_a_known_origin_counts_what_came_before_the_first_sample() -> None:
    held = [(105.0, 12.5), (110.0, 12.5), (115.0, 12.5)]
    assert count(held).increase == 0
    assert count(held, origin=(101.0, 0.0), until=105.0).increase == 12.5
    assert count(held, origin=(101.0, 0.0), until=105.0).samples == 3


def test_what_happens_after_the_end_adds_nothing() -> None:
    samples = [(0.0, 0.0), (5.0, 10.0), (10.0, 0.0), (15.0, 3.0)]
    assert count(samples, until=5.0).increase == 10
    assert count(samples, until=5.0).resets == ()


def test_values_that_are_not_numbers_are_skipped() -> None:
    assert count([(0, 1.0), (5, math.nan), (10, 4.0)]).increase == 3
    assert count([]).samples == 0


@pytest.mark.parametrize(
    ("uncovered", "expected"),
    [
        ([], 1.0),
        ([(0, 10)], 0.9),
        ([(0, 10), (5, 15)], 0.85),
        ([(-50, 10), (95, 200)], 0.85),
        ([(20, 30), (20, 30)], 0.9),
        ([(-10, 200)], 0.0),
        ([(200, 300)], 1.0),
    ],
)
def test_coverage_is_the_share_outside_the_gaps(
    uncovered: list[tuple[float, float]], expected: float
) -> None:
    assert coverage_ratio(0, 100, uncovered) == pytest.approx(expected)


def test_a_window_without_duration_has_no_coverage() -> None:
    assert coverage_ratio(5, 5, []) == 0.0


def test_drops_are_restarts() -> None:
    assert drops([(0, 1), (5, 2), (60, 1), (65, 2)]) == [(5, 60)]


def test_seconds_that_the_exporter_missed_cost_coverage() -> None:
    assert coverage_ratio(0, 100, [], 10) == 0.9
    assert coverage_ratio(0, 100, [(0, 20)], 10) == 0.8  # they may be the same seconds
    assert coverage_ratio(0, 100, [], 1000) == 0.0


def test_the_known_share_of_the_energy() -> None:
    assert known_ratio(100.0, 0.0) == known_ratio(0.0, 0.0) == 1.0
    assert known_ratio(75.0, 25.0) == 0.75
    assert known_ratio(0.0, 5.0) == 0.0
