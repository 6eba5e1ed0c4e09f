"""What was saved last is what is loaded, however the exporter ended and whatever happened to its files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from gramwatt_exporter.ledger import recent
from gramwatt_exporter.ledger.persistence import VERSION, StateFile
from hypothesis import given
from hypothesis import strategies as st


def state(number: int, size: int = 10) -> dict[str, object]:
    return {"version": VERSION, "number": number, "text": "x" * size}


def loaded(directory: Path) -> object:
    saved, damage = StateFile(str(directory)).load()
    assert damage == ""
    return None if saved is None else saved["number"]


@pytest.fixture
def file(tmp_path: Path) -> StateFile:
    return StateFile(str(tmp_path))


@given(sizes=st.lists(st.integers(0, 9000), min_size=1, max_size=8), last=st.booleans())
def test_the_last_save_is_loaded_whether_it_ended_well_or_was_killed(tmp_path_factory, sizes, last) -> None:
    directory = tmp_path_factory.mktemp("state")
    file = StateFile(str(directory))
    for number, size in enumerate(sizes):  # longer and shorter than the one before
        file.save(state(number, size), last and number == len(sizes) - 1)
        assert loaded(directory) == number


@given(kept=st.integers(0, 400), at=st.integers(0, 1))
def test_a_save_that_was_cut_off_leaves_the_one_before_it(tmp_path_factory, kept, at) -> None:
    directory = tmp_path_factory.mktemp("state")
    file = StateFile(str(directory))
    for number in range(3 + at):
        file.save(state(number, 200))
    newest = max(directory.glob("recent.*"), key=lambda path: int(path.read_bytes().split()[1]))
    before = newest.read_bytes()
    file.save(state(98, 200))  # into the other one
    file.save(state(99, 200))  # over this one, of which only ``kept`` bytes got there
    after = newest.read_bytes()
    newest.write_bytes(after[:kept] + before[kept:])
    assert loaded(directory) == (99 if kept >= len(after) or after[kept:] == before[kept:] else 98)


def test_between_two_flushes_the_ledger_itself_is_left_alone(file: StateFile) -> None:
    file.save(state(0))
    first = file.path.stat()
    for number in range(1, 5):
        file.save(state(number))
    assert file.path.stat() == first
    file.save(state(5), last=True)
    assert file.path.stat().st_ino != first.st_ino
    assert loaded(file.directory) == 5


def test_a_ledger_that_was_put_back_from_a_backup_counts(file: StateFile) -> None:
    file.save(state(0))
    backup = file.path.read_bytes()
    file.save(state(1), last=True)
    file.save(state(2))
    file.path.write_bytes(backup)
    assert loaded(file.directory) == 0


def test_without_its_ledger_nothing_is_loaded(file: StateFile) -> None:
    file.save(state(0))
    file.save(state(1))
    file.path.unlink()
    assert loaded(file.directory) is None


@pytest.mark.parametrize("gone", ["ledger.json", "recent.0", "recent.1", "*"])
def test_files_that_were_removed_are_made_again(file: StateFile, gone: str) -> None:
    for number in range(3):
        file.save(state(number))
    for path in file.directory.glob(gone):
        path.unlink()
    for number in range(3, 7):
        file.save(state(number))
        assert loaded(file.directory) == number


def test_where_nothing_can_be_overwritten_every_save_is_whole(file: StateFile) -> None:
    (file.directory / "recent.1").mkdir()
    for number in range(4):
        file.save(state(number))
        assert loaded(file.directory) == number


def test_a_full_disk_is_reported_and_loses_nothing(file: StateFile, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        file.save(state(number, 500))
    write = os.pwrite
    monkeypatch.setattr(recent.os, "pwrite", lambda to, data, at: write(to, data[:25], at))
    for number in (4, 5):
        with pytest.raises(OSError, match="No space left"):
            file.save(state(number, 500))
        assert loaded(file.directory) == 3
    monkeypatch.undo()
    file.save(state(6, 500))
    assert loaded(file.directory) == 6


def test_the_files_are_for_their_owner_only(file: StateFile) -> None:
    file.save(state(0))
    file.save(state(1))
    for path in file.directory.iterdir():
        assert path.stat().st_mode & 0o777 == 0o600, path
