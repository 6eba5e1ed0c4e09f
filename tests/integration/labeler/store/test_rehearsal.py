"""``--dry-run``: what is written is read as if it were there, and is gone at the end."""

from __future__ import annotations

import pytest
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
