"""The labeler's equivalents are the client's, and a year is 365 days of them."""

from __future__ import annotations

import gramwatt.equivalents as client
import pytest
from gramwatt_labeler.equivalents import equivalents, per_year


@pytest.mark.parametrize(
    ("joules", "grams"), [(3.6e6, 420.0), (None, 1.0), (1.0, None), (None, None), (0.0, 0.0)]
)
def test_what_client_and_labeler_both_say_is_equal(joules: float | None, grams: float | None) -> None:
    own = {one.what: (one.amount, one.source) for one in equivalents(joules, grams)}
    for theirs in client.equivalents(joules, grams):
        assert own[theirs.what] == (theirs.amount, theirs.source)


def test_a_flight_and_a_tree_against_their_sources() -> None:
    found = {one.what: one.amount for one in equivalents(None, 1984 * 453.59237)}
    assert found["flights New York to San Francisco and back, one passenger"] == pytest.approx(1.0)
    assert found["years of growth of a city tree"] == pytest.approx(899.927 / 6, rel=1e-3)


def test_what_is_not_known_stays_unknown_over_a_year() -> None:
    assert per_year(None, 3) is None
    assert per_year(2.0, 3) == 2190.0
