"""A model's numbers as a safetensors file: 8 bytes of length, a JSON header, then the values one after another.

Format: https://huggingface.co/docs/safetensors. It needs no package, and reading it runs no code.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Tensors = Mapping[str, NDArray[np.float32]]


def packed(tensors: Tensors) -> bytes:
    """The file's bytes."""
    header: dict[str, object] = {"__metadata__": {"format": "np"}}
    parts: list[bytes] = []
    end = 0
    for name, values in tensors.items():
        part = np.ascontiguousarray(values, dtype="<f4").tobytes()
        header[name] = {
            "dtype": "F32",
            "shape": list(values.shape),
            "data_offsets": [end, end + len(part)],
        }
        end += len(part)
        parts.append(part)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)  # values begin at a multiple of eight bytes
    return len(text).to_bytes(8, "little") + text + b"".join(parts)


def unpacked(data: bytes) -> dict[str, NDArray[np.float32]]:
    """The tensors of a file that :func:`packed` made."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    values = memoryview(data)[8 + length :]
    return {
        name: np.frombuffer(values[slice(*one["data_offsets"])], "<f4").reshape(one["shape"])
        for name, one in header.items()
    }
