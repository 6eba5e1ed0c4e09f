"""Readers that run a library's code over a file run in a process of their own: it may crash, hang or want memory.

The process gets the file as its standard input and answers in one line of JSON; ``child`` is its other end.
"""

from __future__ import annotations

import importlib.util
import io
import json
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from types import MappingProxyType
from typing import BinaryIO

import msgspec

from .facts import FileFacts, NotKnown, Shapes, WrongFile

EXTRA = "pip install 'gramwatt-labeler[models]'"
_NEEDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"hdf5": ("h5py",), "keras": ("h5py",), "onnx": ("onnx", "onnx_tool")}
)
_SECONDS = 90
_AT_ONCE = threading.BoundedSemaphore(2)  # one may take gigabytes


class _Answer(msgspec.Struct, forbid_unknown_fields=True):
    facts: FileFacts | None = None
    wrong: str = ""
    not_known: str = ""


def missing(kind: str) -> str:
    """The packages that a reader needs and that are not installed, in words; empty where all are there."""
    absent = [name for name in _NEEDS[kind] if importlib.util.find_spec(name) is None]
    return " and ".join(name.replace("_", "-") for name in absent)


def read(kind: str, file: BinaryIO, size: int, shapes: Shapes | None = None) -> FileFacts:
    """What the reader ``hdf5``, ``keras`` or ``onnx`` finds; of ONNX the FLOPs alone.

    Raises WrongFile for a damaged file, NotKnown where its FLOPs cannot be told.
    """
    asked = json.dumps({name: list(shape) for name, shape in (shapes or {}).items()})
    arguments = [sys.executable, "-P", "-m", "gramwatt_labeler.model_files.child", kind, str(size), asked]
    with _AT_ONCE, tempfile.TemporaryFile() as copy:
        try:
            file.flush()
            number = file.fileno()
        except io.UnsupportedOperation:  # it is in memory
            file.seek(0)
            shutil.copyfileobj(file, copy)
            copy.flush()
            number = copy.fileno()
        try:
            done = subprocess.run(arguments, stdin=number, capture_output=True, timeout=_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            raise NotKnown(f"reading it took longer than {_SECONDS} s") from None
    try:
        answer = msgspec.json.decode(done.stdout, type=_Answer)
    except msgspec.DecodeError:
        raise NotKnown(
            "the library that reads it gave up: it is damaged, or needs more memory than it may have"
        ) from None
    if answer.wrong:
        raise WrongFile(answer.wrong)
    if answer.facts is None:
        raise NotKnown(answer.not_known or "nothing was found in it")
    return answer.facts
