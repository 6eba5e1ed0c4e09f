"""A model's file -> its facts, by the bytes it begins with; its name decides only where those say nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import PurePath
from types import MappingProxyType
from typing import BinaryIO

from . import gguf, onnx, pytorch, safetensors
from .facts import FileFacts, WrongFile

Reader = Callable[[BinaryIO, int], FileFacts]
_SIZE_ALONE: Mapping[str, tuple[str, str, str]] = MappingProxyType({
    ".joblib": ("joblib", "scikit-learn", "is a pickle, which is never opened"),
    ".pkl": ("pickle", "", "is a pickle, which is never opened"),
    ".pickle": ("pickle", "", "is a pickle, which is never opened"),
    ".h5": ("HDF5", "", "HDF5 is not read"),
    ".hdf5": ("HDF5", "", "HDF5 is not read"),
    ".keras": ("Keras", "Keras", "the weights inside are HDF5, which is not read"),
    ".pb": ("TensorFlow", "TensorFlow", "a SavedModel has its weights in other files"),
    ".tflite": ("LiteRT", "LiteRT", "LiteRT is not read"),
})  # fmt: skip
SUFFIXES = (".safetensors", ".gguf", ".onnx", ".pt", ".pth", ".bin", ".ckpt", *_SIZE_ALONE)
"""What a form offers to choose."""
READ = "safetensors, GGUF, ONNX, PyTorch (.pt, .pth, .bin)"
_PICKLES = (".pt", ".pth", ".bin", ".ckpt")


def read_model(file: BinaryIO, name: str, size: int) -> FileFacts:
    """The facts of a file of ``size`` bytes. Of a format that is not read its size is all.

    Raises WrongFile, whose message begins with the file's name, for one that is damaged or of no known format.
    """
    suffix = PurePath(name).suffix.lower()
    short = PurePath(name).name[-80:] or "the file"
    if size <= 0:
        raise WrongFile(f"{short}: the file is empty")
    file.seek(0)
    begin = file.read(16)
    file.seek(0)
    try:
        reader = _reader(begin, suffix)
        if reader is not None:
            return reader(file, size)
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


def _reader(begin: bytes, suffix: str) -> Reader | None:
    if begin[:4] == b"GGUF":
        return gguf.read
    if begin[:4] == b"PK\x03\x04" and suffix not in _SIZE_ALONE:
        return pytorch.read
    if suffix == ".safetensors" or begin[8:10] == b'{"':
        return safetensors.read
    return onnx.read if suffix == ".onnx" else None
