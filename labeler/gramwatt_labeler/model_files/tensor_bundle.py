"""The index of TensorFlow's checkpoints, ``variables.index``: a sorted table of a variable's name and its shape.

The table is LevelDB's, whose blocks TensorFlow writes without compression; a value is a BundleEntryProto.
Formats: https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/protobuf/tensor_bundle.proto and
https://github.com/google/leveldb/blob/main/doc/table_format.md
"""

from __future__ import annotations

from collections.abc import Iterator

from . import protobuf
from .facts import MOST_PARAMETERS, WrongFile, values_of

MOST_INDEX = 64_000_000
"""Bytes of an index that are read: those of some hundred thousand variables."""
_FOOTER = 48
_MAGIC = 0xDB4775248B80FB57.to_bytes(8, "little")
_DTYPE, _SHAPE = 1, 2  # of BundleEntryProto
_DIM, _SIZE = 2, 1  # of TensorShapeProto and its Dim
_NO_WEIGHTS = frozenset({3, 7, 9, 10, 20, 21, 22, 23})
"""DataType of integers of 32 and 64 bits, texts, truths, resources and variants: steps, seeds and graphs."""
_TRAINING = ("optimizer/", "/.OPTIMIZER_SLOT/", "keras_api/metrics/", "_all_variables/")
"""Parts of a name. The last is a second copy of ``variables/`` in what Keras 3 exports."""


def parameters(content: bytes) -> int:
    """The number of values of all variables but those of an optimizer. Raises WrongFile for a damaged index."""
    count = 0
    for key, value in _entries(content):
        name = key.decode("utf-8", "replace")
        if name and not any(part in name for part in _TRAINING):
            count += _values(value)
            if count > MOST_PARAMETERS:
                raise WrongFile("its variables have more values than any model")
    return count


def _values(entry: bytes) -> int:
    dims: list[int] = []
    dtype = 0
    for number, value in protobuf.fields(entry):
        if number == _DTYPE and isinstance(value, int):
            dtype = value
        elif number == _SHAPE and isinstance(value, bytes):
            for inner, dim in protobuf.fields(value):
                if inner == _DIM and isinstance(dim, bytes):
                    dims.append(_size(dim))
    return 0 if dtype in _NO_WEIGHTS else values_of(dims[:65])


def _size(dim: bytes) -> int:
    return next((one for number, one in protobuf.fields(dim) if number == _SIZE and isinstance(one, int)), 0)


def _entries(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Key and value of every row of the table."""
    if len(content) < _FOOTER or content[-8:] != _MAGIC:
        raise WrongFile("the index of its variables is damaged: its end is not that of a table")
    footer = protobuf.Cursor(content[-_FOOTER:-8])
    footer.varint(), footer.varint()  # where the block of blocks of other facts is
    index = _block(content, footer.varint(), footer.varint())
    for _, handle in _rows(index):
        where = protobuf.Cursor(handle)
        yield from _rows(_block(content, where.varint(), where.varint()))


def _block(content: bytes, start: int, size: int) -> bytes:
    if start + size + 5 > len(content):
        raise WrongFile("the index of its variables is damaged: a block is outside of the file")
    if content[start + size] != 0:
        raise WrongFile("the index of its variables is compressed, which TensorFlow does not do")
    return content[start : start + size]


def _rows(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """A key is written as what it shares with the one before, and the rest."""
    restarts = int.from_bytes(block[-4:], "little")
    end = len(block) - 4 - 4 * restarts
    if end < 0:
        raise WrongFile("the index of its variables is damaged: a block has no end")
    cursor, key = protobuf.Cursor(block[:end]), b""
    while not cursor.at_end:
        shared, rest, length = cursor.varint(), cursor.varint(), cursor.varint()
        key = key[:shared] + cursor.take(rest)
        yield key, cursor.take(length)
