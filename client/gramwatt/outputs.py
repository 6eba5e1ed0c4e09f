"""Files and the summary that Gramwatt writes after a run. No failure here may change the run's exit code."""

from __future__ import annotations

import contextlib
import json
import math
import os
import stat
import sys
import threading
from pathlib import Path
from typing import Any, Callable

from .csv_file import is_stream, open_stream

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

    The file appears whole or not at all, also where several runs write it at once or the disk fills up.
    """
    data = (json.dumps(finite(value), indent=2, allow_nan=False) + "\n").encode()
    if is_stream(path):
        _write(open_stream(path), data)
        return
    real = Path(os.path.realpath(path))  # a link stays a link
    part = real.with_name(f".{real.name}.{os.getpid()}.{threading.get_ident()}.part")
    try:
        fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FILE_MODE)
    except OSError:  # the folder is not writable, but the old file may be
        _write(os.open(real, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _FILE_MODE), data)
        return
    try:
        _write(fd, data)
        with contextlib.suppress(OSError):
            part.chmod(stat.S_IMODE(real.stat().st_mode))
        part.replace(real)
    except OSError:
        part.unlink()
        raise


def _write(fd: int, data: bytes) -> None:
    try:
        while data:
            data = data[os.write(fd, data) :]
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
    """Print a line on standard error, if it is open."""
    try:
        print(text, file=sys.stderr, flush=True)
    except UnicodeError:
        with contextlib.suppress(Exception):
            print(text.encode("ascii", "backslashreplace").decode(), file=sys.stderr, flush=True)
    except Exception:
        # Closed, full or gone. What is left in its buffer fails again when Python ends, and Python then makes 120 of
        # our exit code: without a stream there is nothing to flush.
        sys.stderr = None
