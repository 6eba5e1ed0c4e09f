"""More evaluations than a list counts: pages, letters and searches are those of the whole list."""

from __future__ import annotations

import pytest
from gramwatt_labeler.store import Filters, Store
from gramwatt_labeler.store.listing import MOST_COUNTED
from many_evaluations import put_many

NOW = 1_800_000_000.0
MORE = MOST_COUNTED + 3
FIRST = [f"e-{MORE - 1 - n}" for n in range(5)]


@pytest.fixture
def many(store: Store) -> Store:
    put_many(store, MORE, NOW)
    return store


def ids(store: Store, filters: Filters, sort: str = "-ended", cursor: str = "") -> list[str]:
    page = store.page(filters, "gaissa", sort, cursor, limit=5)
    return [one.evaluation.id for one in page.rows]


def test_what_is_narrowed_is_counted_so_far(many: Store) -> None:
    for filters in (
        Filters(q="STEP"),
        Filters(task="vision"),
        Filters(letter="B"),
        Filters(q="ste", letter="B"),
    ):
        page = many.page(filters, "gaissa", limit=5)
        assert (page.total, page.are_more) == (MOST_COUNTED, True), filters
        assert [one.evaluation.id for one in page.rows] == FIRST, filters
    for filters in (Filters(), Filters(parent="")):
        page = many.page(filters, "gaissa", limit=5)
        assert (page.total, page.are_more) == (MORE, False)
    some = many.page(Filters(q="step", since=NOW + 3), "gaissa", limit=5)
    assert (some.total, some.are_more) == (MOST_COUNTED, False)
    assert [one.evaluation.id for one in some.rows] == FIRST
    assert many.count("gaissa", "step") == MOST_COUNTED + 1
    assert many.count("gaissa") == MORE


def test_a_search_that_finds_many_goes_on_where_its_page_ended(many: Store) -> None:
    for sort, second in (("-ended", f"e-{MORE - 6}"), ("ended", "e-5")):
        for q in ("step", ""):
            first = many.page(Filters(q=q), "gaissa", sort, limit=5)
            assert ids(many, Filters(q=q), sort, first.next)[0] == second


def test_texts_to_choose_from_are_each_there_once(many: Store) -> None:
    assert (many.values("task"), many.values("user"), many.values("phase")) == (
        ["vision"],
        ["ann"],
        ["training"],
    )
    assert [one.window.id for one in many.recent(2, "gaissa", offset=3)] == FIRST[3:]
    assert [one.window.id for one in many.recent(2, search="step")] == FIRST[:2]
    assert many.recent(2, search="nothing") == []
