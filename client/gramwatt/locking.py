"""An exclusive lock on an open file, by the means of the platform and the file system."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

WAIT_SECONDS = 10.0
_POLL_SECONDS = 0.01
_STALE_SECONDS = 30.0  # a lock file older than this belongs to a process that died: a row takes milliseconds
# Errors of flock on file systems without locks: NFS without lockd, some FUSE and Lustre mounts.
_NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)


@contextlib.contextmanager
def locked(fd: int, path: Path, wait: float = WAIT_SECONDS) -> Iterator[bool]:
    """Hold the lock of the file behind ``fd``; True when it is held, False when ``wait`` seconds were not enough.

    On a file system without locks, ``path.lock`` is created and removed instead.
    """
    deadline = time.monotonic() + wait
    try:
        held = _poll(lambda: _try_lock(fd), deadline)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        with _lock_file(path.with_name(path.name + ".lock"), deadline) as held:
            yield held
        return
    try:
        yield held
    finally:
        if held:
            _unlock(fd)


def _poll(attempt: object, deadline: float) -> bool:
    assert callable(attempt)
    while True:
        if attempt():
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL_SECONDS)


if sys.platform == "win32":
    import msvcrt

    _LOCKED_BYTE = (
        1 << 40
    )  # far behind the end of the file: on Windows other processes cannot read locked bytes

    def _try_lock(fd: int) -> bool:
        os.lseek(fd, _LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EDEADLK):
                return False
            raise
        return True

    def _unlock(fd: int) -> None:
        os.lseek(fd, _LOCKED_BYTE, os.SEEK_SET)
        with contextlib.suppress(OSError):
            msvcrt.locking(fd, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _try_lock(fd: int) -> bool:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(fd: int) -> None:
        with contextlib.suppress(OSError):
            fcntl.flock(fd, fcntl.LOCK_UN)


@contextlib.contextmanager
def _lock_file(path: Path, deadline: float) -> Iterator[bool]:
    """The lock as a file that only one process can create (O_EXCL, which NFS keeps since version 3)."""
    held = _poll(lambda: _create(path), deadline)
    try:
        yield held
    finally:
        if held:
            with contextlib.suppress(OSError):
                path.unlink()


def _create(path: Path) -> bool:
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        with contextlib.suppress(OSError):
            created = path.stat().st_mtime
            if _is_old(created, time.time()) and _is_old(created, _now_of(path.parent)):
                path.unlink()
        return False
    return True


def _is_old(created: float, now: float) -> bool:
    """A file that is created later than now is of before the clock was set back."""
    return abs(now - created) > _STALE_SECONDS


def _now_of(folder: Path) -> float:
    """The time of the folder's file system: that of a file server, whose clock may differ from this machine's."""
    with tempfile.TemporaryFile(dir=str(folder)) as file:
        return os.fstat(file.fileno()).st_mtime
