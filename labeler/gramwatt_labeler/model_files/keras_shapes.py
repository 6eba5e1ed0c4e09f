"""The shape that a layer of Keras gives out, from its configuration and the shapes that it takes in.

A shape is without its batch; ``None`` is a dimension of any size, and in the place of a shape one that is not known.
Layers: https://keras.io/api/layers/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from types import MappingProxyType
from typing import Any

Config = Mapping[str, Any]
Size = int | None
Shape = tuple[Size, ...]
Shapes = Sequence[Shape | None]
_MOST = 2**31

SAME = frozenset({
    "Activation", "ReLU", "LeakyReLU", "ThresholdedReLU", "ELU", "PReLU", "Softmax", "Dropout", "SpatialDropout1D",
    "SpatialDropout2D", "SpatialDropout3D", "AlphaDropout", "GaussianDropout", "GaussianNoise",
    "ActivityRegularization", "BatchNormalization", "SyncBatchNormalization", "LayerNormalization",
    "GroupNormalization", "RMSNormalization", "UnitNormalization", "Normalization", "Rescaling", "Masking", "Identity",
    "RandomFlip", "RandomRotation", "RandomZoom", "RandomTranslation", "RandomContrast", "RandomBrightness",
})  # fmt: skip
"""Layers that give out what they take in, value by value."""
_MERGED = frozenset({"Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"})


def output_of(name: str, config: Config, inputs: Shapes) -> Shape | None:
    """The shape behind a layer of the class ``name``; None for a class or a configuration that is not known."""
    if not inputs or inputs[0] is None:
        return None
    if name in SAME:
        return inputs[0]
    rule = _RULES.get(name)
    if rule is None or any(one is None for one in inputs):
        return None
    try:
        found = rule(config, [one for one in inputs if one is not None])
    except (KeyError, TypeError, ValueError, IndexError, ZeroDivisionError):
        return None
    return found if all(size is None or 0 <= size < _MOST for size in found) else None


def shape_of(value: object) -> Shape | None:
    """``[null, 28, 28, 1]`` without its batch; None for what is no shape."""
    if not isinstance(value, list | tuple) or not 1 <= len(value) <= 9:
        return None
    sizes = tuple(value[1:])
    fits = all(one is None or (type(one) is int and 0 <= one < _MOST) for one in sizes)
    return sizes if fits else None


def counts(value: object, rank: int) -> tuple[int, ...]:
    """``3`` or ``[3, 3]`` as a positive number for each dimension. Raises ValueError."""
    found: list[Any] = list(value) if isinstance(value, list | tuple) else [value] * rank
    if len(found) != rank or not all(type(one) is int and 0 < one < _MOST for one in found):
        raise ValueError(f"{value!r} is no size of {rank} dimensions")
    return tuple(found)


def count_of(config: Config, key: str, default: int | None = None) -> int:
    """A positive number. Raises KeyError, ValueError."""
    return counts(config[key] if default is None else config.get(key, default), 1)[0]


def space_of(config: Config, shape: Shape, rank: int) -> tuple[Shape, Size]:
    """The sizes in space, and the channels, of an image, a sound or a volume. Raises ValueError."""
    if len(shape) != rank + 1:
        raise ValueError(f"{shape!r} has not {rank} dimensions and channels")
    if config.get("data_format") == "channels_first":
        return shape[1:], shape[0]
    return shape[:-1], shape[-1]


def places(config: Config, space: Shape, kernel: Sequence[int], strides: Sequence[int]) -> Shape:
    """How often a kernel is laid along each dimension."""
    wide = counts(config.get("dilation_rate", 1), len(space))
    padding = config.get("padding", "valid")
    if padding in ("same", "causal"):
        return tuple(
            None if size is None else -(-size // step) for size, step in zip(space, strides, strict=True)
        )
    if padding != "valid":
        raise ValueError(padding)
    return tuple(
        None if size is None else max(0, (size - spread * (width - 1) - 1) // step + 1)
        for size, width, step, spread in zip(space, kernel, strides, wide, strict=True)
    )


def _placed(config: Config, space: Shape, channels: Size) -> Shape:
    return (channels, *space) if config.get("data_format") == "channels_first" else (*space, channels)


def _convolution(
    rank: int, channels: Callable[[Config, Size], Size]
) -> Callable[[Config, list[Shape]], Shape]:
    def shape(config: Config, inputs: list[Shape]) -> Shape:
        space, before = space_of(config, inputs[0], rank)
        kernel, strides = counts(config["kernel_size"], rank), counts(config.get("strides", 1), rank)
        return _placed(config, places(config, space, kernel, strides), channels(config, before))

    return shape


def _deepened(config: Config, channels: Size) -> Size:
    return None if channels is None else channels * count_of(config, "depth_multiplier", 1)


def _transposed(rank: int) -> Callable[[Config, list[Shape]], Shape]:
    def shape(config: Config, inputs: list[Shape]) -> Shape:
        if config.get("output_padding") is not None or config.get("dilation_rate") not in (
            None,
            1,
            [1] * rank,
        ):
            raise ValueError("a form that is not followed")
        space, _ = space_of(config, inputs[0], rank)
        kernel, strides = counts(config["kernel_size"], rank), counts(config.get("strides", 1), rank)
        more = [
            0 if config["padding"] == "same" else max(0, k - s) for k, s in zip(kernel, strides, strict=True)
        ]
        grown = tuple(None if n is None else n * s + m for n, s, m in zip(space, strides, more, strict=True))
        return _placed(config, grown, count_of(config, "filters"))

    return shape


def _pooled(rank: int) -> Callable[[Config, list[Shape]], Shape]:
    def shape(config: Config, inputs: list[Shape]) -> Shape:
        space, channels = space_of(config, inputs[0], rank)
        pool = counts(config["pool_size"], rank)
        strides = counts(config["strides"], rank) if config.get("strides") else pool
        return _placed(config, places(config, space, pool, strides), channels)

    return shape


def _pooled_whole(rank: int) -> Callable[[Config, list[Shape]], Shape]:
    def shape(config: Config, inputs: list[Shape]) -> Shape:
        _, channels = space_of(config, inputs[0], rank)
        return _placed(config, (1,) * rank, channels) if config.get("keepdims") else (channels,)

    return shape


def _edged(rank: int, sign: int, key: str) -> Callable[[Config, list[Shape]], Shape]:
    """Padding and cropping: ``[[top, bottom], [left, right]]``, ``[2, 2]`` or ``2``."""

    def shape(config: Config, inputs: list[Shape]) -> Shape:
        space, channels = space_of(config, inputs[0], rank)
        value = config[key]
        edges = value if isinstance(value, list) else [value] * rank
        if rank == 1 and len(edges) == 2:
            edges = [edges]
        added = [sum(one) if isinstance(one, list) else 2 * one for one in edges]
        grown = tuple(None if n is None else n + sign * int(m) for n, m in zip(space, added, strict=True))
        return _placed(config, grown, channels)

    return shape


def _grown(rank: int) -> Callable[[Config, list[Shape]], Shape]:
    def shape(config: Config, inputs: list[Shape]) -> Shape:
        space, channels = space_of(config, inputs[0], rank)
        factors = counts(config["size"], rank)
        grown = tuple(None if n is None else n * f for n, f in zip(space, factors, strict=True))
        return _placed(config, grown, channels)

    return shape


def _resized(config: Config, inputs: list[Shape]) -> Shape:
    _, channels = space_of(config, inputs[0], 2)
    return _placed(config, (count_of(config, "height"), count_of(config, "width")), channels)


def _merged(config: Config, inputs: list[Shape]) -> Shape:
    """Broadcast: of each dimension the larger."""
    del config
    if len({len(one) for one in inputs}) != 1:
        raise ValueError(inputs)
    return tuple(None if None in sizes else max(s for s in sizes if s) for sizes in zip(*inputs, strict=True))


def _joined(config: Config, inputs: list[Shape]) -> Shape:
    axis = int(config.get("axis", -1))
    at = axis - 1 if axis > 0 else len(inputs[0]) + axis
    sizes = [one[at] for one in inputs]
    whole = None if None in sizes else sum(size for size in sizes if size)
    return (*inputs[0][:at], whole, *inputs[0][at + 1 :])


def _flattened(config: Config, inputs: list[Shape]) -> Shape:
    del config
    return (None,) if None in inputs[0] else (prod(size for size in inputs[0] if size is not None),)


def _reshaped(config: Config, inputs: list[Shape]) -> Shape:
    wanted = [int(one) for one in config["target_shape"]]
    if -1 not in wanted:
        return tuple(wanted)
    (whole,) = _flattened({}, inputs)
    rest = None if whole is None else whole // prod(one for one in wanted if one != -1)
    return tuple(rest if one == -1 else one for one in wanted)


def _recurrent(config: Config, inputs: list[Shape]) -> Shape:
    if config.get("return_state"):
        raise ValueError("several outputs")
    units = count_of(config, "units")
    return (inputs[0][0], units) if config.get("return_sequences") else (units,)


def _both_ways(config: Config, inputs: list[Shape]) -> Shape:
    shape = _recurrent(config["layer"]["config"], inputs)
    last = shape[-1] or 0
    return (*shape[:-1], 2 * last if config.get("merge_mode", "concat") == "concat" else last)


def _each_step(config: Config, inputs: list[Shape]) -> Shape:
    inner = output_of(str(config["layer"]["class_name"]), config["layer"]["config"], [inputs[0][1:]])
    if inner is None:
        raise ValueError("a layer that is not followed")
    return (inputs[0][0], *inner)


def _attended(config: Config, inputs: list[Shape]) -> Shape:
    out = config.get("output_shape")
    return (*inputs[0][:-1], counts(out, 1)[0]) if out else inputs[0]


_RULES: Mapping[str, Callable[[Config, list[Shape]], Shape]] = MappingProxyType({
    "Dense": lambda config, inputs: (*inputs[0][:-1], count_of(config, "units")),
    "Embedding": lambda config, inputs: (*inputs[0], count_of(config, "output_dim")),
    "Flatten": _flattened,
    "Reshape": _reshaped,
    "Permute": lambda config, inputs: tuple(inputs[0][int(one) - 1] for one in config["dims"]),
    "RepeatVector": lambda config, inputs: (count_of(config, "n"), *inputs[0]),
    "Concatenate": _joined,
    "Resizing": _resized, "CenterCrop": _resized, "RandomCrop": _resized,
    "Bidirectional": _both_ways,
    "TimeDistributed": _each_step,
    "MultiHeadAttention": _attended,
    **dict.fromkeys(("LSTM", "GRU", "SimpleRNN"), _recurrent),
    **dict.fromkeys(_MERGED, _merged),
    **{f"Conv{n}D": _convolution(n, lambda config, _: count_of(config, "filters")) for n in (1, 2, 3)},
    **{f"SeparableConv{n}D": _convolution(n, lambda config, _: count_of(config, "filters")) for n in (1, 2)},
    **{f"DepthwiseConv{n}D": _convolution(n, _deepened) for n in (1, 2)},
    **{f"Conv{n}DTranspose": _transposed(n) for n in (1, 2, 3)},
    **{f"{kind}Pooling{n}D": _pooled(n) for n in (1, 2, 3) for kind in ("Max", "Average")},
    **{f"Global{kind}Pooling{n}D": _pooled_whole(n) for n in (1, 2, 3) for kind in ("Max", "Average")},
    **{f"ZeroPadding{n}D": _edged(n, 1, "padding") for n in (1, 2, 3)},
    **{f"Cropping{n}D": _edged(n, -1, "cropping") for n in (1, 2, 3)},
    **{f"UpSampling{n}D": _grown(n) for n in (1, 2, 3)},
})  # fmt: skip
FOLLOWED = frozenset(_RULES) | SAME | {"InputLayer"}
"""Every class of a layer whose shapes are known."""
