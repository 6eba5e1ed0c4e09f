"""Protocol buffers in memory, without their schema.

Encoding: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from collections.abc import Iterator

from .facts import WrongFile

_WIDTHS = {1: 8, 5: 4}


class Cursor:
    """Bytes that are read from their beginning to their end. Raises WrongFile beyond it."""

    def __init__(self, content: bytes) -> None:
        self._content, self._at = content, 0

    @property
    def at_end(self) -> bool:
        return self._at >= len(self._content)

    def varint(self) -> int:
        found = shift = 0
        while shift < 64:
            byte = self.take(1)[0]
            found |= (byte & 0x7F) << shift
            if byte < 0x80:
                return found
            shift += 7
        raise WrongFile("a number in it has more than 64 bits")

    def take(self, count: int) -> bytes:
        if count > len(self._content) - self._at:
            raise WrongFile("its end is missing")
        self._at += count
        return self._content[self._at - count : self._at]


def fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The number of each field with its value: a number, or the bytes of anything else."""
    cursor = Cursor(message)
    while not cursor.at_end:
        tag = cursor.varint()
        kind = tag & 7
        if kind == 0:
            yield tag >> 3, cursor.varint()
        elif kind == 2:
            yield tag >> 3, cursor.take(cursor.varint())
        elif kind in _WIDTHS:
            yield tag >> 3, cursor.take(_WIDTHS[kind])
        else:
            raise WrongFile("a field in it has an unknown type")
