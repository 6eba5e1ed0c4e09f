"""The socket file: where it may be, and how it is made and removed without touching another process's file."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Sequence
from pathlib import Path

from ..errors import ConfigError, Denied, Fatal

SYSTEM_PATH = "/run/gramwatt/gramwatt.sock"
_PATH_BYTES = 107  # sockaddr_un.sun_path without its terminating NUL
_PENDING = 64


def default_paths(configured: str, runtime_dir: str) -> list[str]:
    """Paths to listen at, in order of preference: the configured one, else /run/gramwatt, else the user's own."""
    if configured:
        return [configured]
    own = [f"{runtime_dir}/gramwatt/gramwatt.sock"] if runtime_dir else []
    return [SYSTEM_PATH, *own]


class Listener:
    """A bound, listening Unix socket and its file. Raises ConfigError, Denied or Fatal with what to do."""

    def __init__(self, paths: Sequence[str]) -> None:
        refusals = []
        for path in paths:
            try:
                self.socket = _listen(path)
            except PermissionError as error:
                refusals.append(f"{path}: {error.strerror}")
            except OSError as error:
                refusals.append(f"{path}: {error.strerror or error}")
            else:
                self.path = path
                status = Path(path).stat()
                self._identity = (status.st_dev, status.st_ino)
                return
        raise Denied(
            "cannot create a socket for recorded windows: " + "; ".join(refusals),
            "run as root, create the directory for this user, or set socket.path (--socket.path)",
        )

    def close(self) -> None:
        """Stop listening and remove the file, unless another process has put its own there."""
        self.socket.close()
        with contextlib.suppress(OSError):
            status = Path(self.path).stat()
            if (status.st_dev, status.st_ino) == self._identity:
                Path(self.path).unlink()


def _listen(path: str) -> socket.socket:
    temporary = f"{path}.{os.getpid()}"
    if len(os.fsencode(temporary)) > _PATH_BYTES:
        raise ConfigError(
            "$.socket.path", f"{path!r} is too long for a Unix socket; use a path of at most 90 bytes"
        )
    directory = Path(path).parent
    if not directory.exists():
        directory.mkdir(parents=True)
        directory.chmod(0o755)  # whatever the umask: clients of all users must reach the socket
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | getattr(socket, "SOCK_CLOEXEC", 0))
    try:
        with contextlib.suppress(FileNotFoundError):
            Path(temporary).unlink()
        # Under another name first: the rename sets the mode and replaces a stale file in one step.
        listening.bind(temporary)
        try:
            Path(temporary).chmod(0o666)  # every user may ask; the kernel identifies the caller
            listening.listen(_PENDING)
            _refuse_other(path)
            Path(temporary).rename(path)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()
            raise
    except BaseException:
        listening.close()
        raise
    return listening


def _refuse_other(path: str) -> None:
    """Raises Fatal when a process listens at ``path``, or when it is no socket at all."""
    file = Path(path)
    if not file.exists():
        return
    if not file.is_socket():
        raise ConfigError("$.socket.path", f"{path!r} exists and is not a socket; choose another path")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(2)
        try:
            probe.connect(path)
        except (ConnectionRefusedError, FileNotFoundError):
            return  # left behind by an exporter that was killed
    raise Fatal(
        f"another exporter is already listening at {path}",
        "stop it, or give this one its own socket.path (--socket.path)",
    )
