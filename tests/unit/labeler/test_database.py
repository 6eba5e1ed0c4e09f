"""A database that several programs open at once, that is away, or that does not take a row."""

from __future__ import annotations

import dataclasses
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from grade_on import grade_on
from gramwatt_labeler.errors import ConfigError, DatabaseAway, Rejected, TryAgain
from gramwatt_labeler.model import Graded
from gramwatt_labeler.store import Store
from known import known
from sqlalchemy import event
from sqlalchemy.exc import DataError
from thorough import first

OPEN = """
import sys, time
from pathlib import Path
from gramwatt_labeler.store import Store
print("ready", flush=True)
sys.stdin.readline()
Store(sys.argv[1]).recent()
"""


@pytest.fixture
def graded(scale: Any, window: Any, measurement: Any) -> Graded:
    return Graded(window(), measurement(), grade_on(window(), measurement(), *scale), 1_700_000_090.0)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Any]:
    store = Store(f"sqlite:///{tmp_path / 'grades.db'}")
    yield store
    store.close()


@pytest.mark.slow
@pytest.mark.parametrize("attempts", first([1, 5]))
def test_many_programs_start_on_one_new_database(tmp_path: Path, attempts: int) -> None:
    for attempt in range(attempts):
        url = f"sqlite:///{tmp_path / f'{attempt}.db'}"
        programs = [
            subprocess.Popen(
                [sys.executable, "-c", OPEN, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, text=True,
            )
            for _ in range(6)
        ]  # fmt: skip
        for program in programs:
            assert known(program.stdout).readline() == "ready\n"
        for program in programs:
            known(program.stdin).write("\n")
            known(program.stdin).flush()
        assert [program.communicate(timeout=60)[1] for program in programs] == [""] * 6


@pytest.mark.slow
def test_many_threads_use_one_new_store(tmp_path: Path, graded: Any) -> None:
    url = f"sqlite:///{tmp_path / 'grades.db'}"
    wrong: list[Exception] = []

    def work(n: int) -> None:
        try:
            Store(url).add(dataclasses.replace(graded, window=dataclasses.replace(graded.window, id=f"w{n}")))
        except Exception as error:
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert wrong == []
    assert len(Store(url).recent()) == 8


@pytest.mark.slow
def test_away_is_one_line_and_over_when_it_is_back(store: Store, graded: Graded) -> None:
    def away(*_: object) -> None:
        raise sqlite3.OperationalError("server closed the connection\n\tunexpectedly")

    store.engine.dispose()
    event.listen(store.engine, "do_connect", away)
    for call in (
        store.recent, store.ping, store.count, lambda: store.get("w1"), lambda: store.has("w1", "x"),
        lambda: store.add(graded), lambda: store.add_all([graded]), lambda: store.not_annotated(0, ["gramwatt"]),
        lambda: store.mark_annotated("w1", "x"),
    ):  # fmt: skip
        with pytest.raises(DatabaseAway) as caught:
            call()
        assert str(caught.value).endswith("does not answer: server closed the connection")
    event.remove(store.engine, "do_connect", away)
    assert store.add(graded)
    assert store.recent() == [graded]


@pytest.mark.slow
def test_a_database_that_was_deleted_is_made_anew(tmp_path: Path, store: Store, graded: Graded) -> None:
    assert store.add(graded)
    store.engine.dispose()
    for file in tmp_path.iterdir():
        file.unlink()
    with pytest.raises(DatabaseAway):  # no tables in the new file
        store.recent()
    assert store.recent() == []
    assert store.add(graded)


def test_a_server_that_is_away_is_no_wrong_setting() -> None:
    pytest.importorskip("pg8000", reason="PostgreSQL's driver is optional")
    store = Store("postgresql+pg8000://nobody:secret@127.0.0.1:1/none")
    with pytest.raises(DatabaseAway) as caught:
        store.recent()
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("url", ["nonsense", "postgresql+nodriver://x/y", "sqlite:////proc/none/grades.db"])
def test_a_wrong_setting_is_named(url: str) -> None:
    with pytest.raises(ConfigError, match=r"data\.database_url"):
        Store(url)


@pytest.mark.slow
def test_a_row_the_database_does_not_take_is_about_that_row_alone(store: Store, graded: Graded) -> None:
    def refuse(*_: object) -> None:
        raise DataError("insert", {}, sqlite3.DataError("value too long"))

    event.listen(store.engine, "before_cursor_execute", refuse)
    with pytest.raises(Rejected, match="does not take it: value too long"):
        store.add(graded)
    event.remove(store.engine, "before_cursor_execute", refuse)
    assert store.add(graded)


@pytest.mark.slow
def test_twice_in_one_import_is_tried_again(store: Store, graded: Graded) -> None:
    assert store.add(graded)
    with pytest.raises(TryAgain, match="none was written"):
        store.add_all([graded])


@pytest.mark.slow
def test_characters_that_no_scrape_can_carry_are_replaced(store: Store, graded: Graded) -> None:
    odd = dataclasses.replace(graded.window, name="a\0b\udcffc", task="t\ud800", values={"k\0": 1.0})
    assert store.add(dataclasses.replace(graded, window=odd))
    window = store.get("w1")[0].window
    assert (window.name, window.task, dict(window.values)) == ("a\ufffdb\ufffdc", "t\ufffd", {"k\ufffd": 1.0})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("search", "found"),
    [("", 4), ("NET", 2), ("100%", 1), ("_", 1), ("\\", 1), ("nothing", 0), ("training", 4), ("'; drop", 0)],
)
def test_search_finds_parts_of_names_and_knows_no_wildcards(
    store: Store, graded: Graded, search: Any, found: Any
) -> None:
    for n, (name, model) in enumerate((("a", "resnet"), ("b", "net_18"), ("100% x", ""), ("c\\d", ""))):
        window = dataclasses.replace(graded.window, id=f"w{n}", name=name, model=model)
        store.add(dataclasses.replace(graded, window=window))
    assert store.count(search=search) == found
    assert len(store.recent(search=search)) == found
    assert len(store.recent(2, search=search, offset=1)) == max(0, min(2, found - 1))
