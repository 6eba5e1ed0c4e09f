"""What may be said about two values with an uncertainty."""

from __future__ import annotations

import pytest
from gramwatt_labeler.compare import Quantity, comparable_units, difference


@pytest.mark.parametrize(
    ("one", "base", "words"),
    [
        (Quantity(75, 0.05), Quantity(100, 0.05), "25 % less (±5.3 %)"),
        (Quantity(95, 0.05), Quantity(100, 0.05), "not distinguishable"),
        (Quantity(300, 0.01), Quantity(100, 0.01), "3 times (±0.042)"),
        (Quantity(75), Quantity(100, 0.05), "25 % less (uncertainty not known)"),
        (Quantity(100), Quantity(100), "the same (uncertainty not known)"),
    ],
)
def test_a_difference_in_words(one: Quantity, base: Quantity, words: str) -> None:
    found = difference(one, base)
    assert found is not None
    assert found.text == words


def test_spans_that_touch_are_not_distinguishable() -> None:
    found = difference(Quantity(110, 0.0), Quantity(100, 0.1))
    assert found is not None
    assert found.distinguishable is False


def test_there_is_no_difference_to_nothing() -> None:
    assert difference(Quantity(1), Quantity(0)) is None
    assert difference(Quantity(float("nan")), Quantity(1)) is None


def test_units_compare_only_with_themselves() -> None:
    assert comparable_units(["token", "token"]) == "token"
    assert comparable_units(["token", "sample"]) == ""
    assert comparable_units(["", ""]) == ""
