"""A CSV file that many processes append to: one header, no lost row, no damage to what another process wrote.

A file with other columns, another encoding or an incomplete last row is renamed to ``NAME.bak``, and a new file is
begun.
"""

from __future__ import annotations

import codecs
import csv
import errno
import io
import os
import stat
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Optional

from .locking import locked

_FILE_MODE = 0o666  # and the umask takes away from it, as for every new file
_LARGEST_CHECKED = 8 * 1024 * 1024  # bytes; of a larger file only the head and the tail are read
_EDGE = 1024 * 1024
_PIPE_WAIT_SECONDS = 2.0  # seconds to wait for a reader of a named pipe
_BINARY = getattr(os, "O_BINARY", 0)
_NON_BLOCKING = getattr(os, "O_NONBLOCK", 0)


def append_row(path: Path, columns: Sequence[str], row: Mapping[str, Any]) -> None:
    """Add one row by column; a new or empty file gets the header first.

    Raises:
        OSError: the file cannot be written. What was there stays as it was.
    """
    real = Path(os.path.realpath(path))  # a link stays a link when its file is set aside
    if is_stream(real):
        _write_to_stream(real, _line(columns, _header(columns)) + _line(columns, row))
        return
    while not _append_to_file(real, columns, row):
        pass


def is_stream(path: Path) -> bool:
    """Whether the path is a pipe or a device. One system call: another process may rename the file between two."""
    try:
        return not stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        return False


def _append_to_file(path: Path, columns: Sequence[str], row: Mapping[str, Any]) -> bool:
    """Append the row. False when the file was renamed meanwhile, by this process or another: then try the new file."""
    fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | _BINARY, _FILE_MODE)
    try:
        with locked(fd, path) as held:
            if not _is_still(path, fd):
                return False
            size = os.fstat(fd).st_size
            found = _columns_of(fd, size)
            if size and (found is None or sorted(found) != sorted(columns)):
                if not held:
                    raise OSError(errno.EAGAIN, "another process keeps the file locked")
                _set_aside(path)
                return False
            text = _line(found or columns, row)
            if not found:
                text = _line(columns, _header(columns)) + text
            elif not _ends_with_line_break(fd, size):
                text = b"\r\n" + text
            _write_whole(fd, text, size)
            return True
    finally:
        os.close(fd)


def _line(columns: Sequence[str], row: Mapping[str, Any]) -> bytes:
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerow([_writable(row.get(column, "")) for column in columns])
    return buffer.getvalue().encode("utf-8", "backslashreplace")


def _header(columns: Sequence[str]) -> dict[str, str]:
    return {column: column for column in columns}


def _writable(cell: Any) -> Any:
    """A cell without NUL, which CSV readers refuse. The encoding writes bytes that are not UTF-8 as escapes."""
    return cell.replace("\0", "\\x00") if isinstance(cell, str) else cell


def _is_still(path: Path, fd: int) -> bool:
    """Whether the path still names the open file, and not a newer one."""
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    return os.path.samestat(there, os.fstat(fd))


def _columns_of(fd: int, size: int) -> Optional[list[str]]:
    """The header of a file that rows can be appended to; [] for an empty file, None for any other."""
    parts = (
        [_read(fd, 0, size)]
        if size <= _LARGEST_CHECKED
        else [_read(fd, 0, _EDGE), _read(fd, size - _EDGE, _EDGE)]
    )
    if not b"".join(parts).strip():
        return []
    try:
        head = _text(parts[0], whole=len(parts) == 1)
        header = next(csv.reader(io.StringIO(head, newline="")))
    except (UnicodeDecodeError, csv.Error, StopIteration):
        return None
    tail = head if len(parts) == 1 else parts[1].decode("utf-8", "replace")
    return header if _is_complete(tail, len(header), whole=len(parts) == 1) else None


def _text(data: bytes, whole: bool) -> str:
    if b"\0" in data:  # UTF-16 of plain letters is valid UTF-8
        raise UnicodeDecodeError("utf-8", data, 0, 1, "a NUL character")
    return codecs.getincrementaldecoder("utf-8-sig")().decode(data, final=whole)


def _is_complete(text: str, count: int, whole: bool) -> bool:
    """Whether a row can follow: no quotation mark is open and the last line has all its fields."""
    if whole and text.count('"') % 2:
        return False
    if text.endswith(("\n", "\r")):
        return True
    last = text.replace("\r", "\n").rpartition("\n")[2]
    # The last line may be the end of a field with line breaks: its fields cannot be counted. Its quotes are closed, so
    # the row is complete.
    return '"' in last or len(next(csv.reader([last]))) == count


def _ends_with_line_break(fd: int, size: int) -> bool:
    return _read(fd, size - 1, 1) in (b"\n", b"\r")


def _read(fd: int, at: int, count: int) -> bytes:
    os.lseek(fd, at, os.SEEK_SET)
    parts = []
    while count > 0:
        part = os.read(fd, count)
        if not part:
            break
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def _write_whole(fd: int, data: bytes, size: int) -> None:
    """Write all of the row or none of it, also when the disk fills up."""
    try:
        while data:
            data = data[os.write(fd, data) :]
    except OSError:
        os.ftruncate(fd, size)
        raise


def _set_aside(path: Path) -> None:
    """Rename to the first free ``.bak``. The name is reserved first, so that two processes never use the same."""
    number = 0
    while True:
        candidate = path.with_name(f"{path.name}_{number}.bak" if number else f"{path.name}.bak")
        try:
            os.close(os.open(candidate, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            number += 1
            continue
        try:
            path.replace(candidate)
        except OSError:
            candidate.unlink()
            raise
        return


def _write_to_stream(path: Path, data: bytes) -> None:
    """Write to a pipe or a device. A named pipe without a reader is an error, not an endless wait."""
    fd = open_stream(path)
    try:
        while data:
            data = data[os.write(fd, data) :]
    finally:
        os.close(fd)


def open_stream(path: Path) -> int:
    """A descriptor to write to a pipe or a device. Raises OSError, also when no process reads a named pipe."""
    deadline = time.monotonic() + _PIPE_WAIT_SECONDS
    while True:
        try:
            return os.open(path, os.O_WRONLY | os.O_APPEND | _NON_BLOCKING | _BINARY)
        except OSError as error:
            waiting = error.errno == errno.ENXIO and stat.S_ISFIFO(path.stat().st_mode)
            if not waiting or time.monotonic() >= deadline:
                raise
        time.sleep(0.05)
