"""What survives a restart, and energies that are exact whatever happens."""

from __future__ import annotations

import json
from typing import Any

import pytest
from gramwatt_exporter.config import Duration
from gramwatt_exporter.config.schema import Windows
from gramwatt_exporter.windows import ApiError, WindowBook
from hypothesis import given
from hypothesis import strategies as st
from window_books import ALICE, BOB, ROOT, Clocks, MakeBook, answer, ask


def restart(book: WindowBook, make_book: MakeBook, same_boot: bool = True) -> WindowBook:
    other = make_book()
    assert other.restore(json.loads(json.dumps(book.state())), same_boot) == []
    return other


def test_an_open_window_goes_on_after_a_restart(book: Any, make_book: Any, clocks: Any) -> None:
    window = book.open(ask(), ALICE)
    book.add_process(window.id, (4711, 99))
    book.measured("cpu", "rapl", 0.05, 100)
    book.charge(window.id, "cpu", 10**9, 10**30)
    book.sampled(clocks.wall)
    clocks.run(5)
    book = restart(book, make_book)
    assert book.open_ids == {window.id}
    assert book.get(window.id).processes == {(4711, 99)}
    book.measured("cpu", "rapl", 0.05, 100)
    book.charge(window.id, "cpu", 1, 1)
    clocks.run(5)
    book.stop(window.id, clocks.wall)
    view = book.view(book.get(window.id))
    assert (view.microjoules["cpu"], view.emission_units["cpu"]) == (10**9 + 1, 10**30 + 1)
    assert view.nanoseconds == 10 * 10**9
    assert view.sources == {"cpu": "rapl"}


def test_after_a_reboot_open_windows_end_at_their_last_sample(book: Any, make_book: Any, clocks: Any) -> None:
    window = book.open(ask(), ALICE)
    clocks.run(7)
    book.sampled(clocks.wall)
    clocks.run(600)
    clocks.boot = 10_000_000
    book = restart(book, make_book, same_boot=False)
    shown = answer(book, window.id)
    assert (shown["state"], shown["ended_by"], shown["duration_seconds"]) == ("finished", "exit", 7.0)
    assert shown["end"] == shown["start"] + 7


def test_damaged_entries_are_dropped_one_by_one(book: Any, make_book: Any, clocks: Any) -> None:
    kept = [book.open(ask(), ALICE).id, book.open(ask(), BOB).id]
    state = json.loads(json.dumps(book.state()))
    good = state["windows"][0]
    state["windows"][1:1] = [
        7, {}, {**good, "id": "../x"}, {**good, "microjoules": {"cpu": "x"}}, {**good, "emission_units": {"cpu": "x"}},
        {**good, "state": "odd"}, {**good, "emission_units": None},
    ]  # fmt: skip
    other = make_book()
    assert len(other.restore(state, True)) == 7
    assert [view.id for view in other.frozen()] == kept
    assert make_book().restore({"windows": "x"}, True) == []


events = st.lists(
    st.tuples(
        st.sampled_from(["open", "charge", "cpu", "stop", "sample", "scrape", "expire", "restart", "freeze"]),
        st.integers(0, 5),
        st.integers(0, 10**15),
        st.one_of(st.none(), st.integers(0, 10**25)),
    ),
    max_size=80,
)


@pytest.mark.slow
@given(events)
def test_whatever_happens_energies_are_exact_and_monotonic(steps: Any) -> None:
    clocks = Clocks()
    settings = Windows(max=4, retention=Duration(10))
    book = WindowBook(settings, lambda: clocks.wall, lambda: clocks.boot)
    truth: dict[str, list[Any]] = {}  # id -> energy, emissions, still open
    ids: list[str] = []
    for kind, which, amount, emissions in steps:
        clocks.run(amount % 7)
        target = ids[which % len(ids)] if ids else "none"
        if kind == "open":
            if len(book.open_ids) == 4:
                with pytest.raises(ApiError):
                    book.open(ask(), ROOT)
                continue
            window = book.open(ask(), ROOT)
            ids.append(window.id)
            truth[window.id] = [0, None, True]
        elif kind == "charge":
            book.charge(target, "cpu", amount, emissions)
            if target in truth and truth[target][2]:
                truth[target][0] += amount
                if emissions is not None:
                    truth[target][1] = (truth[target][1] or 0) + emissions
        elif kind == "stop" and target in truth and truth[target][2]:
            book.stop(target, clocks.wall)
            truth[target][2] = False
        elif kind == "sample":
            book.sampled(clocks.wall)
        elif kind == "scrape":
            book.scraped(which)
        elif kind == "expire":
            book.expire(clocks.wall)
        elif kind == "restart":
            state = json.loads(json.dumps(book.state()))
            book = WindowBook(settings, lambda: clocks.wall, lambda: clocks.boot)
            assert book.restore(state, True) == []
        views = {view.id: view for view in book.frozen()}
        assert len(views) <= 4
        assert book.open_ids == {window_id for window_id, (_, _, is_open) in truth.items() if is_open}
        assert book.open_ids <= views.keys()
        for window_id, view in views.items():
            energy, grams, is_open = truth[window_id]
            assert view.total_microjoules == energy
            assert view.total_emission_units == grams
            assert (view.state == "open") == is_open
            assert view.nanoseconds >= 0
