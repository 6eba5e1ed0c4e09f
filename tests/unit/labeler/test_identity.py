"""Which series are one counter."""

from __future__ import annotations

from typing import Any

import pytest
from gramwatt_labeler.identity import by_label, main_origin, one_counter, origin_of, targets
from gramwatt_labeler.prometheus import Series
from hypothesis import given
from hypothesis import strategies as st


def series(samples: Any, **labels: Any) -> Series:
    return Series({"__name__": "m", "window": "w", "component": "cpu", **labels}, samples)


A, B = {"replica": "a"}, {"replica": "b"}


def test_the_origin_is_what_the_scrape_adds() -> None:
    one = series([], job="j", instance="i", pod="p", user="u", task="t")
    assert origin_of(one) == (("instance", "i"), ("job", "j"), ("pod", "p"))
    assert targets([one, series([], job="a", instance="b"), one]) == [("a", "b"), ("j", "i")]


def test_the_copy_with_the_most_final_samples_is_the_main_one() -> None:
    finals = [
        series([(1, 9), (2, 9)], **A),
        series([(1.5, 9)], **B),
        series([(3, 9)], **B),
        series([(4, 9)], **B),
    ]
    assert main_origin(finals) == (("replica", "b"),)


def test_copies_that_overlap_are_one_and_never_mixed() -> None:
    mine, lagging = (
        series([(0, 0), (5, 50), (10, 100)], **A),
        series([(1, 0), (6, 10), (11, 60), (12, 61)], **B),
    )
    assert one_counter([mine, lagging], origin_of(mine)) == [(0, 0), (5, 50), (10, 100)]
    assert one_counter([mine, lagging], origin_of(lagging)) == [(1, 0), (6, 10), (11, 60), (12, 61)]


def test_a_series_that_ended_before_the_main_one_is_in_front_of_it() -> None:
    old, new, older = series([(0, 1), (1, 2)], **A), series([(5, 3)], **B), series([(-3, 0)], replica="c")
    assert one_counter([new, older, old], origin_of(new)) == [(-3, 0), (0, 1), (1, 2), (5, 3)]


def test_a_counter_the_main_copy_does_not_have_is_still_there() -> None:
    assert one_counter([series([(0, 1)], **A)], (("replica", "gone"),)) == [(0, 1)]
    assert one_counter([series([], **A)], ()) == ()
    assert one_counter([], ()) == ()


def test_by_label_is_sorted() -> None:
    found = by_label([series([], component="gpu"), series([], component="cpu")], "component")
    assert list(found) == ["cpu", "gpu"]


@pytest.mark.slow
@given(st.lists(st.lists(st.floats(0, 100), min_size=1, max_size=5, unique=True), max_size=6))
def test_times_always_rise(copies: Any) -> None:
    made = [series([(t, t) for t in sorted(times)], replica=str(i)) for i, times in enumerate(copies)]
    times = [t for t, _ in one_counter(made)]
    assert times == sorted(set(times))
