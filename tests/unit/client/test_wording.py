"""Numbers for people."""

from __future__ import annotations

from typing import Any

import pytest
from gramwatt.result import Result, from_window
from gramwatt.wording import block, duration, grams, one_line, quantity
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0 J"), (1, "1.00 J"), (999.4, "999 J"), (999.6, "1.00 kJ"), (1234.5, "1.23 kJ"), (0.0123, "12.3 mJ"),
     (3.6e6, "3.60 MJ"), (1.58e-8, "15.8 nJ"), (1e-12, "1.00e-12 J"),
     (None, "unknown"), (float("nan"), "unknown"), (-5.0, "-5.00 J")],
)  # fmt: skip
def test_quantities(value: Any, text: Any) -> None:
    assert quantity(value, "J") == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "0.20 s"),
        (59.96, "60.0 s"),
        (120, "2 min"),
        (3725, "1 h 2 min 5 s"),
        (90000, "1 d 1 h"),
        (None, "unknown"),
    ],
)
def test_durations(seconds: Any, text: Any) -> None:
    assert duration(seconds) == text


def test_tonnes_not_megagrams() -> None:
    assert grams(2.5e6) == "2.50 t"
    assert grams(2500) == "2.50 kg"


@pytest.mark.slow
@given(st.floats(min_value=1e-9, max_value=1e11))
def test_a_written_quantity_is_within_half_a_percent(value: Any) -> None:
    number, unit = quantity(value, "J").split()
    factor = {"GJ": 1e9, "MJ": 1e6, "kJ": 1e3, "J": 1, "mJ": 1e-3, "µJ": 1e-6, "nJ": 1e-9}[unit]
    assert float(number) * factor == pytest.approx(value, rel=0.0051)


def test_below_the_floor_is_said_not_hidden() -> None:
    result = Result("x", "training", joules=0.01, floor_joules=0.5, below_floor=True, seconds=0.1)
    assert "less than 500 mJ" in block(result)
    assert "less than 500 mJ" in one_line(result)


def test_unknown_emissions_say_why() -> None:
    assert "unknown (no grid zone is set)" in block(Result("x", "training", joules=1.0, seconds=1.0))


def test_an_answer_with_wrong_types_counts_as_not_known() -> None:
    result = from_window({"name": 3, "energy_joules": "many", "components": [1], "values": {"a": "b", "c": 1},
                          "duration_seconds": True, "sources": None})  # fmt: skip
    assert (result.name, result.joules, result.seconds, result.values) == ("", None, None, {"c": 1.0})
    assert block(result)
