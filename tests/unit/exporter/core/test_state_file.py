"""What was saved last is what is loaded, however the exporter ended and whatever happened to its files."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from gramwatt_exporter.errors import ConfigError
from gramwatt_exporter.ledger import journal, storage
from gramwatt_exporter.ledger.storage import VERSION, StateFile
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


@pytest.mark.slow
@given(sizes=st.lists(st.integers(0, 9000), min_size=1, max_size=8), last=st.booleans())
def test_the_last_save_is_loaded_whether_it_ended_well_or_was_killed(
    tmp_path_factory: pytest.TempPathFactory, sizes: Any, last: Any
) -> None:
    directory = tmp_path_factory.mktemp("state")
    file = StateFile(str(directory))
    for number, size in enumerate(sizes):  # longer and shorter than the one before
        file.save(state(number, size), last and number == len(sizes) - 1)
        assert loaded(directory) == number


@pytest.mark.slow
@given(kept=st.integers(0, 300), records=st.integers(0, 3))
def test_a_save_that_was_cut_off_leaves_the_one_before_it(
    tmp_path_factory: pytest.TempPathFactory, kept: Any, records: Any
) -> None:
    directory = tmp_path_factory.mktemp("state")
    file = StateFile(str(directory))
    for number in range(1 + records):
        file.save(state(number, 200))
    (growing,) = directory.glob("journal.*")
    before = growing.stat().st_size
    file.save(state(99, 200))  # of which only ``kept`` bytes got there
    whole = growing.read_bytes()
    growing.write_bytes(whole[: before + kept])
    assert loaded(directory) == (99 if before + kept >= len(whole) - 1 else records)


def test_what_an_earlier_journal_left_behind_is_not_read(file: StateFile) -> None:
    for _ in range(3):
        for number in range(5):
            file.save(state(number, 300))
        file.save(state(5), last=True)
    file.save(state(6))  # the rest of the file holds records of two ledgers ago
    assert loaded(file.directory) == 6


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
    for number in range(1, 4):
        file.save(state(number), last=True)
    file.save(state(4))
    file.path.write_bytes(backup)
    assert loaded(file.directory) == 0


@pytest.mark.parametrize("gone", ["ledger.json", "ledger.previous.json", "journal.0", "journal.1", "*"])
def test_files_that_were_removed_are_made_again(file: StateFile, gone: str) -> None:
    for number in range(3):
        file.save(state(number))
    for path in file.directory.glob(gone):
        path.unlink()
    for number in range(3, 7):
        file.save(state(number))
        assert loaded(file.directory) == number


def test_where_nothing_can_be_overwritten_every_save_is_whole(file: StateFile) -> None:
    for number in range(2):
        (file.directory / f"journal.{number}").mkdir()
    for number in range(4):
        file.save(state(number))
        assert loaded(file.directory) == number


def test_a_full_disk_is_reported_and_loses_nothing(file: StateFile, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        file.save(state(number, 500))
    write = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda to, data, at: write(to, data[:25], at))
    for number in (4, 5):
        with pytest.raises(OSError, match="No space left"):
            file.save(state(number, 500))
        assert loaded(file.directory) == 3
    monkeypatch.undo()
    file.save(state(6, 500))
    assert loaded(file.directory) == 6


@pytest.fixture(params=[0o000, 0o022, 0o277, 0o777])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def test_files_and_directory_are_for_their_owner_only_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    directory = tmp_path / "state"
    file = StateFile(str(directory))
    for number in range(3):
        file.save(state(number))
    file.save(state(3), last=True)
    assert directory.stat().st_mode & 0o777 == 0o700
    names = {path.name for path in directory.iterdir()}
    assert names == {"lock", "ledger.json", "ledger.previous.json", "journal.0", "journal.1"}
    for path in directory.iterdir():
        assert path.stat().st_mode & 0o777 == 0o600, path


@pytest.mark.parametrize(
    "name", ["ledger.json", "ledger.previous.json", "journal.0", "journal.1", ".ledger.json.new", "lock"]
)
@pytest.mark.parametrize("plant", ["symlink_to", "hardlink_to"])
def test_a_planted_link_is_not_followed(tmp_path: Path, name: str, plant: str) -> None:
    precious = tmp_path / "precious"
    precious.write_text("of somebody")
    directory = tmp_path / "state"
    directory.mkdir(mode=0o777)
    getattr(directory / name, plant)(precious)
    if (name, plant) == ("lock", "symlink_to"):
        with pytest.raises(ConfigError, match=r"state\.dir"):
            StateFile(str(directory))
    else:
        file = StateFile(str(directory))
        file.load()
        for number in range(4):
            file.save(state(number), last=number == 2)
        assert file.load()[0]["number"] == 3
    assert precious.read_text() == "of somebody"


def test_a_pipe_in_the_place_of_the_ledger_does_not_hold_the_start_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "ledger.json")
    saved, damage = StateFile(str(tmp_path)).load()
    assert saved is None
    assert "not a regular file" in damage


# --- the ledger before the last one


def minutes(file: StateFile, number: int) -> None:
    """So many ledgers written whole, with two samples behind each. Numbers count the samples."""
    for sample in range(3 * number):
        file.save(state(sample, 200), last=sample % 3 == 0)


def zeros(text: bytes) -> bytes:
    return bytes(len(text))


def one_digit(text: bytes) -> bytes:
    at = text.index(b'"number":') + len(b'"number":')
    return text[:at] + (b"9" if text[at:][:1] != b"9" else b"1") + text[at + 1 :]


@pytest.mark.parametrize(
    "harm",
    [zeros, one_digit, lambda text: text[: len(text) // 2], lambda text: b"", lambda text: b"null"],
    ids=["zeros", "digit", "half", "empty", "null"],
)
def test_a_damaged_ledger_loses_nothing_that_the_one_before_it_and_the_journals_hold(
    file: StateFile, harm: Callable[[bytes], bytes]
) -> None:
    minutes(file, 4)
    file.path.write_bytes(harm(file.path.read_bytes()))
    again = StateFile(str(file.directory))
    saved, damage = again.load()
    assert saved is not None
    assert saved["number"] == 11
    assert "ledger.json is damaged" in damage
    assert "totals go on from ledger.previous.json" in damage
    assert again.damages == {"last": 0, "previous": 1, "nothing": 0}
    assert list(file.directory.glob("ledger.json.damaged-*"))
    again.save(state(12))
    assert loaded(file.directory) == 12


def test_a_ledger_that_is_missing_is_not_a_fresh_beginning(file: StateFile) -> None:
    minutes(file, 4)
    file.path.unlink()
    saved, damage = StateFile(str(file.directory)).load()
    assert saved is not None
    assert saved["number"] == 11
    assert "is missing" in damage


def test_with_all_journals_damaged_a_minute_is_lost(file: StateFile) -> None:
    minutes(file, 4)
    for path in file.directory.glob("journal.*"):
        path.write_bytes(zeros(path.read_bytes()))
    assert loaded(file.directory) == 9  # the last one written whole
    file.path.unlink()
    saved, _ = StateFile(str(file.directory)).load()
    assert saved is not None
    assert saved["number"] == 6


def test_two_damaged_ledgers_are_reported_and_kept(file: StateFile) -> None:
    minutes(file, 2)
    for path in (file.path, file.previous):
        path.write_bytes(b"{")
    again = StateFile(str(file.directory))
    saved, damage = again.load()
    assert saved is None
    assert "a fresh ledger begins" in damage
    assert again.damages["nothing"] == 1
    assert len(list(file.directory.glob("ledger*.damaged-*"))) == 2


def test_a_fallback_outlives_the_ledger_that_follows_it(file: StateFile) -> None:
    """The first save after a fallback must not overwrite the journal that it was read from."""
    minutes(file, 4)
    file.path.write_bytes(b"")
    again = StateFile(str(file.directory))
    again.load()
    again.save(state(12))
    again.path.write_bytes(b"")
    saved, _ = StateFile(str(file.directory)).load()
    assert saved is not None
    assert saved["number"] == 12


def test_a_restart_keeps_the_journal_of_what_becomes_the_previous_ledger(file: StateFile) -> None:
    for restart in range(3):
        minutes(file, restart + 1)
        file.save(state(1000))
        file = StateFile(str(file.directory))
        assert file.load()[0]["number"] == 1000
        file.save(state(1001))
        file.path.write_bytes(b"")
        assert StateFile(str(file.directory)).load()[0]["number"] == 1000
        file = StateFile(str(file.directory))
        file.load()


@pytest.mark.parametrize("part", ["", "windows", "budgets"])
def test_a_ledger_of_a_newer_version_is_refused_and_left_alone(file: StateFile, part: str) -> None:
    newer = state(0) | ({part: {"version": VERSION + 1}} if part else {"version": VERSION + 1})
    file.path.write_text(json.dumps(newer))
    before = file.path.read_bytes()
    with pytest.raises(ConfigError, match="newer gramwatt-exporter"):
        StateFile(str(file.directory)).load()
    assert file.path.read_bytes() == before


def test_bytes_are_flushed_before_a_name_is_given_and_the_name_after_it(
    file: StateFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a power cut leaves depends on this order alone; tests/live cuts the power of real file systems."""
    calls: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def flushed(descriptor: int) -> None:
        calls.append("flush directory" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "flush file")
        fsync(descriptor)

    def renamed(path: Path, target: Path) -> Path:
        calls.append(f"rename to {target.name}")
        return replace(path, target)

    file.save(state(0))
    monkeypatch.setattr(os, "fsync", flushed)
    monkeypatch.setattr(Path, "replace", renamed)
    file.save(state(1), last=True)
    assert calls == [
        "flush file",  # the journal
        "flush file",
        "rename to ledger.previous.json",
        "rename to ledger.json",
        "flush directory",
    ]


@pytest.mark.slow
def test_a_journal_has_an_end(file: StateFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "LONGEST", 5000)
    written = set()
    for number in range(100):
        file.save(state(number, 1000))
        written.add(file.path.stat().st_ino)
        assert loaded(file.directory) == number
    assert all(path.stat().st_size < 7000 for path in file.directory.glob("journal.*"))


def test_a_ledger_without_a_checksum_counts(file: StateFile) -> None:
    file.path.write_text(json.dumps(state(3)))
    assert loaded(file.directory) == 3
    assert storage.FILE == "ledger.json"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("accounts", "used", 0), -1),
        (("accounts", "used", 0), 10**6),
        (("accounts", "workloads", 0, 3, 0), -(10**9)),
        (("accounts", "workloads", 0, 3, 0), 10**30),
        (("accounts", "workloads", 0, 5), 10**40),
        (("accounts", "workloads", 0, 4, 0), "-7"),
        (("accounts", "devices", 0, "energy", "rapl"), 10**30),
        (("accounts", "devices", 0, "partition", 1), -4),
        (
            (
                "accounts",
                "exits_lost",
            ),
            -1,
        ),
        (("accounts", "priced", 0, 2), 1.5),
    ],
)
def test_totals_that_cannot_be_are_refused(file: StateFile, path: tuple[object, ...], value: object) -> None:
    device = {
        "component": "cpu", "name": "package-0", "source": "rapl", "uncertainty_ratio": 0.05,
        "energy": {"rapl": 10}, "partition": [1, 9, 0, 0], "units": "5",
    }  # fmt: skip
    accounts = {
        "devices": [device], "meters": [], "workloads": [["a", "unit", "root", [9, 0, 0, 0], ["0"] * 4, 1]],
        "used": [9, 0, 0, 0], "used_units": ["0"] * 4, "used_cpu_ns": 1, "exported": [0] * 4,
        "exported_units": ["0"] * 4, "exported_cpu_ns": 0, "priced": [["annual", "annual", 1, "1"]], "marginal": [],
        "priced_ever": True, "exits_observed": {}, "exits_lost": 0, "resets": [],
    }  # fmt: skip
    sound = {**state(0), "accounts": accounts}
    file.path.write_text(json.dumps(sound))
    saved, damage = StateFile(str(file.directory)).load()
    assert saved is not None, damage
    changed: object = sound
    for key in path[:-1]:
        changed = changed[key]  # type: ignore[index]
    changed[path[-1]] = value  # type: ignore[index]
    file.path.write_text(json.dumps(sound))
    saved, damage = StateFile(str(file.directory)).load()
    assert saved is None
    assert "is damaged" in damage
