"""FLOPs of ONNX models: the products by hand, the shapes by onnx-tool, and what is asked where a size is open."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy
import onnx
import pytest
from gramwatt_labeler.errors import InputError
from gramwatt_labeler.model_files import libraries
from gramwatt_labeler.model_files.facts import FileFacts, Shapes
from gramwatt_labeler.model_files.input_shapes import read_shapes
from gramwatt_labeler.model_files.reading import read_model
from onnx import TensorProto, helper, numpy_helper

Value = tuple[str, Sequence[int | str] | None]


def model(
    nodes: Sequence[Any],
    inputs: Sequence[Value],
    outputs: Sequence[Value],
    weights: Mapping[str, Sequence[int]],
) -> bytes:
    """A model of float32 values whose weights are zeros."""
    values = [
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in one]
        for one in (inputs, outputs)
    ]
    tensors = [numpy_helper.from_array(numpy.zeros(shape, "f4"), name) for name, shape in weights.items()]
    graph = helper.make_graph(list(nodes), "g", values[0], values[1], tensors)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    return bytes(made.SerializeToString())


def facts_of(content: bytes, shapes: Shapes | None = None) -> FileFacts:
    return read_model(io.BytesIO(content), "m.onnx", len(content), shapes)


CNN_WEIGHTS = {"w1": (16, 3, 3, 3), "b1": (16,), "w2": (10, 1024), "b2": (10,)}
CNN = 2 * (16 * 16 * 16 * 27 + 10 * 1024)


def cnn(batch: int | str, size: int | str = 32) -> bytes:
    return model(
        [
            helper.make_node("Conv", ["x", "w1", "b1"], ["c"], kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2]),
            helper.make_node("Relu", ["c"], ["r"]),
            helper.make_node("MaxPool", ["r"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
            helper.make_node("Flatten", ["p"], ["f"]),
            helper.make_node("Gemm", ["f", "w2", "b2"], ["y"], transB=1),
            helper.make_node("Softmax", ["y"], ["s"]),
        ],
        [("x", [batch, 3, size, size])],
        [("s", [batch, 10])],
        CNN_WEIGHTS,
    )  # fmt: skip


def test_the_models_here_are_models() -> None:
    onnx.checker.check_model(onnx.load_model_from_string(cnn(1)))


@pytest.mark.slow
@pytest.mark.parametrize(("batch", "asked"), [("N", {}), (1, {}), (8, {"x": (1, 3, 32, 32)})])
def test_flops_are_those_of_one_sample(batch: int | str, asked: Shapes) -> None:
    found = facts_of(cnn(batch), asked)
    assert (found.parameters, found.flops_per_unit) == (10_698, CNN)
    assert found.notes == ("FLOPs are those of one pass with x of 1x3x32x32",)


@pytest.mark.slow
def test_a_size_that_may_be_a_batch_is_asked_about() -> None:
    found = facts_of(cnn(8))
    assert found.flops_per_unit is None
    assert "begin with 8, which may be a batch" in found.notes[0]
    assert "such as x=1x3x32x32, or x=8x3x32x32 where it is no batch" in found.notes[0]
    assert facts_of(cnn(8), {"x": (8, 3, 32, 32)}).flops_per_unit == 8 * CNN


@pytest.mark.slow
def test_an_open_size_is_asked_for() -> None:
    open_sized = cnn("N", "side")
    found = facts_of(open_sized)
    assert (found.parameters, found.flops_per_unit) == (10_698, None)
    assert "FLOPs are not known: the input x has a dimension of any size (?x3x?x?)" in found.notes[0]
    assert "such as x=1x3x128x128" in found.notes[0]
    assert facts_of(open_sized, {"x": (1, 3, 32, 32)}).flops_per_unit == CNN
    assert "has no input y; it has x" in facts_of(open_sized, {"y": (1,)}).notes[0]
    assert "which 1x4x32x32 does not fit" in facts_of(open_sized, {"x": (1, 4, 32, 32)}).notes[0]
    assert "more values than a sample has" in facts_of(open_sized, {"x": (1, 3, 2**20, 2**20)}).notes[0]


NODES: list[tuple[str, Sequence[Any], Sequence[Value], dict[str, Sequence[int]], int]] = [
    ("MatMul", [helper.make_node("MatMul", ["x", "w"], ["y"])], [("x", [1, 6, 8])], {"w": (8, 5)}, 2 * 6 * 8 * 5),
    ("Gemm", [helper.make_node("Gemm", ["x", "w"], ["y"], transA=1)], [("x", [8, 6])], {"w": (8, 5)}, 2 * 6 * 8 * 5),
    ("ConvTranspose", [helper.make_node("ConvTranspose", ["x", "w"], ["y"], strides=[2, 2])], [("x", [1, 4, 5, 5])],
     {"w": (4, 3, 2, 2)}, 2 * 4 * 25 * 3 * 4),
    ("grouped Conv", [helper.make_node("Conv", ["x", "w"], ["y"], group=4)], [("x", [1, 4, 5, 5])], {"w": (8, 1, 3, 3)},
     2 * 8 * 9 * 9),
    ("Einsum", [helper.make_node("Einsum", ["x", "w"], ["y"], equation="bij,jk->bik")],
     [("x", [1, 6, 8])], {"w": (8, 5)},
     2 * 6 * 8 * 5),
    ("LSTM", [helper.make_node("LSTM", ["x", "w", "r"], ["y"], hidden_size=5)], [("x", [7, 1, 3])],
     {"w": (1, 20, 3), "r": (1, 20, 5)}, 2 * 7 * 20 * 8),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "nodes", "inputs", "weights", "operations"), NODES, ids=[one[0] for one in NODES]
)
def test_each_operator_by_hand(
    name: str,
    nodes: Sequence[Any],
    inputs: Sequence[Value],
    weights: dict[str, Sequence[int]],
    operations: int,
) -> None:
    asked = {"x": tuple(int(size) for size in inputs[0][1] or ())}
    assert facts_of(model(nodes, inputs, [("y", None)], weights), asked).flops_per_unit == operations


@pytest.mark.slow
@pytest.mark.parametrize(
    ("node", "words"),
    [
        (helper.make_node("RNN", ["x", "w", "w"], ["y"], hidden_size=2), "does not follow its operator RNN"),
        (helper.make_node("Mine", ["x"], ["y"], domain="acme"), "does not follow its operator Mine"),
        (helper.make_node("MatMul", ["x", "none"], ["y"]), "cannot follow its graph"),
    ],
)
def test_what_cannot_be_followed_is_not_guessed(node: Any, words: str) -> None:
    graph = helper.make_graph(
        [node], "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 2, 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(numpy.zeros((1, 2, 2), "f4"), "w")],
    )  # fmt: skip
    versions = [helper.make_opsetid("", 17), helper.make_opsetid("acme", 1)]
    found = facts_of(bytes(helper.make_model(graph, opset_imports=versions).SerializeToString()))
    assert (found.parameters, found.flops_per_unit) == (4, None)
    assert found.notes[0].startswith("FLOPs are not known: ")
    assert words in found.notes[0]


@pytest.mark.slow
def test_a_graph_that_wants_more_memory_than_there_is_ends_without_harm() -> None:
    """The size of the second input of Reshape is computed from values that take 4 TB."""
    sizes = numpy_helper.from_array(numpy.array([2**20, 2**20], "i8"), "sizes")
    one = numpy_helper.from_array(numpy.array(1, "i8"), "one")
    nodes = [
        helper.make_node("Expand", ["one", "sizes"], ["big"]),
        helper.make_node("ReduceSum", ["big"], ["shape"], keepdims=0),
        helper.make_node("Reshape", ["x", "shape"], ["y"]),
    ]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in ("x", "y")]
    graph = helper.make_graph(nodes, "g", values[:1], values[1:], [sizes, one])
    found = facts_of(bytes(helper.make_model(graph).SerializeToString()))
    assert (found.parameters, found.flops_per_unit) == (0, None)
    assert "FLOPs are not known" in found.notes[0]


def test_weights_between_the_nodes_and_inside_of_them_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libraries, "missing", lambda kind: "onnx-tool")

    def constant(name: str, shape: Sequence[int], kind: str = "f4") -> Any:
        return helper.make_node(
            "Constant", [], [name], value=numpy_helper.from_array(numpy.zeros(shape, kind))
        )

    inner = helper.make_graph([constant("a", (3, 4))], "inner", [], [], [])
    nodes = [
        constant("c", (10, 20)),
        constant("axes", (5,), "i8"),
        helper.make_node("If", ["x"], ["y"], then_branch=inner),
    ]
    initializer = numpy_helper.from_array(numpy.zeros(7, "i8"), "shape")
    graph = helper.make_graph(nodes, "g", [], [], [initializer])
    found = facts_of(bytes(helper.make_model(graph).SerializeToString()))
    assert found.parameters == 10 * 20 + 3 * 4
    assert found.notes == (
        "FLOPs are not known: they need onnx-tool: pip install 'gramwatt-labeler[models]'",
    )


def test_shapes_as_a_person_writes_them() -> None:
    assert read_shapes("") == {}
    assert read_shapes("x=1x3x224x224  tokens:0=1×128") == {"x": (1, 3, 224, 224), "tokens:0": (1, 128)}
    for wrong, words in [
        ("x", "is no shape of an input; write NAME=SIZES"),
        ("x=1x0", "is no shape"),
        ("x=1x-3", "is no shape"),
        ("x=9999999999", "is no shape"),
        ("x=1 x=2", "there twice"),
        ("x" * 2001, "longer than 2000"),
    ]:
        with pytest.raises(InputError, match=words):
            read_shapes(wrong)
