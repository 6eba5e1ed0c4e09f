"""FLOPs of a Keras model from its configuration: the layers that multiply by a matrix or a kernel are counted.

A layer of an unknown class is not guessed at: then the FLOPs of the model are not known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from types import MappingProxyType
from typing import Any

from .facts import MOST_FLOPS, NotKnown, Shapes
from .keras_calls import Calls
from .keras_shapes import FOLLOWED, Config, Shape, count_of, counts, places, space_of

_GATES = {"LSTM": 4, "GRU": 3, "SimpleRNN": 1}
Count = Callable[[Config, list[Shape]], int]


def flops(model: Mapping[str, Any], asked: Shapes) -> int:
    """FLOPs of one sample through a model of ``class_name`` and ``config``.

    ``asked`` gives the shape of an input by its name, with its batch. Raises NotKnown.
    """
    calls = Calls(asked)
    calls.follow(model)
    total = sum(_layer(*call) for call in calls.found)
    if total > MOST_FLOPS:
        raise NotKnown("its layers take more operations than any model")
    return total


def _layer(name: str, config: Config, inputs: list[Shape | None]) -> int:
    counter = _COUNTERS.get(name)
    if counter is None:
        if name not in FOLLOWED:
            raise NotKnown(f"the layer {name} is not counted")
        return 0
    shapes = [one for one in inputs if one is not None]
    if not shapes or len(shapes) < len(inputs):
        raise NotKnown(f"the shape that goes into a layer {name} cannot be followed")
    if any(size is None for shape in shapes for size in shape):
        raise NotKnown(
            "an input of the model has a dimension of any size; give its shape, such as NAME=1x224x224x3"
        )
    try:
        return counter(config, shapes)
    except (KeyError, TypeError, ValueError, IndexError, ZeroDivisionError):
        raise NotKnown(f"a layer {name} has a configuration that is not understood") from None


def _size(shape: Shape) -> int:
    return prod(size for size in shape if size is not None)


def _kernel(config: Config, shape: Shape, rank: int) -> tuple[int, int, int]:
    """Places of a kernel, its values of one channel, and the channels that go in."""
    space, channels = space_of(config, shape, rank)
    kernel = counts(config["kernel_size"], rank)
    laid = places(config, space, kernel, counts(config.get("strides", 1), rank))
    return _size(laid), prod(kernel), int(channels or 0)


def _convolution(rank: int) -> Count:
    def count(config: Config, inputs: list[Shape]) -> int:
        laid, kernel, channels = _kernel(config, inputs[0], rank)
        return 2 * laid * kernel * (channels // count_of(config, "groups", 1)) * count_of(config, "filters")

    return count


def _transposed(rank: int) -> Count:
    def count(config: Config, inputs: list[Shape]) -> int:
        return 2 * _size(inputs[0]) * prod(counts(config["kernel_size"], rank)) * count_of(config, "filters")

    return count


def _depthwise(rank: int, separable: bool) -> Count:
    def count(config: Config, inputs: list[Shape]) -> int:
        laid, kernel, channels = _kernel(config, inputs[0], rank)
        inner = channels * count_of(config, "depth_multiplier", 1)
        return 2 * laid * inner * (kernel + (count_of(config, "filters") if separable else 0))

    return count


def _dense(config: Config, inputs: list[Shape]) -> int:
    return 2 * _size(inputs[0]) * count_of(config, "units")


def _recurrent(gates: int) -> Count:
    def count(config: Config, inputs: list[Shape]) -> int:
        steps, features = (int(size or 0) for size in inputs[0])
        units = count_of(config, "units")
        return 2 * steps * gates * units * (features + units)

    return count


def _both_ways(config: Config, inputs: list[Shape]) -> int:
    inner = config["layer"]
    return 2 * _recurrent(_GATES[inner["class_name"]])(inner["config"], inputs)


def _each_step(config: Config, inputs: list[Shape]) -> int:
    inner = config["layer"]
    return int(inputs[0][0] or 0) * _layer(str(inner["class_name"]), inner["config"], [inputs[0][1:]])


def _attention(config: Config, inputs: list[Shape]) -> int:
    """Query, value and, where it is another, key."""
    if config.get("use_gate") or config.get("attention_axes") not in (None, [1]):
        raise NotKnown("a layer MultiHeadAttention has a form that is not counted")
    query, value, key = (*inputs, *inputs[1:2])[:3] if len(inputs) > 1 else (inputs[0],) * 3
    (length, width), (keys, value_width), (_, key_width) = (
        tuple(int(size or 0) for size in shape) for shape in (query, value, key)
    )
    heads, per_key = count_of(config, "num_heads"), count_of(config, "key_dim")
    per_value = count_of(config, "value_dim") if config.get("value_dim") else per_key
    out = counts(config["output_shape"], 1)[0] if config.get("output_shape") else width
    projected = length * width * per_key + keys * key_width * per_key + keys * value_width * per_value
    return 2 * heads * (projected + length * keys * (per_key + per_value) + length * per_value * out)


_COUNTERS: Mapping[str, Count] = MappingProxyType({
    "Dense": _dense,
    "Bidirectional": _both_ways,
    "TimeDistributed": _each_step,
    "MultiHeadAttention": _attention,
    **{name: _recurrent(gates) for name, gates in _GATES.items()},
    **{f"Conv{rank}D": _convolution(rank) for rank in (1, 2, 3)},
    **{f"Conv{rank}DTranspose": _transposed(rank) for rank in (1, 2, 3)},
    **{f"DepthwiseConv{rank}D": _depthwise(rank, False) for rank in (1, 2)},
    **{f"SeparableConv{rank}D": _depthwise(rank, True) for rank in (1, 2)},
})  # fmt: skip
