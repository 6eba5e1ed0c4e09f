"""The return on a tactic, against sums done by hand and by another way of counting."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from gramwatt_labeler.roi import Plan, curve, returns, span
from gramwatt_labeler.roi.asked import plan_of, read
from gramwatt_labeler.roi.tactics import tactics
from hypothesis import given, settings
from hypothesis import strategies as st

KWH = 3.6e6


def test_a_case_by_hand() -> None:
    """1 kWh a call becomes 0.5 kWh; 0.20 a kWh; applying it costs 100; 5,000 calls."""
    found = returns(
        Plan(KWH, KWH / 2, calls_per_day=100, calls=5000, price_per_kwh=0.2, cost=100, intensity=50)
    )
    assert found.old_cost == pytest.approx(1000)
    assert found.new_cost == pytest.approx(600)
    assert found.roi == pytest.approx(400 / 600)
    assert found.roi_forever == pytest.approx(1.0)
    assert found.break_even_calls == 1000
    assert found.break_even_days == pytest.approx(10)
    assert found.saved_joules == pytest.approx(2500 * KWH)
    assert found.saved_grams == pytest.approx(2500 * 50)
    assert found.saved_grams_per_year == pytest.approx(0.5 * 100 * 365 * 50)


def test_a_tactic_that_saves_nothing_never_pays_back() -> None:
    base = Plan(100.0, 100.0, 10, 1000, 0.3, cost=5)
    for new in (100.0, 150.0):
        found = returns(replace(base, new_joules=new))
        assert found.break_even_calls is None
        assert found.break_even_days is None
        assert found.saved < 0


def test_edges() -> None:
    free = returns(Plan(100.0, 50.0, 10, 1000, 0.3))
    assert free.break_even_calls == 0
    assert free.saved_grams is None  # no zone: no grams, not zero grams
    nothing_left = returns(Plan(100.0, 0.0, 10, 1000, 0.3))
    assert nothing_left.roi is None  # nothing is spent: a share of nothing is no number
    assert returns(Plan(100.0, 50.0, 10, 1000, 0.0, cost=1)).break_even_calls is None


def test_the_energy_of_applying_it_is_paid_in_money_and_in_carbon() -> None:
    found = returns(Plan(100.0, 50.0, 10, 1000, 0.36, cost_joules=5000.0, intensity=100))
    assert found.carbon_break_even_calls == 100
    assert found.saved_joules == pytest.approx(1000 * 50 - 5000)
    assert found.break_even_calls == 100


money = st.floats(min_value=0, max_value=1e6)
joules = st.floats(min_value=1e-3, max_value=1e9)


@pytest.mark.slow
@given(old=joules, new=joules, cost=money, price=st.floats(min_value=0.01, max_value=2))
@settings(deadline=None)
def test_break_even_is_where_the_sums_cross(old: float, new: float, cost: float, price: float) -> None:
    plan = Plan(old, new, 1, 1000, price, cost)
    even = returns(plan).break_even_calls
    if even is None:
        assert new >= old
        return
    after = returns(replace(plan, calls=even + 1))
    assert after.saved > 0 or math.isclose(after.old_cost, after.new_cost)
    if even > 0:
        before = returns(replace(plan, calls=even))
        assert before.saved <= 1e-9 * max(1.0, before.old_cost)


def test_the_curve_reaches_beyond_the_break_even() -> None:
    plan = Plan(KWH, KWH / 2, 100, 10, 0.2, cost=100)
    points = curve(plan)
    assert points[0] == (0.0, 0.0, 100.0)
    assert points[-1][0] == 2000
    assert points[-1][1] > points[-1][2]


def test_every_tactic_names_its_source_and_a_range_that_holds_its_expectation() -> None:
    assert len({one.id for one in tactics()}) == len(tactics()) >= 12
    for one in tactics():
        assert one.source.url.startswith("https://")
        if one.expected is not None:
            assert one.derived
            assert (one.low or 0) <= one.expected <= (one.high or 1)
    low, high = span(Plan(100.0, 100.0, 1, 1000, 0.3), [0.2, 0.5])
    assert low.saved < high.saved


def test_the_cost_of_applying_is_no_difference_of_large_numbers() -> None:
    plan = Plan(1e6, 1e5, 1.0, 1e17, 1.0, cost=2.0, cost_joules=3.6e6)
    assert returns(plan).new_cost > 1e15
    assert plan.applying_cost == 3


def test_a_saving_is_the_share_that_it_says() -> None:
    """0.9 of 10 kWh is 9 kWh: nine of money are back after one call, and not after none."""
    values, wrong = read({"old": "10 kWh", "saving": "90 %", "price": "1", "cost": "9", "calls_per_day": "1"})
    assert not wrong
    outcome = returns(plan_of(values))
    assert (outcome.break_even_calls, outcome.roi_forever) == (1, 9.0)


@pytest.mark.parametrize("field", ["old", "new", "price", "calls_per_day", "calls"])
def test_a_number_that_nothing_can_be_divided_by_is_asked_back(field: str) -> None:
    form = {"old": "120", "new": "70", "price": "0.25", "cost": "500", "calls_per_day": "20000"}
    for text in ("5e-324", "1e-300", "0,000000000000000000001"):
        assert "smallest number accepted" in read(form | {field: text})[1][field]
    for text in ("1e-18", "1e18"):
        values, wrong = read(form | {field: text})
        assert not wrong
        returns(plan_of(values))
