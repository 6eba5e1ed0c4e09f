"""The lock of the state directory."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

from .. import files
from ..errors import ConfigError

if sys.platform != "win32":
    import fcntl

LOCK = "lock"


class DirectoryLock:
    """Two exporters on one ledger would overwrite each other's totals: the second is refused with ConfigError. The
    kernel releases the lock however a process ends. Raises OSError when the file cannot be made."""

    def __init__(self, directory: Path) -> None:
        path = directory / LOCK
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
        self._descriptor = os.open(path, flags, files.PRIVATE)
        if sys.platform == "win32":  # without fcntl a second exporter is not refused
            return
        with suppress(PermissionError):  # the file belongs to another user, but is writable
            os.fchmod(self._descriptor, files.PRIVATE)
        try:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            holder = ""
            with suppress(OSError):
                holder = os.pread(self._descriptor, 32, 0).decode("ascii", "replace").strip()
            os.close(self._descriptor)
            raise ConfigError(
                "$.state.dir",
                f"another exporter{f' (pid {holder})' if holder else ''} keeps its ledger in {directory};"
                " stop it or give this one a directory of its own",
            ) from None
        except OSError:
            return  # a file system without locks
        if os.fstat(self._descriptor).st_nlink > 1:
            return  # a hard link to another file: lock it, but do not write it
        with suppress(OSError):  # a full disk: only the pid of the holder is missing
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def close(self) -> None:
        """Release the lock."""
        os.close(self._descriptor)
