"""Changes that clients were answered since the last saved sample: a kill of the exporter does not undo them.

The ledger is saved with every sample. Between two samples clients open windows, record values and stop. A line is
appended here before each of these answers, without waiting for the disk: the kernel keeps it when the exporter is
killed. A line begins with its checksum: one wrong byte of a number would make another energy of it.
"""

from __future__ import annotations

import errno
import os
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from .. import files

FILE = "windows.journal"
LONGEST = 4 * 1024 * 1024  # bytes: a client that records without end must not fill the disk between two saves
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)


class Journal:
    """One file in the state directory, begun anew whenever the ledger has been saved."""

    def __init__(self, directory: Path, boot_id: str) -> None:
        self._boot_id = boot_id
        self._path = directory / FILE
        self._descriptor: int | None = None
        self._is_empty = False

    def read(self) -> Iterator[tuple[Mapping[str, Any], bool]]:
        """The windows as answered, oldest first, and whether that was on this boot.

        A half written line was not answered, and a damaged one is worth nothing.
        """
        try:
            lines = files.read(self._path).split(b"\n")
        except OSError:
            return
        for line in lines:
            checksum, _, text = line.partition(b" ")
            if checksum != _checksum(text):
                continue
            with suppress(msgspec.DecodeError, RecursionError):
                entry = msgspec.json.decode(text)
                if isinstance(entry, dict) and isinstance(entry.get("window"), dict):
                    yield entry["window"], entry.get("boot_id") == self._boot_id

    def append(self, window: Mapping[str, Any]) -> bool:
        """Append a window as it will be answered. Returns whether the file is so long that the ledger should be saved.

        Raises OSError.
        """
        text = msgspec.json.encode({"boot_id": self._boot_id, "window": window})
        line = b"%b %b\n" % (_checksum(text), text)
        descriptor = self._open()
        size = os.fstat(descriptor).st_size
        if os.write(descriptor, line) != len(line):  # the disk is full: half a line would spoil the next one
            os.ftruncate(descriptor, size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._is_empty = False
        return size > LONGEST

    def clear(self) -> None:
        """The ledger has been saved: it holds all that is here. Raises OSError."""
        if not self._is_empty:
            os.ftruncate(self._open(), 0)
            self._is_empty = True

    def _open(self) -> int:
        """The file; a new one where it was removed."""
        if self._descriptor is not None and os.fstat(self._descriptor).st_nlink == 0:
            os.close(self._descriptor)
            self._descriptor = None
        if self._descriptor is None:
            self._descriptor = os.open(self._path, _FLAGS, 0o600)
        return self._descriptor


def _checksum(text: bytes) -> bytes:
    return b"%08x" % zlib.crc32(text)
