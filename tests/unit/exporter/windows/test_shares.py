"""Several users together cannot keep the others, nor root, from recording."""

from __future__ import annotations

import pytest
from gramwatt_exporter.config.schema import Windows
from gramwatt_exporter.windows import ApiError, Peer, WindowBook
from window_books import ROOT, ask


def opened_by(book: WindowBook, owner: Peer) -> int:
    count = 0
    while True:
        try:
            book.open(ask(), owner)
        except ApiError:
            return count
        count += 1


@pytest.mark.slow
def test_there_is_a_window_for_the_next_user_and_some_for_root() -> None:
    book = WindowBook(Windows(max=1000))
    counts = [opened_by(book, Peer(uid=uid, pid=uid, user=str(uid))) for uid in range(1000, 1005)]
    assert counts[0] == 500
    assert min(counts) > 0
    assert sum(counts) <= 900
    assert opened_by(book, ROOT) >= 100


def test_one_window_may_be_had_where_there_is_but_one() -> None:
    assert opened_by(WindowBook(Windows(max=1)), Peer(uid=1000, pid=1, user="alice")) == 1
