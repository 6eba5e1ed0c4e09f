"""Raw counters and power values become energy; no microjoule is lost or invented."""

from __future__ import annotations

import itertools
from fractions import Fraction

import pytest
from gramwatt_exporter.sensors.counters import Counter, Integrator, difference, plausible
from hypothesis import given
from hypothesis import strategies as st

SECOND = 1_000_000_000


@pytest.mark.slow
@given(
    wraps_at=st.integers(1_000_000, 4_000_000_000),
    start=st.integers(0, 2**48),
    steps=st.lists(st.integers(0, 999_999), max_size=50),
)
def test_wraps_lose_and_invent_nothing(wraps_at: int, start: int, steps: list[int]) -> None:
    true = start % (wraps_at + 1)
    counter, booked = Counter(true, 0), 0
    for number, step in enumerate(steps, 1):
        true += step
        result = counter.advance(true % (wraps_at + 1), number * SECOND, wraps_at)
        assert result is not None
        assert not result.reset
        booked += result.microjoules
    assert booked == sum(steps)


@pytest.mark.slow
@given(
    unit=st.sampled_from([15_258, 15_300, 61_035, 1_000_000]),  # nanojoules, as processors have them
    start=st.integers(0, 2**32 - 1),
    steps=st.lists(st.integers(0, 2**32 - 1), max_size=50),
)
def test_a_register_of_32_bits_loses_nothing_at_a_wrap(unit: int, start: int, steps: list[int]) -> None:
    """The kernel shows counts times unit, cut off below the microjoule; so are we at any time."""

    def shown(counts: int) -> int:
        return counts % 2**32 * unit // 1_000

    counts, booked = start, 0
    counter = Counter(shown(start), 0)
    for number, step in enumerate(steps, 1):
        counts += step
        result = counter.advance(shown(counts), number * SECOND, wraps_at=shown(2**32 - 1))
        assert result is not None
        booked += result.microjoules
        assert 0 <= counts * unit // 1_000 - start * unit // 1_000 - booked <= 1


def test_a_value_that_falls_without_a_wrap_is_a_reset_and_counting_goes_on() -> None:
    counter = Counter(5_000_000, 0)
    step = counter.advance(100, SECOND)
    assert step is not None
    assert step.reset
    assert step.microjoules == 0
    after = counter.advance(1_100, 2 * SECOND)
    assert after is not None
    assert (after.microjoules, after.reset) == (1_000, False)


def test_a_wrap_that_would_need_more_power_than_there_is_is_a_reset() -> None:
    # A driver reload near the start of the range: as a wrap it would mean 262 kJ within one second.
    counter = Counter(1_000_000, 0)
    step = counter.advance(500, SECOND, wraps_at=262_143_328_850, max_watts=400)
    assert step is not None
    assert step.reset


def test_a_spike_beyond_the_plausible_is_not_booked() -> None:
    counter = Counter(0, 0)
    spike = counter.advance(10_000 * 1_000_000, SECOND, max_watts=400)
    assert spike is not None
    assert spike.reset
    good = counter.advance(10_400 * 1_000_000, 2 * SECOND, max_watts=400)
    assert good is not None
    assert good.microjoules == 400_000_000


def test_going_back_over_a_sleep_is_a_reset_even_where_a_wrap_would_fit() -> None:
    night = 8 * 3600 * SECOND
    awake = Counter(1_000_000, 0).advance(500, night, 262_143_328_850, 1000)
    asleep = Counter(1_000_000, 0).advance(500, night, 262_143_328_850, 1000, suspended_ns=night - SECOND)
    assert awake is not None
    assert asleep is not None
    assert (awake.reset, asleep.reset) == (False, True)


def test_the_same_reading_twice_is_no_step() -> None:
    assert Counter(5, 7).advance(5, 7) is None
    assert Integrator(5, 7).advance(9, 7) is None


def test_the_largest_value_is_followed_by_zero() -> None:
    assert difference(99, 0, 99) == 1_000
    assert difference(99, 99, 99) == 0
    assert difference(100, 0, 99) is None  # beyond its own range: not this counter


@pytest.mark.slow
@given(
    unit=st.integers(1_001, 1_000_000),
    counts=st.lists(st.integers(0, 2**32 - 1), min_size=2, max_size=20),
)
def test_a_register_shown_in_microjoules_is_summed_in_its_own_unit(unit: int, counts: list[int]) -> None:
    largest = (2**32 - 1) * unit // 1_000
    counter = Counter(counts[0] * unit // 1_000, 0)
    booked, drawn = 0, 0
    for number, (last, count) in enumerate(itertools.pairwise(counts)):
        step = counter.advance(count * unit // 1_000, (number + 1) * SECOND, wraps_at=largest)
        assert step is not None
        booked += step.microjoules
        drawn += (count - last) % 2**32
    assert booked == drawn * unit // 1_000  # only what is below one microjoule is still carried


def test_plausibility_is_a_share_above_the_maximum() -> None:
    assert plausible(100_000_000, SECOND, 100)
    assert plausible(119_000_000, SECOND, 100)
    assert not plausible(150_000_000, SECOND, 100)
    assert plausible(10**15, SECOND, None)


@pytest.mark.slow
@given(
    first=st.integers(0, 10**10),
    points=st.lists(st.tuples(st.integers(0, 10**10), st.integers(1, 10**11)), min_size=1, max_size=40),
)
def test_integration_is_the_trapezoid_to_the_last_microjoule(
    first: int, points: list[tuple[int, int]]
) -> None:
    integrator, booked, exact, now, last = Integrator(first, 0), 0, Fraction(0), 0, first
    for power, elapsed in points:
        now += elapsed
        step = integrator.advance(power, now)
        assert step is not None
        booked += step.microjoules
        exact += Fraction((last + power) * elapsed, 2 * SECOND)
        last = power
    assert booked == exact // 1  # only what is below one microjoule is still carried


def test_a_counter_that_comes_back_is_booked_once_and_a_reset_one_anew() -> None:
    """A read of 0, and after it the old count or a new one."""
    for after, steps in (
        (1_010_000_000, [(0, True), (10_000_000, False)]),
        (5_000_000, [(0, True), (5_000_000, False)]),
    ):
        counter = Counter(1_000_000_000, 0)
        found = [counter.advance(value, at * 1_000_000_000) for at, value in ((5, 0), (10, after))]
        assert [(step.microjoules, step.reset) for step in found if step is not None] == steps


def test_a_counter_that_leaps_and_goes_on_from_there_books_no_part_of_the_leap() -> None:
    counter = Counter(1_000_000_000, 0)
    values = [3_000_000_000, 3_050_000_000, 3_100_000_000, 3_150_000_000]
    steps = [counter.advance(value, at * 1_000_000_000, None, 1000.0) for at, value in enumerate(values, 1)]
    assert [step and step.microjoules for step in steps] == [0, 50_000_000, 50_000_000, 50_000_000]


def test_what_was_booked_of_a_value_in_doubt_is_taken_off() -> None:
    counter = Counter(100_000_000, 0)
    values = [0, 40_000_000, 80_000_000, 180_000_000]
    steps = [counter.advance(value, at * 1_000_000_000) for at, value in enumerate(values, 1)]
    assert [step and step.microjoules for step in steps] == [0, 40_000_000, 40_000_000, 0]
