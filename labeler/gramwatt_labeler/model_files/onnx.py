"""An ONNX model: a protocol buffer whose tensors are counted by their dimensions; their bytes are skipped.

Fields: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto (ModelProto, GraphProto, TensorProto).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from .facts import MOST_PARAMETERS, FileFacts, WrongFile, values_of

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_PRODUCER, _GRAPH = 2, 7  # of ModelProto
_NODE, _INITIALIZER, _SPARSE = 1, 5, 15  # of GraphProto
_OPERATOR, _ATTRIBUTE = 4, 5  # of NodeProto
_TENSOR, _INNER, _INNERS = 5, 6, 11  # of AttributeProto: a tensor, a graph, graphs
_DIMS, _TYPE, _EXTERNAL = 1, 2, 13  # of TensorProto
_VALUES = 1  # of SparseTensorProto: a TensorProto of what is not 0
_NO_WEIGHTS = frozenset({7, 8, 9, 12, 13})
"""Data types of shapes, texts, truths and counts: int64, string, bool, uint32, uint64."""
_MOST_TENSORS = 1_000_000
_DEEPEST = 8
_MOST_TEXT = 1000
_LIBRARIES = {
    "pytorch": "PyTorch",
    "keras2onnx": "Keras",
    "tf2onnx": "TensorFlow",
    "skl2onnx": "scikit-learn",
}


def read(file: BinaryIO, size: int) -> FileFacts:
    """The facts. Raises WrongFile for what is no ONNX model."""
    producer, graphs, parameters, outside = "", 0, 0, 0
    for number, kind, value in _fields(file, file.tell(), size):
        if number == _PRODUCER and kind == _BYTES:
            producer = _text(file, value)
        elif number == _GRAPH and kind == _BYTES:
            graphs += 1
            for count, is_outside in _weights(file, value, 0):
                parameters += count
                outside += is_outside
    if graphs != 1 or parameters > MOST_PARAMETERS:
        raise WrongFile("this is no ONNX model: it has no graph that can be read")
    notes = (
        (f"the values of {outside} tensors are in other files; their bytes are not counted",)
        if outside
        else ()
    )
    library = _LIBRARIES.get(producer.lower(), "ONNX")
    return FileFacts("ONNX", size, parameters, library, notes)


def _weights(file: BinaryIO, graph: tuple[int, int], depth: int) -> Iterator[tuple[int, bool]]:
    """The number of values of each weight, and whether they are in another file.

    Weights are initializers, constants between the nodes, and those of the graphs inside of nodes.
    """
    if depth > _DEEPEST:
        raise WrongFile(f"its graphs are nested more than {_DEEPEST} times")
    for seen, (number, kind, value) in enumerate(_fields(file, *graph)):
        if seen > _MOST_TENSORS:
            raise WrongFile(f"the graph has more than {_MOST_TENSORS} parts")
        if kind != _BYTES:
            continue
        if number == _INITIALIZER:
            yield _tensor(file, value)
        elif number == _SPARSE:
            for inner, inner_kind, one in _fields(file, *value):
                if inner == _VALUES and inner_kind == _BYTES:
                    yield _tensor(file, one)
        elif number == _NODE:
            yield from _of_node(file, value, depth)


def _of_node(file: BinaryIO, node: tuple[int, int], depth: int) -> Iterator[tuple[int, bool]]:
    operator, attributes = "", []
    for number, kind, value in _fields(file, *node):
        if number == _OPERATOR and kind == _BYTES:
            operator = _text(file, value)
        elif number == _ATTRIBUTE and kind == _BYTES:
            attributes.append(value)
    for attribute in attributes:
        for number, kind, value in _fields(file, *attribute):
            if number == _TENSOR and kind == _BYTES and operator == "Constant":
                yield _tensor(file, value)
            elif number in (_INNER, _INNERS) and kind == _BYTES:
                yield from _weights(file, value, depth + 1)


def _tensor(file: BinaryIO, tensor: tuple[int, int]) -> tuple[int, bool]:
    dims: list[int] = []
    outside, form = False, 0
    for number, kind, one in _fields(file, *tensor):
        if number == _DIMS and kind == _VARINT:
            dims.append(one[0])
        elif number == _DIMS and kind == _BYTES:  # packed
            file.seek(one[0])
            while file.tell() < one[1]:
                dims.append(_varint(file, one[1]))
        elif number == _TYPE and kind == _VARINT:
            form = one[0]
        outside |= number == _EXTERNAL
    return (0, False) if form in _NO_WEIGHTS else (values_of(dims[:65]), outside)


def _fields(file: BinaryIO, start: int, end: int) -> Iterator[tuple[int, int, tuple[int, int]]]:
    """``(field, wire type, value)``: a number and 0, or where the bytes of a field begin and end."""
    at = start
    while at < end:
        file.seek(at)
        tag = _varint(file, end)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value = (_varint(file, end), 0)
            at = file.tell()
        elif kind == _BYTES:
            length = _varint(file, end)
            value = (file.tell(), file.tell() + length)
            at = value[1]
        elif kind in (_FIXED32, _FIXED64):
            value = (0, 0)
            at = file.tell() + (4 if kind == _FIXED32 else 8)
        else:
            raise WrongFile("this is no ONNX model: a field has a type that there is not")
        if number == 0 or at > end:
            raise WrongFile("this is no ONNX model, or its end is missing")
        yield number, kind, value


def _varint(file: BinaryIO, end: int) -> int:
    found = shift = 0
    while shift < 64 and file.tell() < end:
        byte = file.read(1)
        if not byte:
            break
        found |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return found
        shift += 7
    raise WrongFile("this is no ONNX model, or its end is missing")


def _text(file: BinaryIO, value: tuple[int, int]) -> str:
    file.seek(value[0])
    return file.read(min(_MOST_TEXT, value[1] - value[0])).decode("utf-8", "replace")
