"""AMD's library: loading it, what its errors mean, and numbers in its answers."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
from typing import Any

from ....errors import Denied, Fatal, NotHere, TryAgain

# amdsmi_status_t
NOT_SUPPORTED, NO_PERMISSION, DRIVER_NOT_LOADED = 2, 10, 34
_MISMATCH = "pip install the amdsmi of the ROCm release in use and restart the exporter"


def load() -> Any:
    """The package amdsmi, whose import loads libamd_smi.so. Raises NotHere, Fatal. Prints nothing.

    A failed import leaves nothing behind that the next one would take for the package.
    """
    if importlib.util.find_spec("amdsmi") is None:
        raise NotHere("the package amdsmi is not installed")
    said = io.StringIO()  # it prints why there is no library, then stumbles over a name
    try:
        with contextlib.redirect_stdout(said):
            return importlib.import_module("amdsmi")
    except (KeyError, OSError) as error:
        reason = next(iter(said.getvalue().splitlines()), f"{type(error).__name__}: {error}")
        raise NotHere(f"libamd_smi.so cannot be loaded: {reason}") from None
    except Exception as error:
        raise Fatal(f"amdsmi cannot be loaded: {type(error).__name__}: {error}", _MISMATCH) from None


def code(error: Exception) -> int | None:
    """The amdsmi_status_t of an error; None where it has none."""
    found = getattr(error, "err_code", None)
    return found if isinstance(found, int) else None


def failure(error: Exception) -> Exception:
    """What the caller should do about an error of the library as a whole."""
    text = f"amdsmi: {' '.join(str(error).split())}"  # their text is of two lines
    if code(error) == DRIVER_NOT_LOADED:
        return NotHere(text)
    if code(error) == NO_PERMISSION:
        return Denied(
            text, "let the exporter's user open /dev/kfd and /dev/dri/renderD* (groups render, video)"
        )
    return TryAgain(text)


def number(value: Any) -> float:
    """A number of an answer. Raises ValueError for "N/A" and for what is missing."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"not a number: {value!r}")
    return value
