"""Evaluations of every origin: kept with their grades, found by filter and search, paged without a gap."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from gramwatt_labeler.errors import Duplicate, InputError, NotFound, Rejected, TakenBack
from gramwatt_labeler.model import Grade, Graded, Measurement, ScaleId, Window
from gramwatt_labeler.store import (
    DEFAULT_SORT,
    SORTS,
    Evaluation,
    Filters,
    Given,
    Layer,
    Measure,
    MetricGrade,
    ModelFacts,
    Origin,
    Store,
)
from gramwatt_labeler.store.catalogue import Catalogue
from gramwatt_labeler.store.listing import encode_cursor
from gramwatt_labeler.store.people import People

NOW = 1_800_000_000.0
SCALE = ScaleId("gaissa", "1", "2026-01-01", "a" * 64)
NEWER = ScaleId("gaissa", "2", "2026-02-01", "b" * 64)


def typed(**changes: Any) -> Evaluation:
    """What a form gives."""
    facts: dict[str, Any] = {
        "id": "", "name": "my own", "phase": "training", "start": NOW, "end": NOW, "model": "acme/net",
        "task": "vision", "dataset": "digits", "user": "ann", "values": {"accuracy": 0.9},
    }  # fmt: skip
    return Evaluation(
        window=Window(**(facts | changes)),
        measurement=None,
        origin=Origin.FORM,
        measures={
            "downloads": Measure(1200.0, "1,200", "", layer=Layer.FORM),
            "file_size": Measure(5e8, "0,5", "GB", layer=Layer.FORM),
        },
        emissions_grams=12.5,
        created_at=NOW,
        created_by="ann",
    )


def letter(text: str | None, scale: ScaleId = SCALE, **changes: Any) -> Given:
    metrics = (MetricGrade("downloads", 1200.0, 0.4, "B"), MetricGrade("file_size", 5e8, None, None))
    return Given(
        Grade(scale, text, "" if text else "something is missing", **changes), metrics if text else ()
    )


def test_an_evaluation_comes_back_as_it_was_given(store: Store) -> None:
    given = typed()
    its_id = store.add_evaluation(given, [letter("B")])
    assert len(its_id) == 26
    found = store.evaluation(its_id)
    assert found.evaluation == replace(given, window=replace(given.window, id=its_id))
    assert found.grades["gaissa"].grade.letter == "B"
    assert list(found.metric_grades["gaissa"]) == list(letter("B").metrics)
    assert store.get(its_id)[0].grade.letter == "B"
    with pytest.raises(NotFound, match="'nothing'"):
        store.evaluation("nothing")


def test_the_same_typed_again_is_refused_with_the_one_that_is_there(store: Store) -> None:
    first = store.add_evaluation(typed())
    with pytest.raises(Duplicate) as caught:
        store.add_evaluation(typed(start=NOW + 60, end=NOW + 60))
    assert caught.value.existing == first
    assert store.add_evaluation(typed(dataset="other")) != first
    assert store.page().total == 2


def test_the_same_energy_of_two_recorded_windows_is_no_duplicate(store: Store) -> None:
    measured = Measurement(10.0, {"cpu": 10.0}, 12, 1.0)
    for name in ("w1", "w2"):
        window = Window(name, "train", "training", NOW, NOW + 10)
        assert store.add(Graded(window, measured, Grade(SCALE, "A"), NOW))
    with pytest.raises(Duplicate) as caught:
        store.add_evaluation(
            Evaluation(window=Window("w1", "", "", 0, 0), measurement=None, origin=Origin.RANGE)
        )
    assert caught.value.existing == "w1"


def test_the_newest_are_counted_by_evaluation_whatever_scales_they_are_on(store: Store) -> None:
    measured = Measurement(10.0, {"cpu": 10.0}, 12, 1.0)
    for number in range(3):
        window = Window(f"w{number}", "train", "training", NOW, NOW + number)
        for scale in (SCALE, replace(SCALE, name="other", sha256="c" * 64)):
            assert store.add(Graded(window, measured, Grade(scale, "A"), NOW))
    newest = [(one.window.id, one.grade.scale.name) for one in store.newest(2)]
    assert newest == [("w2", "gaissa"), ("w2", "other"), ("w1", "gaissa"), ("w1", "other")]


def test_a_newer_version_of_a_scale_replaces_the_letter_and_keeps_the_old_one(store: Store) -> None:
    its_id = store.add_evaluation(typed(), [letter("B")])
    store.mark_annotated(its_id, "gaissa")
    store.regrade(its_id, [letter("D", NEWER)], NOW + 1)
    assert [one.grade.text for one in store.get(its_id)] == ["D"]
    assert store.evaluation(its_id).grades["gaissa"].grade.scale == NEWER
    assert store.not_annotated(0, ["gaissa"]) == []
    assert not store.add(replace(store.get(its_id)[0], graded_at=NOW + 2))
    store.regrade(its_id, [letter("B")], NOW + 3)  # back again
    assert [one.grade.text for one in store.get(its_id)] == ["B"]
    with pytest.raises(NotFound):
        store.regrade("nothing", [letter("B")], NOW)


@pytest.fixture
def filled(store: Store) -> Store:
    for n in range(23):
        evaluation = typed(
            id=f"e{n:02}", name=f"run {n % 7}", model="acme/net" if n % 2 else "other", task=f"t{n % 3}",
            phase="inference" if n % 5 == 0 else "training", end=NOW + (n // 4) * 10, user="bob" if n == 3 else "ann",
            instance="node-a:1" if n > 20 else "",
        )  # fmt: skip
        energy = None if n % 4 == 0 else Measurement(float(n % 6), {"cpu": float(n % 6)}, None, None)
        given = letter("ABC"[n % 3], energy_per_unit_joules=float(n % 5)) if n % 4 else letter(None)
        store.add_evaluation(
            replace(evaluation, measurement=energy, emissions_grams=float(n)), [given] if n else []
        )
    return store


def test_many_are_kept_at_once_and_each_has_its_own_answer(store: Store) -> None:
    there = store.add_evaluation(typed(id="there"))
    many = [
        typed(id="one", model="acme/first"),
        typed(id="there", end=NOW + 1),
        replace(typed(id="undefined", model="acme/second"), extra={"no such field": "x"}),
        typed(id="two", end=NOW + 2, model="acme/second"),  # its model was made by a row that was taken back
        typed(id="one", end=NOW + 3),
    ]
    first, known, refused, second, again = store.add_each([(one, ()) for one in many])
    assert (first, second) == ("one", "two")
    assert isinstance(known, Duplicate)
    assert isinstance(again, Duplicate)
    assert (known.existing, again.existing) == (there, "one")
    assert isinstance(refused, Rejected)
    assert {one.evaluation.id for one in store.page().rows} == {"there", "one", "two"}
    assert store.evaluation("two").evaluation.window.model == "acme/second"
    assert sorted(one.facts.name for one in store.models()) == ["first", "net", "second"]
    assert store.add_each([]) == []


def test_pages_by_cursor_hold_every_row_once_in_order(filled: Store) -> None:
    for sort in SORTS:
        _check_pages(filled, sort, Filters())


def test_pages_of_a_search_hold_every_row_once_in_order(filled: Store) -> None:
    for sort in SORTS:
        _check_pages(filled, sort, Filters(q="digits"))


def _check_pages(filled: Store, sort: str, filters: Filters) -> None:
    seen: list[str] = []
    cursor = ""
    while True:
        page = filled.page(filters, "gaissa", sort, cursor, limit=4)
        seen += [one.evaluation.id for one in page.rows]
        assert page.total == 23
        cursor = page.next
        if not cursor:
            break
    assert len(seen) == len(set(seen)) == 23
    whole = filled.page(filters, "gaissa", sort, limit=100)
    assert seen == [one.evaluation.id for one in whole.rows]
    keys: dict[str, Callable[[Any], Any]] = {
        "energy": lambda one: one.evaluation.measurement and one.evaluation.measurement.energy_joules,
        "ended": lambda one: one.evaluation.window.end,
        "name": lambda one: one.evaluation.window.name,
        "emissions": lambda one: one.evaluation.emissions_grams,
        "per_unit": lambda one: one.graded and one.graded.grade.energy_per_unit_joules,
        "letter": lambda one: one.graded and one.graded.grade.letter,
    }
    values = [keys[sort.removeprefix("-")](one) for one in whole.rows]
    known = [value for value in values if value is not None]
    assert values[: len(known)] == sorted(known, reverse=sort.startswith("-"))  # what is not known comes last


def test_a_row_that_comes_between_two_pages_moves_none(filled: Store) -> None:
    first = filled.page(limit=5, scale="gaissa")
    filled.add_evaluation(typed(id="newest", end=NOW + 1000))
    second = filled.page(limit=100, scale="gaissa", cursor=first.next)
    assert {one.evaluation.id for one in (*first.rows, *second.rows)} == {f"e{n:02}" for n in range(23)}


_NARROWED: list[tuple[Filters, Callable[[int], Any]]] = [
    (Filters(task="t1"), lambda n: n % 3 == 1),
    (Filters(phase="inference"), lambda n: n % 5 == 0),
    (Filters(model="acme/net"), lambda n: n % 2),
    (Filters(model="acme/net", task="t0", phase="training"), lambda n: n % 2 and n % 3 == 0 and n % 5),
    (Filters(model="net"), lambda n: False),
    (Filters(user="bob"), lambda n: n == 3),
    (Filters(host="node-a:1"), lambda n: n > 20),
    (Filters(host="no such"), lambda n: False),
    (Filters(dataset="digits"), lambda n: True),
    (Filters(origin="form"), lambda n: True),
    (Filters(origin="hub"), lambda n: False),
    (Filters(letter="C"), lambda n: n % 4 and n % 3 == 2),
    (Filters(letter="none"), lambda n: n % 4 == 0),
    (Filters(since=NOW + 30), lambda n: n // 4 >= 3),
    (Filters(until=NOW + 30), lambda n: n // 4 < 3),
    (Filters(q="RUN 3"), lambda n: n % 7 == 3),
    (Filters(q="e1"), lambda n: 10 <= n < 20),
    (Filters(q="%"), lambda n: False),
    (Filters(q="is missing"), lambda n: n and n % 4 == 0),
    (Filters(q="'; DROP TABLE"), lambda n: False),
    (Filters(parent=""), lambda n: True),
]


def test_a_filter_gives_those_and_no_others(filled: Store) -> None:
    for filters, wanted in _NARROWED:
        page = filled.page(filters, "gaissa", limit=100)
        found = {one.evaluation.id for one in page.rows}
        assert found == {f"e{n:02}" for n in range(23) if wanted(n)}, filters
        assert page.total == len(page.rows)


def test_a_cursor_that_no_list_gave_is_refused(store: Store) -> None:
    for cursor in [
        "x",
        "é",
        "\x00",
        "bnVsbA",
        "W10",
        "WyItZW5kZWQiLDFlOTk5LCJhIl0",
        "A" * 2000,
        "W1tbW1tbW1tb",
    ]:
        with pytest.raises(InputError, match=r"^cursor: "):
            store.page(cursor=cursor)


def test_a_cursor_of_another_order_and_an_unknown_order_are_refused(filled: Store) -> None:
    cursor = filled.page(limit=2).next
    with pytest.raises(InputError, match="another order"):
        filled.page(sort="name", cursor=cursor)
    with pytest.raises(InputError, match="sort: 'colour' is no order; allowed: .*" + DEFAULT_SORT):
        filled.page(sort="colour")


def test_a_model_is_one_row_whatever_names_it(store: Store) -> None:
    store.add_evaluation(typed())
    known = store.put_model(
        ModelFacts("acme", "net", parameters=7e9, library="torch", hub_id="acme/net"), NOW + 5
    )
    store.add_evaluation(typed(task="other"))
    (model,) = store.models()
    assert (model.id, model.evaluations, model.facts.parameters) == (known, 2, 7e9)
    store.put_model(ModelFacts("acme", "net", note="checked"), NOW + 6)
    model = store.model(known)
    assert (model.facts.library, model.facts.note, model.updated_at) == ("torch", "checked", NOW + 6)
    other = store.put_model(ModelFacts("", "Größe"), NOW)
    assert [one.id for one in store.models(q="ACME")] == [known]
    assert [one.id for one in store.models(after=known)] == [other]
    with pytest.raises(Duplicate) as caught:
        store.put_model(ModelFacts("acme", "copy", hub_id="acme/net"), NOW)
    assert caught.value.existing == str(known)
    with pytest.raises(NotFound):
        store.model(999)


def test_characters_that_no_database_takes_are_replaced_everywhere(store: Store) -> None:
    odd = replace(typed(name="a\0b", model="x/\ud800", dataset="\0"), detail={"k\0": ["\udfff"]})
    found = store.evaluation(store.add_evaluation(odd)).evaluation
    assert (found.window.name, found.window.model, found.window.dataset) == ("a\ufffdb", "x/\ufffd", "\ufffd")
    assert found.detail == {"k\ufffd": ["\ufffd"]}
    assert (store.models()[0].facts.author, store.models()[0].facts.name) == ("x", "\ufffd")


def test_of_many_that_add_the_same_at_once_one_does(store: Store) -> None:
    """Also where each brings a model and a data set that none knows yet."""
    gate, found = threading.Barrier(12), list[str]()

    def add(number: int) -> None:
        gate.wait()
        try:
            found.append(store.add_evaluation(typed(model="new/net", dataset="new", task=f"t{number % 3}")))
        except Duplicate as there:
            found.append(there.existing)

    threads = [threading.Thread(target=add, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 12
    assert set(found) == {one.evaluation.id for one in store.page().rows}
    assert store.page().total == 3


def test_of_files_that_are_added_at_once_each_line_is_there_once(store: Store) -> None:
    gate, found = threading.Barrier(6), list[str | Duplicate | Rejected | TakenBack]()

    def add() -> None:
        gate.wait()
        found.extend(store.add_each([(typed(model="new/net", task=f"t{number}"), ()) for number in range(5)]))

    threads = [threading.Thread(target=add) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(isinstance(one, str) for one in found) == store.page().total == 5
    assert not [one for one in found if isinstance(one, Rejected)]


@pytest.mark.parametrize("odd", ["\x00", "a\ud800", "\udfff\x00b"])
def test_characters_that_no_database_has_find_nothing_and_harm_no_later_question(
    store: Store, odd: str
) -> None:
    """A driver that fails in the middle of a request gives its answer to the next one."""
    its_id = store.add_evaluation(typed())
    for filters in (
        Filters(task=odd),
        Filters(user=odd),
        Filters(model=odd),
        Filters(dataset=odd),
        Filters(host=odd),
        Filters(parent=odd),
        Filters(q=odd),
    ):
        assert store.page(filters).rows == []
    with pytest.raises(NotFound):
        store.evaluation(odd)
    cursor = encode_cursor("-per_unit", None, "0\ud800")
    assert store.page(sort="-per_unit", cursor=cursor).total == 1
    assert People(store.database).log_in(odd, "a long password", NOW) is None
    assert [one.evaluation.id for one in store.page().rows] == [its_id]
    assert store.evaluation(its_id).evaluation.window.task == "vision"


def test_of_managers_who_define_the_same_at_once_one_does(store: Store) -> None:
    catalogue, gate = Catalogue(store.database), threading.Barrier(8)
    found = list[str]()

    def define() -> None:
        gate.wait()
        try:
            row = {"name": "a", "phase": "training", "choices": None, "description": ""}
            catalogue.put_field(row, "ann", NOW, True)
            found.append("added")
        except Duplicate:
            found.append("there")

    threads = [threading.Thread(target=define) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == ["added"] + ["there"] * 7
