"""Charts of many runs stay small enough for a page, and show every letter."""

from __future__ import annotations

import random
import re
from xml.etree import ElementTree

import pytest
from gramwatt_labeler.charts.drawing import INK, alone, draw
from gramwatt_labeler.charts.specs import daily_bars, named_bars, trade_off

pytestmark = pytest.mark.slow

LETTERS, COLOURS = "ABCDE", ("#639b30", "#b8ac2b", "#f8b830", "#ef7d29", "#e52421")
MOST_BYTES = 110_000


def test_thousands_of_runs_are_a_chart_of_a_page() -> None:
    chance = random.Random(7)
    points = [
        (10 ** chance.gauss(0, 2), 10 ** chance.gauss(3, 2), chance.choice([*LETTERS, ""]), f"run {number}")
        for number in range(5000)
    ]
    drawing = draw(trade_off(points, ("CO2 (g)", "Energy (J)"), LETTERS, COLOURS), "energy against CO2")
    assert len(drawing) < MOST_BYTES
    for letter, colour in zip(LETTERS, COLOURS, strict=True):
        assert re.search(f'fill="{colour}"[^<>]*>{letter}</text>', drawing)


@pytest.mark.parametrize("points", [[], [(1.0, 2.0, "A", "a")], [(1.0, 2.0, "A", "a"), (1.0, 2.0, "B", "b")]])
def test_few_runs_or_runs_of_one_place_are_drawn(points: list[tuple[float, float, str, str]]) -> None:
    drawing = draw(trade_off(points, ("x", "y"), LETTERS, COLOURS), "few")
    assert [one for one in LETTERS if f">{one}</text>" in drawing] == [letter for _, _, letter, _ in points]


def test_the_ends_of_both_quantities_stand_where_they_are() -> None:
    chance = random.Random(3)
    for _ in range(20):
        points = [
            (10 ** chance.gauss(0, 1), 10 ** chance.gauss(0, 3), chance.choice(LETTERS), "")
            for _ in range(3000)
        ]
        shown = trade_off(points, ("x", "y"), LETTERS, COLOURS)["data"]["values"]
        assert len(shown) < len(points)
        for side, key in enumerate("xy"):
            for end in (min, max):
                assert end(one[key] for one in shown) == end(point[side] for point in points)


def test_a_name_that_looks_like_an_attribute_is_drawn_whole() -> None:
    names = [f'x fill="{INK}" y', 'opacity="0"', "1.23456789"]
    drawing = ElementTree.fromstring(
        draw(named_bars([(name, 9.0, None, None) for name in names], "J"), "names")
    )
    texts = [one.text for one in drawing.iter("{http://www.w3.org/2000/svg}text")]
    assert set(names) <= set(texts)


def test_a_year_of_days_is_a_chart_of_a_page() -> None:
    days = [(f"2026-{month:02}-{day:02}", month * day / 7) for month in range(1, 13) for day in range(1, 29)]
    drawing = draw(daily_bars(days, "kWh"), "energy by day")
    assert len(drawing) < MOST_BYTES
    assert len(re.findall('<path d="M', drawing)) >= len(days)
    assert ">2026-01-01</text>" in drawing


def test_a_chart_that_is_a_picture_has_an_ink_for_the_dark() -> None:
    drawing = alone(draw(daily_bars([("2026-01-01", 1.0), ("2026-01-02", 2.0)], "kWh"), "a > b"))
    style = ElementTree.fromstring(drawing).find("{http://www.w3.org/2000/svg}style")
    assert style is not None
    assert f'[fill="{INK}"]' in str(style.text)
    assert "prefers-color-scheme: dark" in str(style.text)
