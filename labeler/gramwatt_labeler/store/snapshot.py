"""A SQLite file -> a copy in memory. The file and its folder stay as they are.

In its write-ahead mode even a reader makes ``-wal`` and ``-shm`` beside the database where there are none, and one that
may not write cannot take them away. https://www.sqlite.org/wal.html#read_only_databases
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import tempfile
from pathlib import Path

_TRIES = 5  # while another program begins to write
_Seen = tuple[tuple[int, int, int] | None, ...]


def snapshot(path: Path) -> sqlite3.Connection:
    """The copy, usable from any thread. Raises sqlite3.Error and OSError."""
    memory = sqlite3.connect(":memory:", check_same_thread=False)
    shared, log = _beside(path, "-shm"), _beside(path, "-wal")
    for _ in range(_TRIES):
        if shared.exists():  # a program has it open, or was killed: the files are there already
            break
        before = _seen(path, log)
        if log.exists():
            _read_copy(path, log, memory)
        else:
            _read(path, "immutable=1", memory)
        if before == _seen(path, log) and not shared.exists():
            return memory
    _read(path, "mode=ro", memory)
    return memory


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


def _seen(*paths: Path) -> _Seen:
    """What changes when a file is written."""
    found: list[tuple[int, int, int] | None] = []
    for path in paths:
        try:
            status = path.stat()
            found.append((status.st_ino, status.st_size, status.st_mtime_ns))
        except FileNotFoundError:
            found.append(None)
    return tuple(found)


def _read(path: Path, how: str, memory: sqlite3.Connection) -> None:
    with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True)) as file:
        file.backup(memory)


def _read_copy(path: Path, log: Path, memory: sqlite3.Connection) -> None:
    """A log without a program that has it open, such as in a copy of the folder."""
    with tempfile.TemporaryDirectory(prefix="gramwatt-") as folder:
        copy = Path(folder) / path.name
        shutil.copyfile(path, copy)
        shutil.copyfile(log, _beside(copy, "-wal"))
        _read(copy, "mode=rw", memory)
