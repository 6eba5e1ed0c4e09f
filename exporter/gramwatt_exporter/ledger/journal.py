"""The changes since the ledger was last written whole: a sequence of records, each with its checksum.

There are two files, used in turns: while one grows, the other holds what belongs to the ledger before. They are
overwritten from the beginning, never truncated: allocating blocks again took a fifth of a sample's cost. A record
belongs to the ledger with its id. Reading ends at the first record that is incomplete, of another ledger, or out of
order: a save that a kill cut off does not count.
"""

from __future__ import annotations

import errno
import os
import zlib
from collections.abc import Iterator
from pathlib import Path

from .. import files

_WORDS = 4  # of a record's first line: ledger, number, length and checksum of the text
# bytes; after a longer journal the ledger is written whole, also before its time
LONGEST = 16 << 20


class Journal:
    """One of the two files. An exporter writes only a file that it made; a file of an earlier exporter is only read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = -1
        self._ledger = ""
        self._number = 0
        self._end = 0

    def begin(self, ledger: str) -> bool:
        """Begin a journal for the ledger with this id. False where the file cannot be made."""
        if not self._is_linked():
            self.close()
            try:
                self._descriptor = files.create(self.path)
            except OSError:
                return False
        self._ledger, self._number, self._end = ledger, 0, 0
        return True

    def append(self, text: bytes) -> bool:
        """Write ``text`` to the kernel before this returns. False without a file, or beyond ``LONGEST``: the caller
        then writes the ledger whole. Raises OSError."""
        if not self._is_linked() or self._end + len(text) > LONGEST:
            return False
        head = f"{self._ledger} {self._number + 1} {len(text)}".encode()
        data = b"%b %d\n%b\n" % (head, _checksum(head, text), text)
        if os.pwrite(self._descriptor, data, self._end) != len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # the disk became full on the way
        self._number += 1  # counted only now: the next record overwrites one that failed
        self._end += len(data)
        return True

    def flush(self) -> None:
        """Flush the appended records to the disk. Raises OSError."""
        if self._is_linked():
            os.fsync(self._descriptor)

    def close(self) -> None:
        """Close the descriptor."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1

    def _is_linked(self) -> bool:
        """Whether the file still has its name and no second link: writing elsewhere would be lost, or do harm."""
        return self._descriptor >= 0 and os.fstat(self._descriptor).st_nlink == 1


def records(path: Path, ledger: str) -> Iterator[bytes]:
    """The whole records of this ledger, in order."""
    try:
        rest = files.read(path)
    except OSError:
        return
    at = number = 0
    while True:
        end = rest.find(b"\n", at, at + 200)
        words = rest[at:end].split() if end >= 0 else []
        if len(words) != _WORDS or words[0] != ledger.encode() or not all(map(bytes.isdigit, words[1:])):
            return
        number += 1
        length, checksum = int(words[2]), int(words[3])
        text = rest[end + 1 : end + 1 + length]
        if (
            int(words[1]) != number
            or len(text) != length
            or _checksum(b" ".join(words[:-1]), text) != checksum
        ):
            return
        yield text
        at = end + 1 + length + 1


def _checksum(head: bytes, text: bytes) -> int:
    """Checksum of head and text: the head of one record with the text of another is invalid."""
    return zlib.crc32(text, zlib.crc32(head))
