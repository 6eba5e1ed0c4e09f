"""A SavedModel of TensorFlow: a folder, or a zip of it. The shapes of its variables are in an index of their own."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from ..zip_errors import ZIP_ERRORS
from . import tensor_bundle
from .facts import FileFacts, WrongFile

_MODEL, _INDEX = "saved_model.pb", "variables/variables.index"
_MOST_FILES = 100_000
_NOTE = "FLOPs are not known: the graph of a SavedModel is not followed; export the model to ONNX for them"


def read_zip(file: BinaryIO, size: int) -> FileFacts:
    """The facts of a zip; ``file_bytes`` is what it unpacks to. Raises WrongFile for a zip of anything else."""
    del size
    try:
        with zipfile.ZipFile(file) as archive:
            entries = {one.filename: one for one in archive.infolist()}
            top = _top(list(entries))
            index = entries.get(top + _INDEX)
            content = b""
            if index is not None:
                _bounded(index.file_size)
                with archive.open(index) as stream:
                    content = stream.read(tensor_bundle.MOST_INDEX + 1)
                _bounded(len(content))
            whole = sum(one.file_size for name, one in entries.items() if name.startswith(top))
    except ZIP_ERRORS as error:
        raise WrongFile(f"the archive cannot be read: {error}") from None
    return _facts(whole, content if index is not None else None)


def read_folder(folder: Path) -> FileFacts:
    """The facts of a folder. Raises WrongFile for one of anything else, OSError for what may not be read."""
    found: dict[str, int] = {}
    for at, _, names in os.walk(folder):
        for name in names:
            path = Path(at, name)
            found[path.relative_to(folder).as_posix()] = path.stat().st_size
            if len(found) > _MOST_FILES:
                raise WrongFile(f"the folder has more than {_MOST_FILES} files; name the one of a SavedModel")
    if _MODEL not in found:
        raise WrongFile(f"the folder has no {_MODEL}, so it is no SavedModel; name a model's file")
    content = None
    if _INDEX in found:
        _bounded(found[_INDEX])
        content = (folder / _INDEX).read_bytes()
    return _facts(sum(found.values()), content)


def _top(names: list[str]) -> str:
    """The folder in the zip that has the model, with its ``/``; the zip itself is an empty one."""
    if len(names) > _MOST_FILES:
        raise WrongFile(f"the archive has more than {_MOST_FILES} entries")
    models = [PurePosixPath(name) for name in names if PurePosixPath(name).name == _MODEL]
    if len(models) != 1:
        many = "several" if models else "no"
        raise WrongFile(f"the archive has {many} {_MODEL}; of the zips, those of one SavedModel are read")
    parent = models[0].parent.as_posix()
    return "" if parent == "." else f"{parent}/"


def _bounded(size: int) -> None:
    if size > tensor_bundle.MOST_INDEX:
        raise WrongFile(f"the index of its variables has more than {tensor_bundle.MOST_INDEX} bytes")


def _facts(size: int, index: bytes | None) -> FileFacts:
    if index is None:
        note = "it has no variables beside its graph, so its parameters are not known"
        return FileFacts("SavedModel", size, None, "TensorFlow", (note, _NOTE))
    return FileFacts("SavedModel", size, tensor_bundle.parameters(index), "TensorFlow", (_NOTE,))
