"""A counter against its device's own word on its power, and against a part of itself."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from gramwatt_exporter.sensors.standing_still import CounterCheck, PartCheck
from hypothesis import given
from hypothesis import strategies as st

SECOND = 1_000_000_000
J = W = 1_000_000


def judged(counter: Iterable[tuple[float, float]], power: float, gap: float = 5) -> tuple[list[str], int]:
    """What is said of a counter that shows (joules, watts while it does) every ``gap`` seconds; and calls for power."""
    check, now, said, asked = CounterCheck(), SECOND, [], 0
    for joules, watts in counter:
        if check.wants_power(round(joules * J), now):
            asked += 1
            against = check.refuted_by(round((watts if watts >= 0 else power) * W))
            if against:
                said.append(against)
        now += round(gap * SECOND)
    return said, asked


def steady(watts: float, samples: int, gap: float = 5) -> list[tuple[float, float]]:
    return [(index * watts * gap, -1.0) for index in range(samples)]


@pytest.mark.parametrize("gap", [0.2, 1, 5, 10])
def test_a_counter_that_stands_still_is_refuted_within_a_minute(gap: float) -> None:
    said, _ = judged(steady(0, round(60 / gap), gap), power=247, gap=gap)
    assert said
    assert said[0].startswith("its energy counter counted 0 J in ")
    assert said[0].endswith("while its power was never below 247 W")


def test_a_counter_that_stops_later_is_refuted() -> None:
    counter = steady(100, 300, gap=1)
    assert judged(counter, power=100, gap=1)[0] == []
    assert judged([*counter, *[counter[-1]] * 60], power=100, gap=1)[0]


def test_a_counter_far_below_the_power_is_refuted_in_the_first_minute() -> None:
    assert judged(steady(20, 12), power=247)[0]
    assert judged(steady(140, 12), power=247)[0] == []  # within a factor of two


def test_a_device_that_sleeps_has_a_counter_that_stands_still() -> None:
    assert judged(steady(0, 100), power=0.4)[0] == []


def test_bursts_between_two_reads_are_no_contradiction() -> None:
    """30 W on average; at one read in four the power happens to be 300 W."""
    counter = [(index * 30 * 5.0, 300.0 if index % 4 == 0 else 10.0) for index in range(400)]
    assert judged(counter, power=0)[0] == []


def test_a_counter_that_moves_costs_few_calls() -> None:
    _, asked = judged(steady(100, 720), power=100)  # an hour
    assert asked <= 7 * 7


def test_a_suspend_begins_the_comparison_anew() -> None:
    check = CounterCheck()
    now = SECOND
    for _ in range(50):
        if check.wants_power(5 * J, now):
            assert check.refuted_by(90 * W) == ""
        now += 60 * SECOND  # each time asleep, and nobody knows for how long


@pytest.mark.parametrize("asleep", [3, 8, 20, 28])
@pytest.mark.parametrize("gap", [1, 5])
def test_a_short_suspend_is_no_contradiction(asleep: int, gap: int) -> None:
    for sleeps_at in range(2, 20):
        check, now, joules = CounterCheck(), SECOND, 0
        for look in range(40):
            if check.wants_power(joules * J, now):
                assert check.refuted_by(100 * W) == ""
            now += gap * SECOND
            joules += gap * 100
            if look == sleeps_at:
                now += asleep * SECOND


def test_samples_in_between_do_not_put_a_decision_off() -> None:
    check, now, said = CounterCheck(), SECOND, []
    for look in range(40):
        if check.wants_power(5 * J, now):
            said.append(check.refuted_by(90 * W))
        now += (4 if look % 2 else 1) * SECOND
    assert any(said[:15])


def test_a_counter_that_goes_back_begins_anew() -> None:
    check = CounterCheck()
    assert not check.wants_power(500 * J, SECOND)
    assert not check.wants_power(3 * J, 6 * SECOND)
    assert check.wants_power(3 * J, 12 * SECOND)
    assert check.refuted_by(90 * W) == ""


@pytest.mark.slow
@given(
    st.lists(st.tuples(st.floats(0, 700), st.sampled_from([0.2, 1.0, 5.0, 10.0])), min_size=2, max_size=60),
)
def test_a_right_counter_is_never_refuted(samples: list[tuple[float, float]]) -> None:
    """Whatever the power does, where counter and power are of one device."""
    check, now, joules = CounterCheck(), SECOND, 0.0
    for watts, gap in samples:
        now += round(gap * SECOND)
        joules += watts * gap
        if check.wants_power(round(joules * J), now):
            assert check.refuted_by(round(watts * W)) == ""


def test_a_whole_draws_what_its_part_draws() -> None:
    check, now = PartCheck(), SECOND
    said = []
    for index in range(40):
        whole, part = index * 10 * 5 * J, index * 80 * 5 * J
        if check.due(now):
            said.append(check.refuted_by(whole, part, now))
        now += 5 * SECOND
    assert said[0] == ""
    assert all(text.endswith("while that of a part of it counted 800 J") for text in said[1:])
    check = PartCheck()
    assert check.refuted_by(0, 0, SECOND) == ""
    assert check.refuted_by(0, 2 * J, 11 * SECOND) == ""  # next to nothing
    assert check.refuted_by(-5, 900 * J, 22 * SECOND) == ""  # was reset
