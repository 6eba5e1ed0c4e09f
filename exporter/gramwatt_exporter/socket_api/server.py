"""A door for clients: accepts connections, one thread each, bounded in number, and ends them all at the end."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable

from ..windows.errors import ApiError
from .handler import Guest, Handler, Service, error_body
from .limits import Connections

_LOG = logging.getLogger(__name__)
_LINGER_SECONDS = 2.0


class Server(ABC):
    """Serves what comes in on ``listening``. Subclasses identify the other end, and say over what."""

    turns_away = True
    """Whether one connection too many gets an answer that says so, in plain HTTP."""
    kept_for_root = 0
    """Connections that no other user may have; where the user is known at once."""

    def __init__(self, name: str, listening: socket.socket, service: Service) -> None:
        self.service = service
        self._listening = listening
        self._connections = Connections(self.kept_for_root)
        self._live: set[socket.socket] = set()
        self._live_lock = threading.Lock()
        self._refusals = threading.Semaphore(16)  # connections too many that get this answer at the same time
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._accept, name=name, daemon=True)

    @abstractmethod
    def guest(self, connection: socket.socket, address: object) -> Guest:
        """The process that has connected. Raises OSError when it has gone."""

    def secured(self, connection: socket.socket) -> socket.socket:
        """The connection to read from, with TLS where that is asked for. Raises OSError when the handshake fails."""
        return connection

    def start(self) -> None:
        """Begin to serve, in threads of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Stop listening and end all connections. May be called without start, and twice."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)  # wakes the accept
        if self._thread.is_alive():
            self._thread.join(timeout=2)
        self.close()
        with self._live_lock:
            for connection in self._live:
                with contextlib.suppress(OSError):
                    _shutdown(connection, socket.SHUT_RD)  # an answer that is being written still goes out

    def close(self) -> None:
        """Give the address back."""
        self._listening.close()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, address = self._listening.accept()
            except OSError as error:
                if self._stopping.is_set():
                    return
                _LOG.warning("cannot accept a client, trying again in a second: %s", error)
                self._stopping.wait(1)  # out of file descriptors, most likely
                continue
            try:
                self._begin(connection, address)
            except (OSError, RuntimeError) as error:  # the client has gone, or no thread can be had
                _LOG.debug("connection dropped: %s", error)
                connection.close()

    def _begin(self, connection: socket.socket, address: object) -> None:
        guest = self.guest(connection, address)
        if not self._connections.enter(guest.key):
            if self.turns_away and self._refusals.acquire(blocking=False):
                try:
                    self._spawn(self._turn_away, connection)
                except RuntimeError:
                    self._refusals.release()
                    raise
            else:
                connection.close()
            return
        try:
            self._spawn(self._serve, connection, guest)
        except RuntimeError:
            self._connections.leave(guest.key)
            raise

    def _spawn(self, work: Callable[..., None], *arguments: object) -> None:
        threading.Thread(target=work, args=arguments, name="socket-client", daemon=True).start()

    def _turn_away(self, connection: socket.socket) -> None:
        try:
            with connection:
                connection.settimeout(1)
                connection.recv(65536)  # a client that is still writing would not see the answer
                connection.sendall(_TOO_MANY_CONNECTIONS)
        except OSError as error:
            _LOG.debug("one connection too many ended: %s", error)
        finally:
            self._refusals.release()

    def _serve(self, connection: socket.socket, guest: Guest) -> None:
        try:
            connection.settimeout(guest.idle_seconds)
            connection = self.secured(connection)
            with self._live_lock:
                self._live.add(connection)
            handler = Handler(connection, guest, self.service)
            if handler.lingers:
                _drain(connection)
        except OSError as error:
            _LOG.debug("connection of %s ended: %s", guest, error)
        finally:
            with self._live_lock:
                self._live.discard(connection)
            self._connections.leave(guest.key)
            connection.close()


def _shutdown(connection: socket.socket, how: int) -> None:
    socket.socket.shutdown(connection, how)  # that of a TLS socket would go on without TLS


def _drain(connection: socket.socket) -> None:
    """Read on for a moment: a client that is still writing when we close would not see why."""
    _shutdown(connection, socket.SHUT_WR)
    deadline = time.monotonic() + _LINGER_SECONDS
    left = 1 << 20
    while left > 0 and (seconds := deadline - time.monotonic()) > 0:
        connection.settimeout(min(1.0, seconds))
        part = connection.recv(65536)
        if not part:
            return
        left -= len(part)


_TOO_MANY = error_body(ApiError(503, "", "too many connections", "close some, or try again later"))
_TOO_MANY_CONNECTIONS = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nConnection: close\r\n"
    b"Retry-After: 1\r\nContent-Length: %d\r\n\r\n%b" % (len(_TOO_MANY), _TOO_MANY)
)
