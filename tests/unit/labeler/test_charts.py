"""The charts' axes and titles: no month is left out, and what has no letter is said."""

from __future__ import annotations

import re

import pytest
from gramwatt_labeler.charts.calendar_axis import without_holes
from gramwatt_labeler.charts.drawing import draw
from gramwatt_labeler.charts.specs import circles, daily_bars, monthly, of_all, share_bars


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ([], []),
        (["2026-11"], ["2026-11"]),
        (["2022-11", "2023-02"], ["2022-11", "2022-12", "2023-01", "2023-02"]),
        (["2026-02-27", "2026-03-01"], ["2026-02-27", "2026-02-28", "2026-03-01"]),
        (["?", "2026-02-27"], ["?", "2026-02-27"]),  # no day
        (["1970-01-01", "2026-02-27"], ["1970-01-01", "2026-02-27"]),  # more than there is room for
        (["9999-12-30", "9999-12-31", "?"], ["9999-12-30", "9999-12-31", "?"]),
    ],
)
def test_a_month_or_day_of_which_nothing_is_known_has_its_place(
    known: list[str], expected: list[str]
) -> None:
    assert without_holes(known) == expected


def test_two_months_a_year_apart_are_drawn_a_year_apart() -> None:
    rows = [("2020-10", 1.0, 2.0, 3.0), ("2021-10", 1.0, 2.0, 3.0), ("2021-11", 1.0, 2.0, 3.0)]
    drawing = draw(monthly(rows, "g"), "months")
    one, two, three = sorted(
        {float(x) for x in re.findall(r'"translate\(([\d.]+),[\d.]+\)" d="M[\d.]+,0A', drawing)}
    )
    assert two - one == pytest.approx(12 * (three - two), rel=0.001)
    days = [("2026-11-01", 1.0), ("2026-11-13", 2.0)]
    for spec in (
        share_bars([("2020-10", 1, 2), ("2021-10", 1, 2)], ("a", "b")),
        daily_bars(days, "Wh"),
    ):
        assert len(spec["encoding"]["x"]["scale"]["domain"]) == 13


def test_a_title_says_how_many_have_no_letter() -> None:
    assert of_all({"A": 1, "B": 2, "": 1200}, "AB") == ": 3 of 1,203"
    assert of_all({"A": 1, "B": 2}, "AB") == ""
    assert (circles(["A", ""]), circles(["A"])) == (" (a circle has no letter)", "")
