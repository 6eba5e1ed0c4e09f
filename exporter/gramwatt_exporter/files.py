"""Files that are kept: whole or not at all after a power cut, for their owner only, and never through a planted link.

``rename`` alone is not enough: XFS, and ext4 with ``noauto_da_alloc``, may keep the new name and lose the bytes
(https://lwn.net/Articles/322823/). So the bytes are flushed before the rename, and the directory after it.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path

PRIVATE = 0o600
_FLAGS = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


def make_directory(directory: Path, mode: int = 0o700) -> None:
    """The directory, and those above it. One that is made has ``mode`` whatever the umask. Raises OSError."""
    if directory.is_dir():
        return
    directory.parent.mkdir(parents=True, exist_ok=True)
    directory.mkdir(mode=mode, exist_ok=True)
    directory.chmod(mode)


def create(path: Path, mode: int = PRIVATE, flags: int = os.O_RDWR) -> int:
    """A descriptor of a new, empty file. An old file or link of this name is unlinked, not written. Raises OSError."""
    with suppress(FileNotFoundError):
        path.unlink()
    descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL | _FLAGS, mode)
    if hasattr(os, "fchmod"):  # whatever the umask
        os.fchmod(descriptor, mode)
    return descriptor


def read(path: Path) -> bytes:
    """The bytes of a regular file. Raises OSError; for a link, a pipe or a device, too."""
    try:  # without O_NONBLOCK, opening a pipe would wait for a writer
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _FLAGS)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, "a link, which is not followed", str(path)) from None
        raise
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        return file.read()


def write_flushed(path: Path, data: bytes, mode: int = PRIVATE) -> None:
    """A new file with ``data``, which is on the disk before this returns. Raises OSError, and then there is none."""
    descriptor = create(path, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        path.unlink(missing_ok=True)
        raise


def replace(path: Path, data: bytes, mode: int = PRIVATE) -> None:
    """Replace ``path`` by ``data``: after a crash it holds either the new or the old content. Raises OSError."""
    make_directory(path.parent)
    temporary = path.with_name(f".{path.name}.new-{os.getpid()}")
    write_flushed(temporary, data, mode)
    try:
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    flush_directory(path.parent)


def flush_directory(directory: Path) -> None:
    """Flush the directory, so that new and removed names are on the disk. Does nothing where that is not possible."""
    with suppress(OSError, AttributeError):  # not on Windows, nor on every network file system
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | getattr(os, "O_CLOEXEC", 0))
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
