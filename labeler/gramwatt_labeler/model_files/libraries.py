"""Readers that run a library's code over a model's file run in a program of their own: see ``library_program``.

The program gets the file as its standard input and answers in one line of JSON.
"""

from __future__ import annotations

import importlib.util
import io
import json
import shutil
import tempfile
from collections.abc import Mapping
from types import MappingProxyType
from typing import BinaryIO

import msgspec

from ..bounded_program import NoAnswer, answer_of
from ..type_descriptions import described
from .facts import FileFacts, NotKnown, Shapes, WrongFile

EXTRA = "pip install 'gramwatt-labeler[models]'"
_NEEDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"hdf5": ("h5py",), "keras": ("h5py",), "onnx": ("onnx", "onnx_tool")}
)
_SECONDS = 90
_PROGRAM = f"{__package__}.library_program"


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

    Raises WrongFile for a damaged file, NotKnown where the program or the library gave up.
    """
    asked = json.dumps({name: list(shape) for name, shape in (shapes or {}).items()})
    with tempfile.TemporaryFile() as copy:
        try:
            file.flush()
            number = file.fileno()
        except io.UnsupportedOperation:  # it is in memory
            file.seek(0)
            shutil.copyfileobj(file, copy)
            copy.flush()
            number = copy.fileno()
        try:
            text = answer_of(_PROGRAM, [kind, str(size), asked], file=number, seconds=_SECONDS)
        except NoAnswer:
            raise NotKnown(
                "its reader gave up: it is damaged, or needs more memory or time than it may have"
            ) from None
    answer = msgspec.json.decode(text, type=described(_Answer))
    if answer.wrong:
        raise WrongFile(answer.wrong)
    if answer.facts is None:
        raise NotKnown(answer.not_known or "nothing was found in it")
    return answer.facts
