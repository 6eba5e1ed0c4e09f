"""The shapes of an ONNX model's inputs for one sample. Needs onnx and numpy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy
from onnx.helper import tensor_dtype_to_np_dtype

from .facts import NotKnown, Shapes

_MOST_VALUES = 10**8
"""Of one input: a minute of raw video has fewer."""
_USUAL_LENGTH = 128
"""What an error proposes for a dimension of any size."""


def inputs_of(graph: Any, asked: Shapes) -> dict[str, Any]:
    """Zeros of the shape and type of each input of a GraphProto, by its name: one sample.

    ``asked`` goes before what the file says; a first dimension that is open is 1. Raises NotKnown for a shape that
    stays open, and for a first dimension that may be a batch.
    """
    weights = {one.name for one in graph.initializer}
    wanted = [one for one in graph.input if one.name not in weights]
    unknown = sorted(set(asked) - {one.name for one in wanted})
    if unknown:
        there = ", ".join(sorted(one.name for one in wanted))[:200]
        raise NotKnown(f"the model has no input {unknown[0][:60]}; it has {there}")
    arrays = {one.name: _zeros(one, asked.get(one.name)) for one in wanted}
    firsts = {one.shape[0] if one.ndim else 1 for one in arrays.values()}
    if not asked and len(firsts) == 1 and max(firsts) > 1:
        name, one = next(iter(arrays.items()))
        raise NotKnown(
            f"its inputs begin with {firsts.pop()}, which may be a batch; give the shape of one sample, such as "
            f"{name[:60]}={_text((1, *one.shape[1:]))}, or {name[:60]}={_text(one.shape)} where it is no batch"
        )
    return arrays


def text_of(arrays: Mapping[str, Any]) -> str:
    """As ``x of 1x3x224x224``."""
    return ", ".join(f"{name} of {_text(one.shape)}" for name, one in sorted(arrays.items()))[:300]


def _zeros(value: Any, asked: tuple[int, ...] | None) -> Any:
    name, kind = value.name[:60], value.type.tensor_type
    if not value.type.HasField("tensor_type"):
        raise NotKnown(f"the input {name} is no tensor")
    dims = [dim.dim_value if dim.HasField("dim_value") else 0 for dim in kind.shape.dim]
    if asked is None and not kind.HasField("shape"):
        raise NotKnown(f"the input {name} has no shape; give it, such as {name}=1x3x224x224")
    if asked is not None and kind.HasField("shape") and not _fits(dims, asked):
        raise NotKnown(
            f"the input {name} has the shape {_text(dims)} in the file, which {_text(asked)} does not fit"
        )
    shape = asked if asked is not None else _closed(name, dims)
    if prod(shape) > _MOST_VALUES:
        raise NotKnown(f"the input {name} of {_text(shape)} has more values than a sample has")
    return numpy.zeros(shape, tensor_dtype_to_np_dtype(kind.elem_type))


def _closed(name: str, dims: Sequence[int]) -> tuple[int, ...]:
    closed = tuple(1 if at == 0 and size <= 0 else size for at, size in enumerate(dims))
    if any(size <= 0 for size in closed):
        proposed = _text([size if size > 0 else _USUAL_LENGTH for size in closed])
        raise NotKnown(
            f"the input {name} has a dimension of any size ({_text(dims)}); give its shape, such as {name}={proposed}"
        )
    return closed


def _fits(dims: Sequence[int], shape: Sequence[int]) -> bool:
    """Whether a shape is one of the file's; instead of its batch it may begin with 1."""
    pairs = enumerate(zip(dims, shape, strict=False))
    return len(dims) == len(shape) and all(
        there <= 0 or there == one or (at == 0 and one == 1) for at, (there, one) in pairs
    )


def _text(dims: Sequence[int]) -> str:
    return "x".join(str(size) if size > 0 else "?" for size in dims)
