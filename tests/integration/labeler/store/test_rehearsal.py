"""``--dry-run``: what is written is read as if it were there, and is gone at the end."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from gramwatt_labeler.__main__ import main
from gramwatt_labeler.errors import ConfigError, Duplicate, LabelerError
from gramwatt_labeler.store import Store
from gramwatt_labeler.store.people import People, Role, Scope
from sqlalchemy import create_engine, inspect

NOW = 1_800_000_000.0


def test_nothing_of_a_rehearsal_stays(store: Store) -> None:
    url = store.engine.url.render_as_string(hide_password=False)
    People(store.database).add("alice", Role.MANAGER, "", "test", NOW)
    rehearsed = Store(url, keeps=False)
    people = People(rehearsed.database)
    people.add("bob", Role.CONTRIBUTOR, "", "test", NOW)
    assert people.new_token("bob", "t", Scope.WRITE, "test", NOW).startswith("gwl_")
    with pytest.raises((Duplicate, LabelerError)):
        people.add("alice", Role.VIEWER, "", "test", NOW)
    assert {one.name for one in people.users()} == {"alice", "bob"}  # the refused one broke nothing
    People(store.database).add("carol", Role.VIEWER, "", "test", NOW)  # and no other program has to wait
    rehearsed.close()
    assert {one.name for one in People(store.database).users()} == {"alice", "carol"}


def test_an_older_database_is_left_as_it_is(old_url: str) -> None:
    before = inspect(create_engine(old_url)).get_table_names()
    if old_url.startswith("postgresql"):
        with pytest.raises(ConfigError, match="db upgrade"):
            Store(old_url, keeps=False)
    else:
        store = Store(old_url, keeps=False)  # upgraded in memory
        assert store.recent(10)
        store.close()
    assert inspect(create_engine(old_url)).get_table_names() == before == ["grades"]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize(
    "command",
    [
        ["db", "check"],
        ["db", "upgrade", "--dry-run"],
        ["user", "add", "bob", "--dry-run"],
        ["grade", "--again", "--dry-run"],
    ],
)
def test_a_dry_run_leaves_no_file_beside_a_database(tmp_path: Path, command: list[str]) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    store = Store(f"sqlite:///{folder / 'grades.db'}")
    People(store.database).add("alice", Role.MANAGER, "", "test", NOW)
    store.close()
    before = contents(folder)
    assert set(before) == {"grades.db"}
    assert main([*command, "--data.dir", str(folder)]) == 0
    assert contents(folder) == before


def test_a_copy_that_was_made_while_it_was_written_is_read_whole_and_left_alone(
    tmp_path: Path, opened: Callable[[str], Store]
) -> None:
    """The newest rows of a database that is open are in its log, which a backup of the folder has as well."""
    store = opened(f"sqlite:///{tmp_path / 'grades.db'}")
    People(store.database).add("alice", Role.MANAGER, "", "test", NOW)
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("grades.db", "grades.db-wal"):
        shutil.copy(tmp_path / name, copy)
    before = contents(copy)
    rehearsed = Store(f"sqlite:///{copy / 'grades.db'}", keeps=False)
    assert [one.name for one in People(rehearsed.database).users()] == ["alice"]
    rehearsed.close()
    assert contents(copy) == before


def test_a_dry_run_reads_what_an_open_database_was_just_given(
    tmp_path: Path, opened: Callable[[str], Store]
) -> None:
    url = f"sqlite:///{tmp_path / 'grades.db'}"
    store = opened(url)
    People(store.database).add("alice", Role.MANAGER, "", "test", NOW)
    names = set(contents(tmp_path))
    rehearsed = Store(url, keeps=False)
    assert [one.name for one in People(rehearsed.database).users()] == ["alice"]
    rehearsed.close()
    assert set(contents(tmp_path)) == names
