"""A file of ``torch.save``: a zip whose pickle is disassembled and never executed.

A storage is named in the pickle by ``('storage', type, key, place, number of values)`` before the opcode BINPERSID.
Format: https://docs.pytorch.org/docs/stable/notes/serialization.html
"""

from __future__ import annotations

import pickletools
import zipfile
from typing import Any, BinaryIO

from ..zip_errors import ZIP_ERRORS
from .facts import MOST_PARAMETERS, FileFacts, WrongFile

MOST_PICKLE = 8_000_000
"""Bytes of a pickle that are disassembled: those of some ten thousand tensors."""
_MOST_ENTRIES = 200_000
_ATOMS = (
    "BINUNICODE",
    "SHORT_BINUNICODE",
    "BINUNICODE8",
    "UNICODE",
    "BININT",
    "BININT1",
    "BININT2",
    "LONG1",
    "GLOBAL",
)
_NOTE = "every tensor in the file is counted: a checkpoint with an optimizer's state has more than its model"


def read(file: BinaryIO, size: int) -> FileFacts:
    """The facts. Raises WrongFile for a zip that no ``torch.save`` wrote."""
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            if len(entries) > _MOST_ENTRIES:
                raise WrongFile(f"the archive has more than {_MOST_ENTRIES} entries")
            pickle = next((one for one in entries if one.filename.endswith("/data.pkl")), None)
            if pickle is None:
                raise WrongFile("the archive has no data.pkl, so torch.save did not write it")
            if pickle.file_size > MOST_PICKLE:
                return FileFacts(
                    "PyTorch", size, None, "PyTorch", (f"its index is larger than {MOST_PICKLE} bytes",)
                )
            with archive.open(pickle) as stream:
                content = stream.read(MOST_PICKLE + 1)
    except ZIP_ERRORS as error:
        raise WrongFile(f"the archive cannot be read: {error}") from None
    parameters = sum(storages(content).values())
    return FileFacts("PyTorch", size, parameters, "PyTorch", (_NOTE,))


def storages(content: bytes) -> dict[str, int]:
    """The number of values of each storage by its key. Raises WrongFile for what is no pickle."""
    found: dict[str, int] = {}
    memo: dict[int, Any] = {}
    since_mark: list[Any] = []
    try:
        for opcode, argument, _ in pickletools.genops(content[: MOST_PICKLE + 1]):
            name = opcode.name
            if name == "MARK":
                since_mark = []
            elif name in _ATOMS:
                since_mark.append(argument)
            elif name in ("BINPUT", "LONG_BINPUT", "MEMOIZE"):
                place = len(memo) if argument is None else argument
                memo[place] = since_mark[-1] if since_mark else None
            elif name in ("BINGET", "LONG_BINGET"):
                since_mark.append(memo.get(int(argument or 0)))
            elif name == "BINPERSID":
                _count(since_mark[-5:], found)
    except (ValueError, IndexError, KeyError, UnicodeDecodeError, OverflowError) as error:
        raise WrongFile(f"the index of the file is no pickle: {error}") from None
    if sum(found.values()) > MOST_PARAMETERS:
        raise WrongFile("its tensors have more values than any model")
    return found


def _count(atoms: list[Any], found: dict[str, int]) -> None:
    match atoms:
        case ["storage", str(), str(key), str(), int(count)] if count >= 0:
            found[key] = count
