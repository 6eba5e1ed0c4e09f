"""Base of both servers: accepts connections, one thread each, up to a limit, and ends them all at the end."""

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
    """Serves connections to ``listening``. Subclasses identify the client and give the transport."""

    turns_away = True
    """Whether a connection beyond the limit gets an answer in plain HTTP."""
    kept_for_root = 0
    """Connections kept for root, where the user is known at once."""

    def __init__(self, name: str, listening: socket.socket, service: Service) -> None:
        self.service = service
        self._listening = listening
        self._connections = Connections(self.kept_for_root)
        self._live: set[socket.socket] = set()
        self._live_lock = threading.Lock()
        self._refusals = threading.Semaphore(16)  # connections beyond the limit, at a time
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._accept, name=name, daemon=True)

    @abstractmethod
    def guest(self, connection: socket.socket, address: object) -> Guest:
        """The process that has connected. Raises OSError when it has gone."""

    def secured(self, connection: socket.socket) -> socket.socket:
        """The connection to read from, with TLS if configured. Raises OSError when the handshake fails."""
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
        """Release the address."""
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
            except (OSError, RuntimeError) as error:  # no client, or no further thread
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
                connection.recv(65536)  # else a client that still writes would not see the answer
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
    socket.socket.shutdown(connection, how)  # shutdown of a TLS socket would continue without TLS


def _drain(connection: socket.socket) -> None:
    """Read on for a moment: a client that still writes when the connection closes would not see the answer."""
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
