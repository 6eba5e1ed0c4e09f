"""Totals of projects: they stay when windows leave, survive a restart, and begin at 0 in the first scrape."""

from __future__ import annotations

import json
from typing import Any

import pytest
from gramwatt_exporter.config.schema import Windows
from gramwatt_exporter.ledger.first_scrape import FirstScrape
from gramwatt_exporter.processes.row import UNBORN
from gramwatt_exporter.windows import WindowBook
from gramwatt_exporter.windows.projects import MOST_PROJECTS, OTHERS
from hypothesis import given
from hypothesis import strategies as st
from window_books import ALICE, BOB, ask


def totals(book: Any) -> dict[str, tuple[dict[str, int], dict[str, int]]]:
    """What the projects hold, as a scraper sees it that has scraped before."""
    views = book.projects.views(FirstScrape(), UNBORN)
    return {one.project: (dict(one.microjoules), dict(one.emission_units)) for one in views}


def test_windows_of_one_project_add_up_and_stay_when_they_leave(book: Any, clocks: Any) -> None:
    first = book.open(ask(tags={"project": "vision"}), ALICE)
    second = book.open(ask(tags={"project": "vision"}), BOB)
    book.charge(first.id, "cpu", 300, 70)
    book.charge(second.id, "cpu", 200, None)
    book.charge(second.id, "gpu", 1000, 9)
    assert totals(book) == {"vision": ({"cpu": 500, "gpu": 1000}, {"cpu": 70, "gpu": 9})}
    for window in (first, second):
        book.stop(window.id, clocks.wall)
    book.frozen()
    book.scraped(100)
    clocks.run(book.settings.retention + 1)
    assert len(book.expire(clocks.wall)) == 2
    assert totals(book) == {"vision": ({"cpu": 500, "gpu": 1000}, {"cpu": 70, "gpu": 9})}


def test_parts_of_windows_and_windows_without_a_project_are_not_counted(book: Any) -> None:
    outer = book.open(ask(tags={"project": "vision"}), ALICE)
    part = book.open(ask(parent=outer.id, tags={"project": "vision"}), ALICE)
    other = book.open(ask(), ALICE)
    for window in (outer, part, other):
        book.charge(window.id, "cpu", 10, 1)
    assert totals(book) == {"vision": ({"cpu": 10}, {"cpu": 1})}


def test_a_restart_takes_them_back_and_damage_is_said(book: Any, make_book: Any) -> None:
    window = book.open(ask(tags={"project": "vision"}), ALICE)
    book.charge(window.id, "cpu", 10, 2**70)
    state = json.loads(json.dumps(book.state()))
    other = make_book()
    assert other.restore(state, same_boot=True) == []
    assert totals(other) == {"vision": ({"cpu": 10}, {"cpu": 2**70})}
    damaged = make_book()
    (problem,) = damaged.restore({**state, "projects": [["vision", 7, 8]]}, same_boot=True)
    assert "projects" in problem
    assert totals(damaged) == {}
    before = make_book()
    assert before.restore({name: state[name] for name in state.keys() - {"projects"}}, same_boot=True) == []


def test_a_new_component_shows_0_until_it_is_scraped(book: Any) -> None:
    scrapes = FirstScrape()
    scrapes.witnessed(0)
    window = book.open(ask(tags={"project": "vision"}), ALICE)
    book.charge(window.id, "cpu", 10, 3)
    scrapes.begin(1)
    (shown,) = book.projects.views(scrapes, UNBORN)
    assert (shown.microjoules, shown.emission_units) == ({"cpu": 0}, {"cpu": 0})
    scrapes.witnessed(1)
    scrapes.begin(2)
    book.charge(window.id, "gpu", 5, 1)
    (shown,) = book.projects.views(scrapes, UNBORN)
    assert shown.microjoules == {"cpu": 10, "gpu": 0}


def test_there_is_room_for_so_many_projects(book: Any, make_book: Any) -> None:
    for number in range(MOST_PROJECTS + 5):
        window = book.open(ask(tags={"project": f"p{number}"}), ALICE)
        book.charge(window.id, "cpu", 1, None)
        book.discard(window.id)
    found = totals(book)
    assert len(found) == MOST_PROJECTS + 1
    assert found[OTHERS] == ({"cpu": 5}, {})


@pytest.mark.slow
@given(
    st.lists(
        st.tuples(
            st.sampled_from(("a", "b", "")),
            st.integers(0, 2**60),
            st.one_of(st.none(), st.integers(0, 2**80)),
        ),
        max_size=20,
    )
)
def test_no_microjoule_is_lost_or_counted_twice(charges: list[tuple[str, int, int | None]]) -> None:
    book = WindowBook(Windows())
    for project, microjoules, emission_units in charges:
        window = book.open(ask(tags={"project": project} if project else {}), ALICE)
        book.charge(window.id, "cpu", microjoules, emission_units)
        book.discard(window.id)
    found = totals(book)
    for project in ("a", "b"):
        own = [one for one in charges if one[0] == project]
        if own:
            assert found[project][0]["cpu"] == sum(one[1] for one in own)
            assert found[project][1].get("cpu", 0) == sum(one[2] or 0 for one in own)
        else:
            assert project not in found
