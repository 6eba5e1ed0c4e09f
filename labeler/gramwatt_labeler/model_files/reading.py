"""A model's file -> its facts, by the bytes it begins with; its name decides only where those say nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path, PurePath
from types import MappingProxyType
from typing import BinaryIO

from . import gguf, libraries, onnx, pytorch, safetensors, saved_model
from .facts import FileFacts, NotKnown, Shapes, WrongFile

Reader = Callable[[BinaryIO, int], FileFacts]
_SIZE_ALONE: Mapping[str, tuple[str, str, str]] = MappingProxyType({
    ".joblib": ("joblib", "scikit-learn", "is a pickle, which is never opened"),
    ".pkl": ("pickle", "", "is a pickle, which is never opened"),
    ".pickle": ("pickle", "", "is a pickle, which is never opened"),
    ".pb": ("TensorFlow", "TensorFlow", "a SavedModel has its weights in other files; give its folder, or a zip of it"),
    ".tflite": ("LiteRT", "LiteRT", "LiteRT is not read"),
})  # fmt: skip
_HDF5 = b"\x89HDF\r\n\x1a\n"
_ZIP = b"PK\x03\x04"
_PICKLES = (".pt", ".pth", ".bin", ".ckpt")
SUFFIXES = (".safetensors", ".gguf", ".onnx", ".keras", ".h5", ".hdf5", ".zip", *_PICKLES, *_SIZE_ALONE)
"""What a form offers to choose."""
READ = "safetensors, GGUF, ONNX, PyTorch (.pt, .pth, .bin), Keras (.keras, .h5), SavedModel (its folder as a zip)"


def read_model(file: BinaryIO, name: str, size: int, shapes: Shapes | None = None) -> FileFacts:
    """The facts of a file of ``size`` bytes. Of a format that is not read its size is all.

    ``shapes`` gives the inputs of a model whose file leaves them open. Raises WrongFile, whose message begins
    with the file's name, for one that is damaged or of no known format.
    """
    suffix = PurePath(name).suffix.lower()
    short = PurePath(name).name[-80:] or "the file"
    if size <= 0:
        raise WrongFile(f"{short}: the file is empty")
    file.seek(0)
    begin = file.read(16)
    file.seek(0)
    try:
        if begin[:8] == _HDF5:
            return _by_library("hdf5", "HDF5", file, size, shapes)
        if begin[:4] == _ZIP and suffix == ".keras":
            return _by_library("keras", "Keras", file, size, shapes)
        reader = _reader(begin, suffix)
        if reader is not None:
            facts = reader(file, size)
            return _with_flops(facts, file, size, shapes) if facts.format == "ONNX" else facts
    except WrongFile as error:
        raise WrongFile(f"{short}: {error}") from None
    except (MemoryError, OverflowError, RecursionError):
        raise WrongFile(f"{short}: the file is damaged") from None
    if suffix in _SIZE_ALONE:
        form, library, why = _SIZE_ALONE[suffix]
        return FileFacts(form, size, None, library, (f"its size alone is known: {why}",))
    if suffix in _PICKLES and begin[:1] == b"\x80":
        why = "its size alone is known: it is a pickle of an old torch.save, which is never opened"
        return FileFacts("PyTorch", size, None, "PyTorch", (why,))
    raise WrongFile(
        f"{short}: this format is not read; there are {READ}, and the size of {', '.join(_SIZE_ALONE)}"
    )


def read_path(path: Path, shapes: Shapes | None = None) -> FileFacts:
    """The facts of a file, or of the folder of a SavedModel. Raises WrongFile, and OSError where it may not be read."""
    if path.is_dir():
        try:
            return saved_model.read_folder(path)
        except WrongFile as error:
            raise WrongFile(f"{path.name or path}: {error}") from None
    with path.open("rb") as file:
        return read_model(file, path.name, path.stat().st_size, shapes)


def _reader(begin: bytes, suffix: str) -> Reader | None:
    if begin[:4] == b"GGUF":
        return gguf.read
    if begin[:4] == _ZIP and suffix == ".zip":
        return saved_model.read_zip
    if begin[:4] == _ZIP and suffix not in _SIZE_ALONE:
        return pytorch.read
    if suffix == ".safetensors" or begin[8:10] == b'{"':
        return safetensors.read
    return onnx.read if suffix == ".onnx" else None


def _by_library(kind: str, form: str, file: BinaryIO, size: int, shapes: Shapes | None) -> FileFacts:
    """What a library finds, or the size alone where it is not installed."""
    absent = libraries.missing(kind)
    try:
        if not absent:
            return libraries.read(kind, file, size, shapes)
        why = f"{absent} is not installed: {libraries.EXTRA}"
    except NotKnown as error:
        why = str(error)
    return FileFacts(form, size, None, form if form == "Keras" else "", (f"its size alone is known: {why}",))


def _with_flops(facts: FileFacts, file: BinaryIO, size: int, shapes: Shapes | None) -> FileFacts:
    absent = libraries.missing("onnx")
    try:
        if absent:
            raise NotKnown(f"they need {absent}: {libraries.EXTRA}")
        found = libraries.read("onnx", file, size, shapes)
    except NotKnown as error:
        return replace(facts, notes=(*facts.notes, f"FLOPs are not known: {error}"))
    return replace(facts, notes=(*facts.notes, *found.notes), flops_per_unit=found.flops_per_unit)
