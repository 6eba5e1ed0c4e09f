"""How many windows the book holds, and which leave."""

from __future__ import annotations

from typing import Any

import pytest
from gramwatt_exporter.windows import ApiError
from window_books import ALICE, BOB, ROOT, ask


def test_open_windows_are_never_pushed_out(make_book: Any, clocks: Any) -> None:
    book = make_book(4)
    mine = [book.open(ask(), ALICE).id for _ in range(2)]
    with pytest.raises(ApiError) as raised:
        book.open(ask(), ALICE)  # half is the most for one user
    assert raised.value.status == 409
    his = [book.open(ask(), BOB).id for _ in range(2)]
    with pytest.raises(ApiError) as raised:
        book.open(ask(), ROOT)
    assert raised.value.status == 409
    assert book.open_ids == {*mine, *his}
    book.stop(mine[0], clocks.wall)
    assert book.open(ask(), ROOT).id in book.open_ids
    assert len(book) == 4


def test_the_user_with_most_finished_windows_gives_way(make_book: Any, clocks: Any) -> None:
    book = make_book(6)
    his = book.open(ask(), BOB)
    book.stop(his.id, clocks.wall)
    for _ in range(40):
        book.stop(book.open(ask(), ALICE).id, clocks.wall)
    assert [window.id for window in book.find(BOB)] == [his.id]
    assert len(book) == 6


def test_windows_that_were_scraped_enough_give_way_first(make_book: Any, clocks: Any) -> None:
    book = make_book(3)
    seen = book.open(ask(), ALICE)
    book.stop(seen.id, clocks.wall)
    book.frozen()
    book.scraped(5)
    for _ in range(2):
        book.stop(book.open(ask(), BOB).id, clocks.wall)
    book.open(ask(), BOB)
    assert seen.id not in {window.id for window in book.find(ROOT)}
    assert len(book) == 3


def test_a_finished_window_leaves_after_retention_and_five_scrapes(make_book: Any, clocks: Any) -> None:
    book = make_book(retention=60)
    window = book.open(ask(), ALICE)
    still = book.open(ask(), ALICE)
    book.scraped(100)
    book.stop(window.id, clocks.wall)
    book.scraped(100)  # of snapshots in which it was still open
    book.frozen()
    clocks.run(3600)
    for _ in range(4):
        book.scraped()
        assert book.expire(clocks.wall) == []
    book.scraped()
    assert book.expire(clocks.wall) == [window.id]
    assert [view.id for view in book.frozen()] == [still.id]


def test_a_window_that_was_scraped_stays_for_the_retention(make_book: Any, clocks: Any) -> None:
    book = make_book(retention=60)
    window = book.open(ask(), ALICE)
    book.stop(window.id, clocks.wall)
    book.frozen()
    book.scraped(1000)
    clocks.run(59)
    assert book.expire(clocks.wall) == []
    clocks.run(1)
    assert book.expire(clocks.wall) == [window.id]
