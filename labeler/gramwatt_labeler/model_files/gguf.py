"""The header of a GGUF file, as llama.cpp reads it: pairs of keys and values, then every tensor with its shape.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import struct
from typing import BinaryIO

from .facts import MOST_PARAMETERS, FileFacts, WrongFile, values_of

_FIXED = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}  # bytes of a value by its type
_STRING, _ARRAY = 8, 9
_MOST_ITEMS = 10_000_000  # of all arrays together: a vocabulary has some hundred thousand
_MOST_TENSORS = 1_000_000


class _Reader:
    """Little-endian numbers out of a file. Raises WrongFile at its end."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._size = file, size
        self._items = 0

    def number(self, form: str) -> int:
        width = struct.calcsize(form)
        content = self._file.read(width)
        if len(content) < width:
            raise WrongFile("the header of the GGUF file ends too early; send more of the file")
        return int(struct.unpack(f"<{form}", content)[0])

    def skip(self, count: int) -> None:
        if count > self._size - self._file.tell():
            raise WrongFile("the header of the GGUF file ends too early; send more of the file")
        self._file.seek(count, 1)

    def value(self, kind: int, depth: int = 0) -> None:
        """Skip a value."""
        if kind in _FIXED:
            self.skip(_FIXED[kind])
        elif kind == _STRING:
            self.skip(self.number("Q"))
        elif kind == _ARRAY and depth < 4:
            inner, count = self.number("I"), self.number("Q")
            if inner in _FIXED:
                self.skip(_FIXED[inner] * count)
                return
            self._items += count
            if self._items > _MOST_ITEMS:
                raise WrongFile("the header of the GGUF file has too many values")
            for _ in range(count):
                self.value(inner, depth + 1)
        else:
            raise WrongFile("the header of the GGUF file has a value of an unknown type")


def read(file: BinaryIO, size: int) -> FileFacts:
    """The facts; only the header is read."""
    file.seek(4)
    reader = _Reader(file, size)
    version, tensors, pairs = reader.number("I"), reader.number("Q"), reader.number("Q")
    if version not in (2, 3) or tensors > _MOST_TENSORS or pairs > _MOST_TENSORS:
        raise WrongFile(f"GGUF of version {version} is not read; versions 2 and 3 are")
    for _ in range(pairs):
        reader.skip(reader.number("Q"))
        reader.value(reader.number("I"))
    parameters = 0
    for _ in range(tensors):
        reader.skip(reader.number("Q"))
        rank = reader.number("I")
        if rank > 8:
            raise WrongFile("a tensor of the GGUF file has more than 8 dimensions")
        parameters += values_of([reader.number("Q") for _ in range(rank)])
        reader.skip(12)  # type and offset
    if parameters > MOST_PARAMETERS:
        raise WrongFile("its tensors have more values than any model")
    return FileFacts("GGUF", size, parameters, "llama.cpp")
