"""Results survive a round trip, and a window is kept once per scale."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from grade_on import grade_on
from gramwatt_labeler.errors import ConfigError
from gramwatt_labeler.model import Graded
from gramwatt_labeler.store import Store

pytestmark = pytest.mark.slow


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Any]:
    store = Store(f"sqlite:///{tmp_path / 'deep' / 'grades.db'}")
    yield store
    store.close()


@pytest.fixture
def graded(scale: Any, window: Any, measurement: Any) -> Graded:
    measured = measurement(45.0, uncertainty_ratio=0.2, emissions_grams=None, sources=("rapl",), notes=("n",))
    recorded = window(name="<hostile> \u202e 'quoted'")
    return Graded(recorded, measured, grade_on(recorded, measured, *scale), 1_700_000_090.0)


def test_what_was_stored_comes_back_equal(store: Store, graded: Graded) -> None:
    assert store.add(graded)
    assert store.get("w1") == [graded]
    assert store.recent() == [graded]
    assert store.has("w1", "test")
    assert not store.has("w1", "other")


def test_the_first_result_of_a_window_stays(store: Store, graded: Graded) -> None:
    assert store.add(graded)
    assert not store.add(dataclasses.replace(graded, graded_at=0.0))
    assert store.get("w1") == [graded]


def test_a_second_store_on_the_same_file_sees_it(store: Store, graded: Graded, tmp_path: Path) -> None:
    store.add(graded)
    again = Store(f"sqlite:///{tmp_path / 'deep' / 'grades.db'}")
    assert again.get("w1", "test") == [graded]
    again.close()


def test_newest_first_and_only_so_many(store: Store, graded: Graded) -> None:
    for n in range(5):
        window = dataclasses.replace(graded.window, id=f"w{n}", end=graded.window.end + n)
        store.add(dataclasses.replace(graded, window=window))
    assert [one.window.id for one in store.recent(3)] == ["w4", "w3", "w2"]
    assert store.recent(3, "other") == []


def test_annotated_results_are_remembered(store: Store, graded: Graded) -> None:
    store.add(graded)
    scales = [graded.grade.scale.name]
    assert store.not_annotated(0, scales) == [graded]
    assert store.not_annotated(0, ["another"]) == []
    assert store.not_annotated(graded.window.end + 1, scales) == []
    store.mark_annotated("w1", "test")
    assert store.not_annotated(0, scales) == []


@pytest.mark.parametrize("url", ["nonsense", "sqlite:////proc/no/such.db", "nodriver://x/y"])
def test_a_wrong_database_names_the_setting(url: str) -> None:
    with pytest.raises(ConfigError, match=r"^\$\.data\.database_url: "):
        Store(url)


def test_a_password_in_the_address_is_not_shown() -> None:
    with pytest.raises(ConfigError) as caught:
        Store("sqlite://user:secret@host/x.db")
    assert "secret" not in str(caught.value)
