"""``python -m gramwatt_labeler.model_files.library_program READER BYTES SHAPES < FILE``: facts as JSON.

``libraries`` starts it. Whatever a library prints goes to standard error; standard output has the answer alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from typing import Any, BinaryIO

from ..bounded_program import bound
from .facts import FileFacts, NotKnown, Shapes, WrongFile, as_tree

_MEMORY = 4 * 2**30
_CPU_SECONDS = 60


def main() -> None:
    """Answer, and end with 0; a process that a limit ends has answered nothing."""
    kind, size = sys.argv[1], int(sys.argv[2])
    shapes = {name: tuple(shape) for name, shape in json.loads(sys.argv[3]).items()}
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # each thread of it reserves memory
    bound(_MEMORY + 4 * size, _CPU_SECONDS)
    with contextlib.redirect_stdout(sys.stderr):
        answer = _answer(kind, sys.stdin.buffer, size, shapes)
    json.dump(answer, sys.stdout)


def _answer(kind: str, file: BinaryIO, size: int, shapes: Shapes) -> dict[str, Any]:
    try:
        facts = _facts(kind, file, size, shapes)
    except WrongFile as error:
        return {"wrong": str(error)}
    except NotKnown as error:
        return {"not_known": str(error)}
    except (MemoryError, OverflowError, RecursionError):
        return {"wrong": "the file is damaged"}
    return {"facts": as_tree(facts) | {"library": facts.library}}


def _facts(kind: str, file: BinaryIO, size: int, shapes: Shapes) -> FileFacts:
    # Imported here: each reader needs a library that may not be installed.
    file.seek(0)
    if kind == "onnx":
        from . import onnx_flops

        count, notes = onnx_flops.flops(file, shapes)
        return FileFacts("ONNX", size, notes=notes, flops_per_unit=count)
    if kind == "keras":
        from . import keras_archive

        return keras_archive.read(file, size, shapes)
    from . import hdf5

    return hdf5.read(file, size, shapes)


if __name__ == "__main__":
    main()
