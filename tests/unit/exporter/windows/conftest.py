"""A book of windows on clocks moved by hand."""

from __future__ import annotations

import pytest
from gramwatt_exporter.config import Duration
from gramwatt_exporter.config.schema import Windows
from gramwatt_exporter.windows import WindowBook
from window_books import Clocks, MakeBook


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def make_book(clocks: Clocks) -> MakeBook:
    def make(most: int = 1000, retention: float = 3600) -> WindowBook:
        settings = Windows(max=most, retention=Duration(retention))
        return WindowBook(settings, lambda: clocks.wall, lambda: clocks.boot)

    return make


@pytest.fixture
def book(make_book: MakeBook) -> WindowBook:
    return make_book()
