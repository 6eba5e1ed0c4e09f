"""Files that appear whole or not at all, also after a power cut, and never through a planted link."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def replace(path: Path, data: bytes, mode: int = 0o644) -> None:
    """``path`` has ``data``, or still what it had, whatever happens when. Raises OSError.

    The bytes are flushed before the name is given, and the directory after it: a rename alone may keep the name and
    lose the bytes (https://lwn.net/Articles/322823/).
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")  # another process may write the same file
    part.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    try:
        with os.fdopen(os.open(part, flags, mode), "wb") as file:
            if hasattr(os, "fchmod"):
                os.fchmod(file.fileno(), mode)  # whatever the umask
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
    with suppress(OSError, AttributeError):  # not on Windows, nor on every network file system
        directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
