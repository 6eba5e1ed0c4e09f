"""How a run ended: what may be said of it, what of it is kept, and what is published."""

from __future__ import annotations

import json
from typing import Any

import pytest
from gramwatt_exporter.socket_api import bodies
from gramwatt_exporter.windows import ApiError
from gramwatt_exporter.windows.outcome import Outcome, outcome_fields, outcome_labels
from window_books import ALICE, answer, ask


@pytest.mark.parametrize(
    "said",
    [
        {"exit_code": 0},
        {"exit_code": 255},
        {"signal": "SIGKILL"},
        {"signal": "SIGRTMIN+3"},
        {"exception": "ValueError"},
    ],
)
def test_one_of_three_is_kept_and_survives_a_restart(
    book: Any, make_book: Any, clocks: Any, said: Any
) -> None:
    window = book.open(ask(), ALICE)
    book.add_process(window.id, (4711, 99))
    asked = bodies.decode(json.dumps({"outcome": said}).encode(), bodies.Stop)
    book.stop(window.id, clocks.wall, outcome=outcome_fields(asked.outcome))
    assert answer(book, window.id)["outcome"] == said
    other = make_book()
    assert other.restore(json.loads(json.dumps(book.state())), same_boot=True) == []
    assert answer(other, window.id)["outcome"] == said
    ((kind, value),) = said.items()
    view = other.view(other.get(window.id))
    assert outcome_labels(view.outcome, "stop", view.is_automatic) == (kind, str(value))


def test_stopping_again_does_not_change_it(book: Any, clocks: Any) -> None:
    window = book.open(ask(), ALICE)
    book.stop(window.id, clocks.wall, outcome={"exit_code": 1})
    book.stop(window.id, clocks.wall, outcome={"exit_code": 0})
    assert answer(book, window.id)["outcome"] == {"exit_code": 1}


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({}, "outcome"), ({"exit_code": 1, "signal": "SIGKILL"}, "outcome"), ({"exit_code": None}, "outcome"),
        ({"exit_code": 256}, "outcome.exit_code"), ({"exit_code": -1}, "outcome.exit_code"),
        ({"exit_code": "1"}, "outcome.exit_code"), ({"signal": 9}, "outcome.signal"),
        ({"signal": "kill"}, "outcome.signal"), ({"exception": ""}, "outcome.exception"),
        ({"exception": "x" * 129}, "outcome.exception"), ({"exception": "a\nb"}, "outcome.exception"),
        ({"exited": 1}, "exited"), (3, "outcome"), ("failed", "outcome"),
    ],
)  # fmt: skip
def test_anything_else_is_refused_by_name(said: Any, field: Any) -> None:
    with pytest.raises(ApiError) as refused:
        outcome_fields(bodies.decode(json.dumps({"outcome": said}).encode(), bodies.Stop).outcome)
    assert (refused.value.status, refused.value.field) == (400, field)


def test_nothing_said_is_nothing() -> None:
    assert outcome_fields(None) is None
    assert outcome_fields(Outcome(exit_code=3)) == {"exit_code": 3}


@pytest.mark.parametrize(
    ("ended_by", "is_automatic", "label"),
    [
        ("stop", False, "stop"), ("exit", False, "exit"), ("exit", True, "ended"), ("limit", True, "limit"),
        ("stop", True, "stop"),
    ],
)  # fmt: skip
def test_without_a_word_it_is_how_the_window_ended(ended_by: Any, is_automatic: Any, label: Any) -> None:
    assert outcome_labels(None, ended_by, is_automatic) == (label, "")


def test_a_window_of_a_workload_has_no_process_that_it_was_asked_for(book: Any, clocks: Any) -> None:
    window = book.open(ask(), ALICE)
    assert book.view(window).is_automatic
    book.add_process(window.id, (4711, 99))
    assert not book.view(window).is_automatic
    window.processes.clear()  # they may have left it
    assert not book.view(window).is_automatic
