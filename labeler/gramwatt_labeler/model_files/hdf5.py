"""A file of HDF5: the shapes of its arrays, and the configuration that Keras writes beside them. Needs h5py.

Links to other files are not followed, and no array is read. It runs in a process of its own (``libraries``).
Keras's layout: https://keras.io/guides/serialization_and_saving/
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, BinaryIO

import h5py

from . import keras_flops
from .facts import MOST_PARAMETERS, FileFacts, NotKnown, Shapes, WrongFile, values_of

_MOST_ARRAYS = 1_000_000
_TRAINING = ("optimizer_weights", "optimizer", "optimizer_state")
"""What Keras keeps at the top of a file for the next step of a training."""
_SEEDS = ("seed_generator", "seed_generators")
_OTHER = "every array in the file is counted: it does not say that Keras wrote it"


@dataclass(frozen=True, slots=True)
class Arrays:
    """``parameters`` of a file, and whether its groups are Keras's."""

    parameters: int
    is_keras: bool
    configuration: str = ""


def read(file: BinaryIO, size: int, shapes: Shapes) -> FileFacts:
    """The facts of a file such as ``model.h5``. Raises WrongFile."""
    found = arrays(file)
    if not found.is_keras:
        return FileFacts("HDF5", size, found.parameters, "", (_OTHER,))
    if not found.configuration:
        note = "FLOPs are not known: the file has weights and no configuration of layers"
        return FileFacts("HDF5", size, found.parameters, "Keras", (note,))
    operations, notes = counted(found.configuration, shapes)
    return FileFacts("HDF5", size, found.parameters, "Keras", notes, operations)


def counted(configuration: str, shapes: Shapes) -> tuple[int | None, tuple[str, ...]]:
    """FLOPs of a configuration in JSON, or why they are not known."""
    try:
        tree = json.loads(configuration)
    except (ValueError, RecursionError):
        raise WrongFile("the configuration in the file is not JSON") from None
    if not isinstance(tree, dict):
        raise WrongFile("the configuration in the file is no object")
    try:
        return keras_flops.flops(tree, shapes), ()
    except NotKnown as error:
        return None, (f"FLOPs are not known: {error}",)


def arrays(file: BinaryIO) -> Arrays:
    """What the groups of a file hold. Raises WrongFile for what h5py cannot read."""
    try:
        with h5py.File(file, "r") as tree:
            attributes = set(tree.attrs)
            count = _parameters(tree)
            written = tree.attrs["model_config"] if "model_config" in attributes else ""
            layers = tree.get("layers")
            is_keras = bool(attributes & {"keras_version", "layer_names", "model_config"}) or isinstance(
                layers, h5py.Group
            )
    except WrongFile:
        raise
    # h5py raises any of these for a damaged file, by what libhdf5 says of it.
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise WrongFile(f"HDF5 cannot read it: {str(error)[:200]}") from None
    text = written.decode("utf-8", "replace") if isinstance(written, bytes) else str(written)
    return Arrays(count, is_keras, text)


def _parameters(tree: Any) -> int:
    seen = count = 0

    def add(name: str, one: Any) -> None:
        nonlocal seen, count
        seen += 1
        if seen > _MOST_ARRAYS:
            raise WrongFile(f"it has more than {_MOST_ARRAYS} groups and arrays")
        parts = name.split("/")
        if (
            not isinstance(one, h5py.Dataset)
            or parts[0] in _TRAINING
            or any(part in _SEEDS for part in parts)
        ):
            return
        # Steps and seeds are integers of 32 and 64 bits; quantised weights have fewer.
        if (
            one.dtype.kind in "OSUb"
            or (one.dtype.kind in "iu" and one.dtype.itemsize > 2)
            or one.shape is None
        ):
            return
        count += values_of(list(one.shape))
        if count > MOST_PARAMETERS:
            raise WrongFile("its arrays have more values than any model")

    tree.visititems(add)
    return count
