"""Corrections of corrections, runs inside runs, and several people at once: no run counts twice or is lost."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from gramwatt_labeler.errors import Duplicate, LabelerError, NotYours, TakenBack
from gramwatt_labeler.model import Grade, Graded, Measurement, ScaleId, Window
from gramwatt_labeler.store import Evaluation, Filters, Given, Origin, Store
from gramwatt_labeler.store.catalogue import Catalogue
from gramwatt_labeler.store.withdrawals import Which, Withdrawals

Row = tuple[Evaluation, list[Given]]
NOW = 1_800_000_000.0
SCALE = ScaleId("s", "2", "2026-02-01", "b" * 64)


def stated(name: str, joules: float = 5.0, by: str = "ann", parent: str = "", **more: Any) -> Evaluation:
    model = more.pop("model", "acme/net")
    window = Window(name, "run", "training", NOW - 60, NOW, model=model, task="t", parent=parent)
    measured = Measurement(joules, {"cpu": joules}, None, None)
    return Evaluation(
        window=window, measurement=measured, origin=Origin.FILE, created_at=NOW, created_by=by, **more
    )


def recorded(name: str, parent: str = "") -> Graded:
    window = Window(name, name, "training", NOW - 60, NOW, model="acme/net", parent=parent)
    return Graded(window, Measurement(9.0, {"cpu": 9.0}, 12, 1.0), Grade(SCALE, "C"), NOW)


def shown(store: Store) -> list[str]:
    return sorted(one.evaluation.id for one in store.page().rows)


def back(store: Store, *ids: str, owner: str | None = None) -> int:
    return Withdrawals(store.database).take_back(Which(ids), "ann", "", NOW + 1, owner).id


def restored(store: Store, act: int, *ids: str) -> list[str]:
    return Withdrawals(store.database).restore(act, "max", NOW + 2, ids)


def act_of(store: Store, evaluation: str) -> int:
    return Withdrawals(store.database).some(evaluation)[0].id


def chain(store: Store) -> tuple[str, str]:
    """``a`` with two corrections, one after the other; their ids."""
    store.add_evaluation(stated("a"))
    second = store.correct("a", stated("", 7.0), [], "", None)
    return second, store.correct(second, stated("", 8.0), [], "", None)


def test_the_first_of_a_chain_is_not_put_back_beside_the_last(store: Store) -> None:
    second, third = chain(store)
    for old in ("a", second):
        with pytest.raises(Duplicate, match=f"'{old}' is not put back: '{third}' stands in its place"):
            restored(store, act_of(store, old))
    assert shown(store) == [third]


def test_of_a_chain_one_stands_at_a_time_whichever_is_put_back(store: Store) -> None:
    second, third = chain(store)
    back(store, third)
    for one in ("a", third, second, "a", second, third):
        restored(store, act_of(store, one))
        assert shown(store) == [one], one
        for other in {"a", second, third} - {one}:
            with pytest.raises(Duplicate, match=f"'{one}' stands in its place"):
                restored(store, act_of(store, other))
        back(store, one)
    assert shown(store) == []


def test_a_part_that_is_put_back_is_inside_the_correction_of_its_run(store: Store) -> None:
    store.add_evaluation(stated("a"))
    store.add_evaluation(stated("part", 1.0, parent="a"))
    act = back(store, "part")
    second = store.correct("a", stated("", 7.0), [], "", None)
    third = store.correct(second, stated("", 8.0), [], "", None)
    restored(store, act)
    assert store.evaluation("part").evaluation.window.parent == third
    assert [one.evaluation.id for one in store.page(Filters(parent="")).rows] == [third]


def test_a_part_that_comes_later_is_inside_the_correction_of_its_run(store: Store) -> None:
    store.add_evaluation(stated("a"))
    new = store.correct("a", stated("", 7.0), [], "", None)
    store.add_each([(stated("part", 1.0, parent="a"), [])])
    store.add_all([recorded("task", parent="a")])
    assert sorted(one.evaluation.id for one in store.page(Filters(parent=new)).rows) == ["part", "task"]
    assert [one.evaluation.id for one in store.page(Filters(parent="")).rows] == [new]


def test_parts_that_went_with_a_correction_come_back_inside_what_it_corrected(store: Store) -> None:
    store.add_evaluation(stated("a"))
    store.add_evaluation(stated("part", 1.0, parent="a"))
    second = store.correct("a", stated("", 7.0), [], "", None)
    act = back(store, second)
    restored(store, act_of(store, "a"))
    restored(store, act, "part")
    assert store.evaluation("part").evaluation.window.parent == "a"
    assert [one.evaluation.id for one in store.page(Filters(parent="")).rows] == ["a"]


def test_nobody_takes_back_what_others_recorded_inside_an_own_run(store: Store) -> None:
    store.add(recorded("epoch", parent="run"))
    store.add_evaluation(stated("run"))  # a file with the id of a run that has not ended
    with pytest.raises(NotYours, match="'epoch' was added by Gramwatt or a command; a manager may"):
        back(store, "run", owner="ann")
    assert shown(store) == ["epoch", "run"]
    back(store, "run")
    assert shown(store) == []


def test_the_number_of_an_act_is_of_no_later_one(store: Store) -> None:
    store.add_evaluation(stated("a"))
    store.add_evaluation(stated("b", 6.0))
    first = back(store, "a")
    restored(store, first)
    assert back(store, "b") > first


def test_an_odd_id_is_kept_with_its_fields_and_stays_away_when_it_is_taken_back(store: Store) -> None:
    field = {"name": "team", "phase": "", "choices": None, "description": ""}
    Catalogue(store.database).put_field(field, "max", NOW, True)
    row: Row = (stated("a\x00\ud800", extra={"team": "x"}), [])
    (kept,) = store.add_each([row])
    assert isinstance(kept, str), kept
    (its_id,) = shown(store)
    assert store.evaluation(its_id).evaluation.extra == {"team": "x"}
    back(store, its_id)
    again: Row = (replace(row[0], emissions_grams=3.0), [])
    assert isinstance(store.add_each([again])[0], TakenBack)


def together(*calls: Callable[[], Any]) -> list[Any]:
    """What calls at one moment give or raise."""
    barrier = threading.Barrier(len(calls))
    found: list[Any] = [None] * len(calls)

    def run(place: int) -> None:
        barrier.wait()
        try:
            found[place] = calls[place]()
        except LabelerError as error:
            found[place] = error

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


@pytest.mark.parametrize("number", range(3))
def test_imports_that_name_the_same_models_in_another_order_are_both_kept(store: Store, number: int) -> None:
    models = [f"acme/{name}" for name in range(300)]
    one: list[Row] = [(stated(f"x{at}", model=model), []) for at, model in enumerate(models)]
    other: list[Row] = [(stated(f"y{at}", 6.0, model=model), []) for at, model in enumerate(reversed(models))]
    found = together(lambda: store.add_each(one), lambda: store.add_each(other))
    assert [len(each) if isinstance(each, list) else each for each in found] == [300, 300]
    assert store.page().total == 600


def test_long_imports_of_the_same_models_are_all_kept(store: Store) -> None:
    def rows(place: int) -> list[Row]:
        found: list[Row] = [
            (stated(f"{place}-{at}", at + 0.1 * place, model=f"acme/{at}"), []) for at in range(600)
        ]
        return found[::-1] if place % 2 else found

    found = together(*[lambda place=place: len(store.add_each(rows(place))) for place in range(2)])
    assert found == [600] * 2


@pytest.mark.parametrize("number", range(3))
def test_one_file_twice_at_once_in_another_order_is_kept_once(store: Store, number: int) -> None:
    rows: list[Row] = [(stated(f"x{at}", at + 1.0), []) for at in range(300)]
    found = together(lambda: store.add_each(rows), lambda: store.add_each(rows[::-1]))
    assert [len(each) if isinstance(each, list) else each for each in found] == [300, 300]
    assert store.page().total == 300


@pytest.mark.parametrize("number", range(3))
def test_a_run_and_its_parts_are_taken_back_by_two_at_once(store: Store, number: int) -> None:
    names = [f"part{at:03d}" for at in range(200)]
    store.add_each([(stated(name, at + 1.0, parent="run"), []) for at, name in enumerate(names)])
    store.add_evaluation(stated("run", 999.0))
    found = together(lambda: back(store, "run"), lambda: back(store, *names, "run"))
    assert sorted(type(one).__name__ for one in found) == ["TakenBack", "int"]
    assert shown(store) == []


@pytest.mark.parametrize("number", range(3))
def test_what_two_managers_put_back_at_once_leaves_no_empty_act(store: Store, number: int) -> None:
    store.add_each([(stated("a"), []), (stated("b", 6.0), [])])
    act = back(store, "a", "b")
    assert together(lambda: restored(store, act, "a"), lambda: restored(store, act, "b")) == [["a"], ["b"]]
    assert Withdrawals(store.database).some() == []


def test_what_is_said_of_the_first_names_what_stands_now(store: Store) -> None:
    _, third = chain(store)
    with pytest.raises(TakenBack, match=f"'{third}' stands in its place"):
        store.evaluation("a")
    back(store, third)
    with pytest.raises(TakenBack) as gone:
        store.evaluation("a")
    assert (gone.value.replaced_by, "in its place" in str(gone.value)) == ("", False)
