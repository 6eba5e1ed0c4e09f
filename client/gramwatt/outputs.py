"""What a run leaves behind besides its own work: files, a summary. None of it may change how the run ends."""

from __future__ import annotations

import contextlib
import json
import math
import os
import sys
from pathlib import Path
from typing import Any, Callable

from .csv_file import open_stream

_FILE_MODE = 0o666


def guarded(what: str, write: Callable[[], object], say: Callable[[str], None]) -> bool:
    """Write an output; whatever goes wrong is one line to ``say``. False when it went wrong.

    The catch is deliberately wide: a bug in an output must not cost a finished training its exit code.
    """
    try:
        write()
    except Exception as error:
        say(f"{what}: {reason(error)}")
        return False
    return True


def reason(error: BaseException) -> str:
    """An error in one line for a person."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:200]}" if text else type(error).__name__


def write_json(path: Path, value: Any) -> None:
    """One JSON object with a line break; NaN and infinity, which JSON does not have, become null. Raises OSError.

    A disk that fills up leaves an empty file, not half an object.
    """
    data = (json.dumps(finite(value), indent=2, allow_nan=False) + "\n").encode()
    is_stream = path.exists() and not path.is_file()
    fd = open_stream(path) if is_stream else os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _FILE_MODE)
    try:
        while data:
            data = data[os.write(fd, data) :]
    except OSError:
        if not is_stream:
            with contextlib.suppress(OSError):
                os.ftruncate(fd, 0)
        raise
    finally:
        os.close(fd)


def finite(value: Any) -> Any:
    """The same value with None in place of every number that is not finite."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(one) for one in value]
    return value


def say(text: str) -> None:
    """A line on standard error, as far as there is one."""
    try:
        print(text, file=sys.stderr, flush=True)
    except UnicodeError:
        with contextlib.suppress(Exception):
            print(text.encode("ascii", "backslashreplace").decode(), file=sys.stderr, flush=True)
    except Exception:
        # Closed, full or gone. What is left in its buffer fails again when Python ends, and Python then makes 120 of
        # our exit code: without a stream there is nothing to flush.
        sys.stderr = None
