"""The Unix socket: the kernel identifies the caller."""

from __future__ import annotations

import socket
import struct
import sys
import time
from collections.abc import Callable, Sequence

from ..errors import NotHere
from ..windows.model import Peer
from .backend import Backend
from .handler import Service
from .limits import CONNECTIONS_FOR_ROOT, CallRate
from .listener import Listener
from .server import Server

_UCRED = struct.Struct("3i")  # struct ucred of unix(7): pid, uid, gid


class _Neighbour:
    """A client on this machine, identified when it connects."""

    idle_seconds = 60.0

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self.key = peer.uid

    def __str__(self) -> str:
        return f"{self._peer.user} (uid {self._peer.uid})"

    def peer(self, authorization: str | None) -> Peer:  # noqa: ARG002 - the kernel identifies it
        return self._peer


class SocketApi(Server):
    """Serves ``backend`` at the first usable of ``paths``.

    ``users`` names a uid, ``procfs`` numbers processes as the backend does. Raises at construction: ConfigError,
    Denied or Fatal when no socket can be had, NotHere where the kernel does not identify the other end.
    """

    kept_for_root = CONNECTIONS_FOR_ROOT

    def __init__(
        self,
        paths: Sequence[str],
        backend: Backend,
        users: Callable[[int], str],
        clock: Callable[[], float] = time.monotonic,
        procfs: str = "/proc",
    ) -> None:
        if sys.platform != "linux":
            raise NotHere(
                "recorded windows need Linux: here the kernel does not identify the other end of a Unix socket"
            )
        self._users = users
        self._listener = Listener(paths)
        super().__init__("socket-api", self._listener.socket, Service(backend, CallRate(clock), procfs))

    @property
    def rate(self) -> CallRate:
        """The rate of calls of each user."""
        return self.service.rate

    @property
    def path(self) -> str:
        """Where it listens."""
        return self._listener.path

    def guest(self, connection: socket.socket, address: object) -> _Neighbour:  # noqa: ARG002 - it has none
        """The process and user at the other end, as the kernel reports them."""
        pid, uid, _ = _UCRED.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
        return _Neighbour(Peer(uid=uid, pid=pid, user=self._users(uid)))

    def close(self) -> None:
        """Also removes the socket file."""
        self._listener.close()
