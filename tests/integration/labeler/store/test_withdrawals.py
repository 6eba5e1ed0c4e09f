"""Evaluations that are taken back leave every list and come back as they were; of two at one moment one counts."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from gramwatt_labeler.__main__ import main
from gramwatt_labeler.errors import Duplicate, InputError, NotFound, NotYours, Rejected, TakenBack, TryAgain
from gramwatt_labeler.model import Grade, Graded, Measurement, MetricGrade, ScaleId, Window
from gramwatt_labeler.published import Published
from gramwatt_labeler.scale_files import load_scales
from gramwatt_labeler.store import Evaluation, Filters, Given, Layer, Measure, Origin, Store
from gramwatt_labeler.store.audit import entries
from gramwatt_labeler.store.catalogue import Catalogue
from gramwatt_labeler.store.passwords import Passwords
from gramwatt_labeler.store.people import People, Role, Scope
from gramwatt_labeler.store.returns import ReturnRows
from gramwatt_labeler.store.withdrawals import Which, Withdrawals
from gramwatt_labeler.web.app import create_app
from prometheus_client import CollectorRegistry
from sqlalchemy import text
from starlette.testclient import TestClient

NOW = 1_800_000_000.0
OLD = ScaleId("s", "1", "2026-01-01", "a" * 64)
SCALE = ScaleId("s", "2", "2026-02-01", "b" * 64)
TABLES = ("evaluations", "measures", "extra_values", "grades", "metric_grades", "roi_analyses")


def stated(name: str, by: str = "ann", **more: Any) -> Evaluation:
    """What a file gives; its content is its name's."""
    facts: dict[str, Any] = {"origin": Origin.FILE, "detail": {"file": "a.csv"}}
    window = Window(
        name, name, "training", NOW - 60, NOW, model="acme/net", task="t", parent=more.pop("parent", "")
    )
    return Evaluation(
        window=window, measurement=Measurement(5.0, {"cpu": 5.0}, None, None, emissions_grams=1.0),
        measures={"downloads": Measure(3.0, "3", "", layer=Layer.FORM)}, created_at=NOW, created_by=by,
        **(facts | more),
    )  # fmt: skip


def given(letter: str = "B", scale: ScaleId = SCALE) -> list[Given]:
    return [Given(Grade(scale, letter, metrics={"downloads": MetricGrade(3.0, 0.5, letter)}))]


def recorded(name: str, parent: str = "") -> Graded:
    window = Window(name, name, "training", NOW - 60, NOW, model="acme/net", parent=parent)
    return Graded(window, Measurement(9.0, {"cpu": 9.0}, 12, 1.0), Grade(SCALE, "C"), NOW)


def whole(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of the tables that evaluations are in."""
    with store.engine.connect() as connection:
        found = {}
        for table in TABLES:
            rows = [tuple(map(str, row)) for row in connection.execute(text(f"SELECT * FROM {table}"))]
            found[table] = sorted(rows)
        return found


def shown(store: Store) -> list[str]:
    return [one.evaluation.id for one in store.page().rows]


def back(store: Store, *ids: str, owner: str | None = None, **which: Any) -> int:
    return Withdrawals(store.database).take_back(Which(ids, **which), "ann", "wrong unit", NOW + 1, owner).id


def test_what_is_taken_back_is_in_no_list_and_comes_back_to_the_last_digit(store: Store) -> None:
    field = {"name": "site", "phase": "", "choices": None, "description": ""}
    Catalogue(store.database).put_field(field, "m", NOW, True)
    store.add_evaluation(stated("a", extra={"site": "Lyon"}), given("D", OLD))
    store.regrade("a", given(), NOW)
    store.add_evaluation(stated("b"), given())
    store.mark_annotated("a", "s")
    returns = ReturnRows(store.database)
    number = returns.add("t", {"baseline": "a", "after": "b", "old": "1"}, "ann", NOW)
    before = whole(store)
    assert len(before["grades"]) == 3
    act = back(store, "a")
    assert shown(store) == ["b"]
    assert [one.window.id for one in store.recent()] == ["b"]
    assert (store.count(), store.page(Filters(letter="B"), "s").total, len(store.newest(10))) == (1, 1, 1)
    assert store.models()[0].evaluations == 1
    assert store.get("a") == []
    assert (returns.get(number).baseline, returns.get(number).after) == ("", "b")
    with pytest.raises(TakenBack, match="'a' was taken back by ann on 2027-01-15: wrong unit") as gone:
        store.evaluation("a")
    assert (gone.value.withdrawal, gone.value.replaced_by) == (act, "")
    kept = store.withdrawn("a")[1]
    assert (kept.evaluation.extra, kept.grades["s"].grade.letter) == ({"site": "Lyon"}, "B")
    assert kept.evaluation.measures["downloads"].value == 3.0
    with pytest.raises(TakenBack):
        back(store, "a")
    with pytest.raises(NotFound):
        back(store, "nothing")
    withdrawals = Withdrawals(store.database)
    assert [(one.id, one.total, one.reason) for one in withdrawals.some("a")] == [(act, 1, "wrong unit")]
    assert withdrawals.restore(act, "max", NOW + 2) == ["a"]
    assert whole(store) == before
    assert withdrawals.some() == []
    with pytest.raises(NotFound):
        withdrawals.restore(act, "max", NOW + 2)
    assert [(one.action, one.user, one.object) for _, one in entries(store.database)][:2] == [
        ("evaluation.restore", "max", "a"), ("evaluation.take_back", "ann", "a"),
    ]  # fmt: skip


def test_a_whole_import_goes_at_once_and_so_does_a_file(store: Store) -> None:
    rows = [(stated(f"f{number}", import_id="I1"), given()) for number in range(450)]
    store.add_each(rows)
    store.add_each([(stated("other", detail={"file": "b.csv"}), given())])
    store.add_each([(stated("later", import_id="I2"), given())])
    before = whole(store)
    assert store.page(Filters(import_id="I1")).total == 450
    first = back(store, import_id="I1")
    assert Withdrawals(store.database).get(first).total == 450
    assert sorted(shown(store)) == ["later", "other"]
    back(store, file="a.csv")
    assert shown(store) == ["other"]
    for which in ({"import_id": "I1"}, {"import_id": ""}, {"file": "c.csv"}):
        with pytest.raises((NotFound, InputError)):
            back(store, **which)
    assert len(Withdrawals(store.database).restore(first, "max", NOW, ["f1", "f2"])) == 2
    assert Withdrawals(store.database).get(first).total == 448
    for act in Withdrawals(store.database).some():
        Withdrawals(store.database).restore(act.id, "max", NOW)
    assert whole(store) == before


def test_runs_inside_a_run_go_with_it(store: Store) -> None:
    for name, parent in (("run", ""), ("epoch", "run"), ("batch", "epoch"), ("other", "")):
        store.add(recorded(name, parent))
    found = Withdrawals(store.database).find(Which(["run"]))
    assert (found.ids, sorted(found.parts)) == (["run"], ["batch", "epoch"])
    act = back(store, "run")
    assert shown(store) == ["other"]
    # Neither the watcher nor its second scale brings a window back, nor one inside it that it has not seen.
    assert not store.add(recorded("run"))
    assert not store.add(recorded("late", "run"))
    assert store.is_taken_back("run")
    assert shown(store) == ["other"]
    assert sorted(Withdrawals(store.database).restore(act, "max", NOW)) == ["batch", "epoch", "run"]
    assert store.add(recorded("late", "run"))
    assert not store.is_taken_back("run")


def test_a_file_does_not_bring_it_back_unless_asked(store: Store) -> None:
    rows = [(stated("a"), given()), (stated("b"), given())]
    assert store.add_each(rows) == ["a", "b"]
    back(store, "a")
    gone, there = store.add_each(rows)
    assert isinstance(gone, TakenBack)
    assert isinstance(there, Duplicate)
    assert shown(store) == ["b"]
    assert store.add_each(rows[:1], again=True) == ["a"]
    assert isinstance(store.add_each(rows)[0], Duplicate)
    act = back(store, "a")
    assert isinstance(store.add_each(rows)[0], TakenBack)
    store.add_each(rows[:1], again=True)
    with pytest.raises(Duplicate, match="'a' is not put back: 'a' stands in its place; take that back first"):
        Withdrawals(store.database).restore(act, "max", NOW)
    assert sorted(shown(store)) == ["a", "b"]


def test_the_owner_and_a_manager_may(store: Store) -> None:
    store.add_evaluation(stated("a"), given())
    store.add(recorded("w"))
    with pytest.raises(NotYours, match="'a' was added by ann; a manager may"):
        back(store, "a", owner="bob")
    with pytest.raises(NotYours, match="'w' was added by Gramwatt or a command"):
        back(store, "a", "w", owner="ann")
    assert len(shown(store)) == 2
    back(store, "a", owner="ann")
    back(store, "w")
    assert shown(store) == []


def test_a_correction_stands_in_the_place_of_the_old_one(store: Store) -> None:
    store.add_evaluation(stated("a"), given("E"))
    store.add_evaluation(stated("part", parent="a"), given())
    store.add(recorded("w"))
    better = replace(stated(""), measurement=Measurement(7.0, {"cpu": 7.0}, None, None), created_at=NOW + 5)
    for old, error in (("w", InputError), ("nothing", NotFound)):
        with pytest.raises(error):
            store.correct(old, better, given(), "", None)
    with pytest.raises(NotYours):
        store.correct("a", better, given(), "", "bob")
    new = store.correct("a", better, given(), "kWh, not Wh", "ann")
    assert sorted(shown(store)) == sorted([new, "part", "w"])
    assert store.evaluation("part").evaluation.window.parent == new
    assert store.page(Filters(parent=new)).total == 1
    with pytest.raises(TakenBack, match=f"kWh, not Wh; '{new}' stands in its place") as gone:
        store.evaluation("a")
    assert gone.value.replaced_by == new
    withdrawals = Withdrawals(store.database)
    assert [one.evaluation for one in withdrawals.corrected_by(new)] == ["a"]
    with pytest.raises(TakenBack):
        store.correct("a", better, given(), "", None)
    with pytest.raises(Duplicate, match=f"'{new}' stands in its place"):
        withdrawals.restore(gone.value.withdrawal, "max", NOW)
    newest = store.correct(new, replace(better, emissions_grams=9.0, zone="FR"), given(), "", None)
    assert [one.evaluation for one in withdrawals.corrected_by(newest)] == [new, "a"]
    back(store, newest)
    assert len(withdrawals.some(new)) == 1


def test_a_correction_that_is_there_already_changes_nothing(store: Store) -> None:
    store.add_evaluation(stated("a"), given())
    store.add_evaluation(replace(stated("b"), emissions_grams=3.0), given())
    before = whole(store)
    same = stated("a")
    same = replace(same, window=replace(same.window, id=""))
    with pytest.raises(Duplicate, match="as a"):
        store.correct("a", same, given(), "", None)
    assert whole(store) == before
    assert Withdrawals(store.database).some() == []


def test_a_recorded_window_takes_the_place_of_what_a_file_stated_of_it(store: Store) -> None:
    store.add_evaluation(stated("w"), given())
    assert store.is_stated("w")
    store.make_way("w", NOW)
    assert not store.is_taken_back("w")
    assert store.add(recorded("w"))
    assert store.evaluation("w").evaluation.origin is Origin.WINDOW
    assert [one.reason for one in Withdrawals(store.database).some("w")] == [
        "Gramwatt recorded the run itself"
    ]


def together(*calls: Callable[[], Any]) -> list[Any]:
    """What calls at one moment give or raise."""
    barrier = threading.Barrier(len(calls))
    found: list[Any] = [None] * len(calls)

    def run(place: int) -> None:
        barrier.wait()
        try:
            found[place] = calls[place]()
        except (NotFound, Duplicate, TryAgain, Rejected) as error:
            found[place] = error

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def held(store: Store) -> Sequence[str]:
    with store.engine.connect() as connection:
        return connection.execute(text("SELECT evaluation_id FROM withdrawn ORDER BY id")).scalars().all()


@pytest.mark.parametrize("number", range(5))
def test_of_two_that_take_the_same_back_one_does(store: Store, number: int) -> None:
    store.add_evaluation(stated("a"), given())
    found = together(lambda: back(store, "a"), lambda: back(store, "a"))
    assert sorted(isinstance(one, TakenBack) for one in found) == [False, True]
    assert (held(store), shown(store)) == (["a"], [])
    act = next(one for one in found if isinstance(one, int))
    restored = together(*[lambda: Withdrawals(store.database).restore(act, "max", NOW)] * 2)
    assert sorted(isinstance(one, NotFound) for one in restored) == [False, True]
    assert (held(store), shown(store)) == ([], ["a"])


@pytest.mark.parametrize("number", range(5))
def test_taking_back_during_a_correction_leaves_one_of_the_two(store: Store, number: int) -> None:
    store.add_evaluation(stated("a"), given())
    better = replace(stated(""), measurement=Measurement(7.0, {}, None, None))
    taken, corrected = together(
        lambda: back(store, "a"), lambda: store.correct("a", better, given(), "", None)
    )
    assert held(store) == ["a"]
    if isinstance(corrected, str):
        assert isinstance(taken, TakenBack)
        assert (shown(store), taken.replaced_by) == ([corrected], corrected)
    else:
        assert isinstance(corrected, TakenBack)
        assert (shown(store), corrected.replaced_by) == ([], "")


@pytest.mark.parametrize("number", range(5))
def test_grading_while_it_is_taken_back_leaves_no_half(store: Store, number: int) -> None:
    store.add(recorded("w"))
    other = replace(recorded("w"), grade=Grade(OLD.__class__("t", "1", "2026-01-01", "c" * 64), "A"))
    found = together(
        lambda: back(store, "w"), lambda: store.regrade("w", given("A"), NOW), lambda: store.add(other)
    )
    assert isinstance(found[0], int)
    assert (held(store), shown(store)) == (["w"], [])
    assert whole(store)["grades"] == []
    assert not store.add(other)
    Withdrawals(store.database).restore(found[0], "max", NOW)
    assert store.get("w")[0].window.id == "w"


KILLED = """
import sys
from gramwatt_labeler.store import Store
from gramwatt_labeler.store.withdrawals import Which, Withdrawals
store = Store(sys.argv[1])
withdrawals = Withdrawals(store.database)
while True:
    act = withdrawals.take_back(Which(import_id="I1"), "ann", "", 1.0, None)
    print("gone", flush=True)
    withdrawals.restore(act.id, "ann", 1.0)
    print("back", flush=True)
"""


@pytest.mark.slow
def test_a_kill_at_any_moment_leaves_all_or_none(url: str, opened: Callable[[str], Store]) -> None:
    store = opened(url)
    store.add_each([(stated(f"f{number}", import_id="I1"), given()) for number in range(300)])
    before = whole(store)
    for attempt in range(6):
        program = subprocess.Popen([sys.executable, "-c", KILLED, url], stdout=subprocess.PIPE, text=True)
        assert program.stdout is not None
        for _ in range(1 + attempt % 3):
            program.stdout.readline()
        program.send_signal(signal.SIGKILL)
        program.wait()
        for act in Withdrawals(store.database).some():
            assert act.total == 300
            assert shown(store) == []
            Withdrawals(store.database).restore(act.id, "max", NOW)
        assert whole(store) == before


def test_every_door_on_both_databases(
    url: str, opened: Callable[[str], Store], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = opened(url)
    people = People(store.database, Passwords(PasswordHasher(1, 8, 1)))
    people.add("max", Role.MANAGER, "", "test", NOW)
    headers = {"Authorization": f"Bearer {people.new_token('max', 't', Scope.MANAGE, 'test', NOW)}"}
    app = create_app(
        CollectorRegistry(),
        Published(),
        store,
        load_scales(),
        "gramwatt",
        str,
        "http://127.0.0.1:1",
        tmp_path,
    )
    client = TestClient(app, headers=headers)

    def call(method: str, path: str, **more: Any) -> Any:
        return client.request(method, f"/api/v1/{path}", **more)

    run = {"phase": "training", "model": "acme/net", "values": {"energy": "1.35 kWh", "emissions": 420}}
    old = call("POST", "evaluations", json=run).json()["evaluations"][0]["id"]
    new = call("PUT", f"evaluations/{old}?reason=r", json=run | {"values": {"energy": 5}}).json()["id"]
    files = {"files": ("runs.csv", b"model,phase,energy_wh\na,training,1\nb,training,2\n")}
    sent = call("POST", "evaluations/import", files=files).json()
    assert call("POST", "evaluations/take-back", json={"import_id": sent["import_id"]}).json()["count"] == 2
    assert call("POST", "evaluations/import", files=files).json()["counts"]["taken back"] == 2
    assert call("DELETE", f"evaluations/{new}").status_code == 200
    assert [call("GET", f"evaluations/{one}").status_code for one in (old, new)] == [410, 410]
    assert (client.get(f"/evaluations/{old}").status_code, shown(store)) == (410, [])
    database = ["--data.database-url", url]
    for more, left in ((["--dry-run"], []), ([], [new])):
        assert main(["restore", "3", *more, *database]) == 0
        assert shown(store) == left
    for more, left in ((["--dry-run"], [new]), ([], [])):
        assert main(["take-back", new, "--reason", "again", *more, *database]) == 0
        assert shown(store) == left
    capsys.readouterr()
    assert main(["restore", "--json", *database]) == 0
    assert [one["count"] for one in json.loads(capsys.readouterr().out)] == [1, 2, 1]
    assert main(["take-back", "--file", "runs.csv", *database]) == 1
    restored = call("POST", "taken-back/2/restore").json()["ids"]
    assert sorted(restored) == sorted(line["id"] for line in sent["lines"])
    assert main(["take-back", "--file", "runs.csv", *database]) == 0
    assert shown(store) == []
