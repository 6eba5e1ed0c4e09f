"""The header of a safetensors file: 8 bytes of length, then JSON that names every tensor with type and shape.

Format: https://huggingface.co/docs/safetensors (100 MB of header at most, as its own reader has it).
"""

from __future__ import annotations

from typing import Any, BinaryIO

import msgspec

from .facts import FileFacts, WrongFile, values_of

MOST_HEADER = 100_000_000
_LIBRARIES = {"pt": "PyTorch", "tf": "TensorFlow", "flax": "Flax", "mlx": "MLX", "np": "NumPy"}


def read(file: BinaryIO, size: int) -> FileFacts:
    """The facts; only the header is read. Its size is known from the header, so the rest may be missing."""
    length = int.from_bytes(file.read(8), "little")
    if not 2 <= length <= MOST_HEADER:
        raise WrongFile("the header of a safetensors file has 2 to 100,000,000 bytes; this says otherwise")
    text = file.read(length)
    if len(text) < length:
        raise WrongFile(
            f"only {len(text)} of the {length} bytes of the header are here; send more of the file"
        )
    try:
        tree = msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise WrongFile("the header of the safetensors file is not JSON") from None
    about = tree.pop("__metadata__", None)
    parameters, end = 0, 0
    for one in tree.values():
        if not isinstance(one, dict):
            raise WrongFile("the header of the safetensors file describes a tensor by no object")
        parameters += values_of(one.get("shape"))
        end = max(end, _end(one.get("data_offsets")))
    written = about.get("format") if isinstance(about, dict) else None
    library = _LIBRARIES.get(written, "") if isinstance(written, str) else ""
    whole = 8 + length + end
    notes = (f"{size} of {whole} bytes were here; the header says the rest",) if size < whole else ()
    return FileFacts("safetensors", whole, parameters, library, notes)


def _end(offsets: object) -> int:
    if isinstance(offsets, list) and len(offsets) == 2:
        first, last = offsets
        if isinstance(first, int) and isinstance(last, int) and 0 <= first <= last <= 2**63:
            return last
    raise WrongFile("a tensor of the safetensors file has no offsets that can be read")
