"""NVIDIA's library as pynvml gives it: loaded only where it is, its errors by what to do about them."""

from __future__ import annotations

import ctypes
from functools import partial
from typing import Any

from ....errors import Denied, Fatal, NotHere, TryAgain
from ...threads import Turns

GONE = {15: "lost", 16: "reset_required"}
# Invalid argument, not supported, no permission, function not found: asked again, the answer is the same.
FUNCTION_NOT_FOUND = 13
NEVER = frozenset({2, 3, 4, FUNCTION_NOT_FOUND})
GPU_SCOPE, MODULE_SCOPE = 0, 1

_RESTART = (
    "the NVIDIA driver was changed while its old library is in use: restart the exporter (or the machine)"
)


class InTurn:
    """The module pynvml, its calls made one at a time. ``library`` is what it calls: the library itself.

    NVML is safe for threads by its reference, and takes turns inside; stand-ins of it (virtual GPUs) are not all so.
    """

    def __init__(self, lib: Any, library: ctypes.CDLL, turns: Turns) -> None:
        self._lib = lib
        self._library = library
        self._turns = turns

    def call(self, name: str, *arguments: Any) -> int:
        """Call a function of the library without pynvml; its return code."""
        try:
            function = getattr(self._library, name)
        except AttributeError:
            return FUNCTION_NOT_FOUND
        return int(self._turns.call(function, *arguments))

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._lib, name)
        if name.startswith("nvml") and callable(value):
            value = partial(self._turns.call, value)
        setattr(self, name, value)
        return value


def load(library: str) -> InTurn:
    """pynvml and the library. Raises NotHere without the driver's library, Fatal without the package."""
    try:
        loaded = ctypes.CDLL(
            library
        )  # before pynvml, whose 7,000 lines a machine without a GPU does not need
    except OSError:
        raise NotHere(f"{library} is not installed") from None
    try:
        import pynvml  # type: ignore[import-untyped]  # ships no types
    except ImportError:
        raise Fatal("the package nvidia-ml-py is missing", "pip install nvidia-ml-py") from None
    return InTurn(pynvml, loaded, Turns())


def failure(error: Any, call: str) -> Exception:
    """What the caller should do about an error of the library as a whole."""
    code = error.value
    if code == 4:
        return Denied(f"{call}: {error}", "let the exporter's user open /dev/nvidiactl and /dev/nvidia*")
    if code == 12:
        return NotHere(f"{call}: {error}")
    if code == 18:
        return Fatal(f"{call}: {error}", _RESTART)
    return TryAgain(f"{call}: {error}")


def pass_mismatch(error: Exception) -> None:
    """NVMLLibraryMismatchError is a bare Exception: let it pass, and nothing else."""
    if type(error).__name__ != "NVMLLibraryMismatchError":
        raise error


def power_field(lib: Any, handle: Any, field_id: int, scope: int) -> int | None:
    """One power field in milliwatts; every value has a return code of its own. None: not supported."""
    try:
        value = lib.nvmlDeviceGetFieldValues(handle, [(field_id, scope)])[0]
    except lib.NVMLError as error:
        if error.value in GONE:
            raise
        return None
    except Exception as error:
        pass_mismatch(error)
        return None
    if value.nvmlReturn != lib.NVML_SUCCESS:
        return None
    if value.valueType == lib.NVML_VALUE_TYPE_UNSIGNED_INT:
        return int(value.value.uiVal)
    if value.valueType in (lib.NVML_VALUE_TYPE_UNSIGNED_LONG, lib.NVML_VALUE_TYPE_UNSIGNED_LONG_LONG):
        return int(value.value.ullVal)
    return None
