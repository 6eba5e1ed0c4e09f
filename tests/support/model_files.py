"""Small files of models in the shape that safetensors, torch.save, ONNX exporters and llama.cpp write them."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Mapping, Sequence


def safetensors(tensors: Mapping[str, Sequence[int]], form: str = "pt") -> bytes:
    """Float32 tensors of zeros."""
    header: dict[str, object] = {"__metadata__": {"format": form}}
    at = 0
    for name, shape in tensors.items():
        size = 4
        for one in shape:
            size *= one
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(at)


def torch_pickle(storages: Mapping[str, int]) -> bytes:
    """The opcodes of an OrderedDict of one-dimensional tensors, memoized as ``torch.save`` does."""
    out = b"\x80\x02ccollections\nOrderedDict\nq\x00)Rq\x01("
    for number, (key, count) in enumerate(storages.items()):
        name = f"layer{number}.weight".encode()
        out += b"X" + struct.pack("<I", len(name)) + name + f"q{chr(10 + number)}".encode("latin-1")
        if number == 0:
            out += b"ctorch._utils\n_rebuild_tensor_v2\nq\x02((X\x07\x00\x00\x00storageq\x03ctorch\nFloatStorage\nq\x04"
        else:
            out += b"h\x02((h\x03h\x04"
        out += b"X" + struct.pack("<I", len(key)) + key.encode() + b"q\x05"
        out += b"X\x03\x00\x00\x00cpuq\x06" if number == 0 else b"h\x06"
        size = b"J" + struct.pack("<i", count)
        out += size + b"tq\x07QK\x00" + size + b"\x85q\x08K\x01\x85q\x09\x89h\x00)RtR"
    return out + b"u."


def torch_zip(storages: Mapping[str, int], pickle: bytes = b"") -> bytes:
    """What ``torch.save`` of PyTorch 1.6 and later writes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/data.pkl", pickle or torch_pickle(storages))
        for key, count in storages.items():
            archive.writestr(f"archive/data/{key}", bytes(4 * count))
    return buffer.getvalue()


def onnx(
    shapes: Sequence[Sequence[int]], producer: str = "pytorch", packed: bool = True, outside: bool = False
) -> bytes:
    """A model whose graph has one node and an initializer of each shape."""
    graph = _field(1, _field(4, b"MatMul"))
    for shape in shapes:
        dims = (
            _field(1, b"".join(map(_varint, shape)))
            if packed
            else b"".join(b"\x08" + _varint(one) for one in shape)
        )
        tensor = dims + b"\x10\x01" + _field(8, b"w")
        graph += _field(5, tensor + (_field(13, _field(1, b"location")) if outside else _field(9, bytes(8))))
    return b"\x08\x0a" + _field(2, producer.encode()) + _field(7, graph)


def gguf(shapes: Sequence[Sequence[int]]) -> bytes:
    """Version 3, with a text, a number and a list of texts before the tensors."""
    out = b"GGUF" + struct.pack("<IQQ", 3, len(shapes), 3)
    out += _text("general.architecture") + struct.pack("<I", 8) + _text("llama")
    out += _text("llama.block_count") + struct.pack("<II", 4, 2)
    out += _text("tokenizer.ggml.tokens") + struct.pack("<IIQ", 9, 8, 2) + _text("a") + _text("b")
    for shape in shapes:
        out += _text("t") + struct.pack("<I", len(shape)) + b"".join(struct.pack("<Q", one) for one in shape)
        out += struct.pack("<IQ", 0, 0)
    return out + bytes(64)


def _text(text: str) -> bytes:
    return struct.pack("<Q", len(text)) + text.encode()


def _field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    out = b""
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])
