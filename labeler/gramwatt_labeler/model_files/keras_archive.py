"""A ``.keras`` file: a zip of the configuration, and of the weights as HDF5. Needs h5py.

It runs in a process of its own (``libraries``). Format: https://keras.io/guides/serialization_and_saving/
"""

from __future__ import annotations

import io
import os
import zipfile
from typing import TYPE_CHECKING, BinaryIO

from ..zip_errors import ZIP_ERRORS
from . import hdf5
from .facts import FileFacts, Shapes, WrongFile

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_CONFIG, _WEIGHTS = "config.json", "model.weights.h5"
MOST_CONFIG = 64_000_000
MOST_PACKED = 100_000_000
"""Bytes of weights that are unpacked. Keras does not pack them; another tool may have."""


def read(file: BinaryIO, size: int, shapes: Shapes) -> FileFacts:
    """The facts. Raises WrongFile for a zip that Keras did not write."""
    try:
        with zipfile.ZipFile(file) as archive:
            names = set(archive.namelist())
            if not {_CONFIG, _WEIGHTS} <= names:
                raise WrongFile(f"the archive has no {_CONFIG} and {_WEIGHTS}, so Keras did not write it")
            configuration = _content(archive, _CONFIG, MOST_CONFIG).decode("utf-8", "replace")
            weights = archive.getinfo(_WEIGHTS)
            if weights.compress_type == zipfile.ZIP_STORED:
                found = hdf5.arrays(io.BufferedReader(_Part(file, _start(file, weights), weights.file_size)))
            else:
                found = hdf5.arrays(io.BytesIO(_content(archive, _WEIGHTS, MOST_PACKED)))
    except ZIP_ERRORS as error:
        raise WrongFile(f"the archive cannot be read: {error}") from None
    operations, notes = hdf5.counted(configuration, shapes)
    return FileFacts("Keras", size, found.parameters, "Keras", notes, operations)


def _content(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    with archive.open(name) as stream:
        content = stream.read(most + 1)
    if len(content) > most:
        raise WrongFile(f"its {name} has more than {most} bytes when it is unpacked")
    return content


def _start(file: BinaryIO, entry: zipfile.ZipInfo) -> int:
    """Where the bytes of an entry begin: behind its own header of 30 bytes, its name and what else it says."""
    file.seek(entry.header_offset + 26)
    sizes = file.read(4)
    return (
        entry.header_offset + 30 + int.from_bytes(sizes[:2], "little") + int.from_bytes(sizes[2:], "little")
    )


class _Part(io.RawIOBase):
    """A part of a file as a file. zipfile's own reads everything again for each step back."""

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        self._file, self._start, self._size, self._at = file, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = max(0, offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence])
        return self._at

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        self._file.seek(self._start + self._at)
        content = self._file.read(min(len(view), max(0, self._size - self._at)))
        view[: len(content)] = content
        self._at += len(content)
        return len(content)
