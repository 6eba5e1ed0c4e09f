"""A wall clock that is set while windows are held: lengths, order and retention go on by the boot clock."""

from __future__ import annotations

import json
from typing import Any

import pytest
from gramwatt_exporter.windows.persistence import dump_window
from window_books import ALICE, BOB, answer, ask

HOUR = 3600
STEPS = [
    HOUR,
    -HOUR,
    56 * 365 * 24 * HOUR,
]  # the clock change of a machine in local time; NTP after a start in 1970


def length(book: Any, window_id: str) -> float:
    shown = answer(book, window_id)
    return round(float(shown["end"]) - float(shown["start"]), 3)


@pytest.mark.parametrize("step", STEPS)
def test_an_open_window_keeps_its_length_when_the_clock_is_set(book: Any, clocks: Any, step: Any) -> None:
    window = book.open(ask(), ALICE)
    clocks.run(4)
    book.sampled(clocks.wall)
    clocks.wall += step
    clocks.run(2)
    late = book.open(ask(), BOB)  # by the new clock already
    clocks.run(3)
    book.sampled(clocks.wall)
    assert round(clocks.wall - book.get(window.id).start, 3) == 9
    clocks.run(1)
    for one, seconds in ((window, 10), (late, 4)):
        book.stop(one.id, clocks.wall)
        assert length(book, one.id) == answer(book, one.id)["duration_seconds"] == seconds
        assert answer(book, one.id)["end"] == clocks.wall


@pytest.mark.parametrize("step", STEPS)
def test_one_that_no_sample_saw_after_the_step_does_too(book: Any, clocks: Any, step: Any) -> None:
    window = book.open(ask(), ALICE)
    clocks.run(4)
    clocks.wall += step
    book.stop(window.id, clocks.wall)
    assert length(book, window.id) == 4


@pytest.mark.parametrize("step", STEPS)
def test_so_does_one_over_a_restart_in_which_the_clock_was_set(
    book: Any, make_book: Any, clocks: Any, step: Any
) -> None:
    window = book.open(ask(), ALICE)
    clocks.run(4)
    book.sampled(clocks.wall)
    clocks.wall += step
    clocks.run(5)
    again = make_book()
    assert again.restore(json.loads(json.dumps(book.state())), same_boot=True) == []
    again.sampled(clocks.wall)
    again.stop(window.id, clocks.wall)
    assert length(again, window.id) == 9


def test_a_reboot_after_the_step_ends_it_with_its_length(book: Any, make_book: Any, clocks: Any) -> None:
    window = book.open(ask(), ALICE)
    clocks.wall += STEPS[-1]
    clocks.run(7)
    book.sampled(clocks.wall)
    again = make_book()
    assert again.restore(json.loads(json.dumps(book.state())), same_boot=False) == []
    assert answer(again, window.id)["duration_seconds"] == 7.0
    assert length(again, window.id) == 7


def test_a_correction_of_less_than_a_second_moves_no_start(book: Any, clocks: Any) -> None:
    window = book.open(ask(), ALICE)
    start = clocks.wall
    for _ in range(5):
        clocks.run(5)
        clocks.wall += 0.05
        book.sampled(clocks.wall)
    assert book.get(window.id).start == start


def test_a_window_that_ended_in_the_future_leaves_after_the_retention(make_book: Any, clocks: Any) -> None:
    """The clock was decades ahead for a while."""
    book = make_book(retention=HOUR)
    clocks.wall += STEPS[-1]
    window = book.open(ask(), ALICE)
    clocks.run(1)
    book.stop(window.id, clocks.wall)
    clocks.wall -= STEPS[-1]
    book.frozen()
    book.scraped(10)
    gone = []
    for _ in range(5):
        gone.append(book.expire(clocks.wall))
        clocks.run(HOUR / 4)
    assert gone == [[], [], [], [], [window.id]]


def test_windows_keep_their_order_when_the_clock_is_set_back_between_restarts(
    book: Any, make_book: Any, clocks: Any
) -> None:
    opened = []
    for number in range(4):
        opened.append(book.open(ask(name=str(number)), ALICE).name)
        clocks.run(5)
        book.sampled(clocks.wall)
        clocks.wall -= HOUR
        again = make_book()
        assert again.restore(json.loads(json.dumps(book.state())), same_boot=True) == []
        book = again
    assert [window.name for window in book.find(ALICE)] == opened[::-1]


@pytest.mark.parametrize("step", STEPS)
def test_the_journal_tells_of_a_clock_that_was_set_before_a_kill(
    book: Any, make_book: Any, clocks: Any, step: Any
) -> None:
    """The ledger knows the earlier clock alone, and the window in the journal began by the later one."""
    early = book.open(ask(), ALICE)
    clocks.run(4)
    book.sampled(clocks.wall)
    saved = json.loads(json.dumps(book.state()))
    clocks.wall += step
    clocks.run(2)
    late = book.open(ask(), BOB)
    answered = json.loads(json.dumps(dump_window(late)))
    clocks.run(3)
    again = make_book()
    assert again.restore(saved, same_boot=True) + again.replay([(answered, True)]) == []
    again.sampled(clocks.wall)
    for one, seconds in ((early, 9), (late, 3)):
        again.stop(one.id, clocks.wall)
        assert length(again, one.id) == answer(again, one.id)["duration_seconds"] == seconds
        assert answer(again, one.id)["end"] == clocks.wall


def test_a_reboot_before_the_first_sample_by_the_new_clock_keeps_its_length(
    book: Any, make_book: Any, clocks: Any
) -> None:
    early = book.open(ask(), ALICE)
    clocks.run(7)
    book.sampled(clocks.wall)
    clocks.wall += STEPS[-1]
    book.open(ask(), BOB)
    again = make_book()
    assert again.restore(json.loads(json.dumps(book.state())), same_boot=False) == []
    assert answer(again, early.id)["duration_seconds"] == 7.0


@pytest.mark.parametrize("step", STEPS)
def test_a_state_of_between_a_step_and_a_sample_is_of_one_clock(
    book: Any, make_book: Any, clocks: Any, step: Any
) -> None:
    early = book.open(ask(), ALICE)
    clocks.run(4)
    book.sampled(clocks.wall)
    clocks.wall += step
    late = book.open(ask(), BOB)
    clocks.run(2)
    again = make_book()
    assert again.restore(json.loads(json.dumps(book.state())), same_boot=True) == []
    again.sampled(clocks.wall)
    for one, seconds in ((early, 6), (late, 2)):
        again.stop(one.id, clocks.wall)
        assert length(again, one.id) == seconds


@pytest.mark.parametrize("step", STEPS)
def test_so_does_one_that_no_sample_saw_before_the_restart(
    book: Any, make_book: Any, clocks: Any, step: Any
) -> None:
    book.sampled(clocks.wall)
    clocks.run(3)
    window = book.open(ask(), ALICE)
    saved = json.loads(json.dumps(book.state()))
    clocks.wall += step
    clocks.run(4)
    again = make_book()
    assert again.restore(saved, same_boot=True) == []
    again.sampled(clocks.wall)
    again.stop(window.id, clocks.wall)
    assert length(again, window.id) == 4
