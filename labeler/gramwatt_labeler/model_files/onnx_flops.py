"""FLOPs of an ONNX model: onnx-tool follows the shapes through the graph. Needs onnx and onnx-tool.

It runs in a process of its own (``libraries``): a graph may ask for more memory or time than there is. Of onnx-tool the
shapes are taken and not its counts, which weigh an activation by its author's processor and a transposed convolution
by its output. A shape that onnx's own inference knows otherwise is not believed.
Operators: https://onnx.ai/onnx/operators/
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from math import prod
from typing import Any, BinaryIO

import onnx
import onnx_tool

from .facts import MOST_FLOPS, NotKnown, Shapes
from .onnx_inputs import inputs_of, text_of

_CONVOLUTIONS = {"Conv": 1, "ConvInteger": 1, "QLinearConv": 3}
"""The operators, with which of their inputs the kernel is."""
_MATRICES = frozenset({"Gemm", "MatMul", "MatMulInteger", "QLinearMatMul"})
_GATED = frozenset({"LSTM", "GRU"})
_NOT_COUNTED = frozenset({"Scan", "MultiHeadAttention", "GroupQueryAttention", "MultiQueryAttention"})
"""onnx-tool follows them; what they multiply is not in their shapes alone."""

_UNKNOWN = re.compile(r"node (\S+) is not regist")
"""How onnx-tool warns of an operator that it does not know; it goes on without it."""


def flops(file: BinaryIO, asked: Shapes) -> tuple[int, tuple[str, ...]]:
    """FLOPs of one sample, with what was taken for its size. ``asked`` gives shapes of inputs. Raises NotKnown."""
    try:
        model = onnx.load_model(file, load_external_data=False)
        inputs = inputs_of(model.graph, asked)
        total = _counted(model, inputs)
    except NotKnown:
        raise
    # onnx and onnx-tool fail by whatever their code meets: of a graph that they cannot follow nothing is known.
    except Exception as error:
        raise NotKnown(f"onnx-tool cannot follow its graph ({_short(error)})") from None
    if not 0 <= total <= MOST_FLOPS:
        raise NotKnown("its graph has more operations than any model")
    return total, (f"FLOPs are those of one pass with {text_of(inputs)}",)


def _counted(model: Any, inputs: Mapping[str, Any]) -> int:
    known = _known(model, inputs)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        graph = onnx_tool.Model(model).graph
    for one in warned:
        unknown = _UNKNOWN.search(str(one.message))
        if unknown:
            raise NotKnown(f"onnx-tool does not follow its operator {unknown[1][:60]}")
    graph.shape_infer({name: one for name, one in inputs.items() if name in graph.input})
    total = 0
    for node in graph.nodemap.values():
        count = _node(graph, node)
        if count:
            _compare(node, _shape(graph, node.output[0]), known)
        total += count
    return total


def _known(model: Any, inputs: Mapping[str, Any]) -> dict[str, list[int]]:
    """The shapes that onnx itself infers, of the tensors whose shape it infers whole."""
    fixed = onnx.ModelProto()
    fixed.CopyFrom(model)
    for one in fixed.graph.input:
        if one.name in inputs:
            shape = one.type.tensor_type.shape
            del shape.dim[:]
            for size in inputs[one.name].shape:
                shape.dim.add().dim_value = size
    del fixed.graph.value_info[:]
    inferred = onnx.shape_inference.infer_shapes(fixed, data_prop=True)
    found: dict[str, list[int]] = {}
    for one in inferred.graph.value_info:
        kind = one.type.tensor_type
        if kind.HasField("shape") and all(dim.HasField("dim_value") for dim in kind.shape.dim):
            found[one.name] = [dim.dim_value for dim in kind.shape.dim]
    return found


def _compare(node: Any, shape: list[int], known: dict[str, list[int]]) -> None:
    if known.get(node.output[0], shape) != shape:
        raise NotKnown(f"onnx and onnx-tool infer different shapes behind an operator {node.op_type}")


def _node(graph: Any, node: Any) -> int:
    """FLOPs of a node whose shapes are known: 2 for every pair of values that is multiplied and added."""
    kind = str(node.op_type)
    if kind in _NOT_COUNTED:
        raise NotKnown(f"its operator {kind} is not counted")
    if kind in _CONVOLUTIONS:
        return (
            2 * prod(_shape(graph, node.output[0])) * prod(_shape(graph, node.input[_CONVOLUTIONS[kind]])[1:])
        )
    if kind == "ConvTranspose":
        return 2 * prod(_shape(graph, node.input[0])) * prod(_shape(graph, node.input[1])[1:])
    if kind in _MATRICES:
        first = _shape(graph, node.input[0])
        summed = first[-2] if getattr(node, "transA", 0) else first[-1]
        return 2 * prod(_shape(graph, node.output[0])) * summed
    if kind == "Einsum":
        sizes: dict[int, int] = {}
        for letters, name in zip((node.ashape, node.bshape), node.input, strict=True):
            sizes.update(zip(letters, _shape(graph, name), strict=True))
        return 2 * prod(sizes.values())
    if kind in _GATED:
        data, weight, recurrent = (_shape(graph, name) for name in node.input[:3])
        return 2 * data[0] * data[1] * (prod(weight) + prod(recurrent))
    return 0


def _shape(graph: Any, name: str) -> list[int]:
    return [int(size) for size in graph.tensormap[name].get_shape()]


def _short(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:160]
