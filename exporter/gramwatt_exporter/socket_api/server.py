"""HTTP/1.1 over the Unix socket: one thread a connection, everything bounded, every error as JSON."""

from __future__ import annotations

import contextlib
import logging
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import unquote

import msgspec

from ..errors import NotHere
from ..windows.errors import ApiError
from ..windows.model import Peer
from . import routes
from .backend import Backend
from .limits import BODY_BYTES, CallRate, Connections
from .listener import Listener

_LOG = logging.getLogger(__name__)
_IDLE_SECONDS = 60.0  # between two requests of one connection
_REQUEST_SECONDS = 10.0  # for each piece of one request
_UCRED = struct.Struct("3i")  # struct ucred of unix(7): pid, uid, gid


class SocketApi:
    """Serves ``backend`` at the first usable of ``paths``.

    ``users`` names a uid, ``procfs`` numbers processes as the backend does. Raises at construction: ConfigError,
    Denied or Fatal when no socket can be had, NotHere where the kernel does not say who is at the other end.
    """

    def __init__(
        self,
        paths: Sequence[str],
        backend: Backend,
        users: Callable[[int], str],
        clock: Callable[[], float] = time.monotonic,
        procfs: str = "/proc",
    ) -> None:
        if sys.platform != "linux":
            raise NotHere("recorded windows need Linux: here the kernel does not say who is at a Unix socket")
        self.backend = backend
        self.procfs = procfs
        self.rate = CallRate(clock)
        self._users = users
        self._connections = Connections()
        self._live: set[socket.socket] = set()
        self._live_lock = threading.Lock()
        self._refusals = threading.Semaphore(16)  # connections too many that are told so at the same time
        self._listener = Listener(paths)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._accept, name="socket-api", daemon=True)

    @property
    def path(self) -> str:
        """Where it listens."""
        return self._listener.path

    def start(self) -> None:
        """Begin to serve, in threads of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Remove the socket file and end all connections. May be called without start, and twice."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        with contextlib.suppress(OSError):
            self._listener.socket.shutdown(socket.SHUT_RDWR)  # wakes the accept
        if self._thread.is_alive():
            self._thread.join(timeout=2)
        self._listener.close()
        with self._live_lock:
            for connection in self._live:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RD)  # an answer that is being written still goes out

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = self._listener.socket.accept()
            except OSError as error:
                if self._stopping.is_set():
                    return
                _LOG.warning("cannot accept a client, trying again in a second: %s", error)
                self._stopping.wait(1)  # out of file descriptors, most likely
                continue
            try:
                self._begin(connection)
            except (OSError, RuntimeError) as error:  # the client has gone, or no thread can be had
                _LOG.debug("connection dropped: %s", error)
                connection.close()

    def _begin(self, connection: socket.socket) -> None:
        pid, uid, _ = _UCRED.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
        if not self._connections.enter(uid):
            if self._refusals.acquire(blocking=False):
                try:
                    self._spawn(self._turn_away, connection)
                except RuntimeError:
                    self._refusals.release()
                    raise
            else:
                connection.close()
            return
        peer = Peer(uid=uid, pid=pid, user=self._users(uid))
        try:
            self._spawn(self._serve, connection, peer)
        except RuntimeError:
            self._connections.leave(uid)
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

    def _serve(self, connection: socket.socket, peer: Peer) -> None:
        with self._live_lock:
            self._live.add(connection)
        try:
            handler = _Handler(connection, peer, self)
            if handler.lingers:
                _drain(connection)
        except OSError as error:
            _LOG.debug("connection of %s ended: %s", peer.user, error)
        finally:
            with self._live_lock:
                self._live.discard(connection)
            self._connections.leave(peer.uid)
            connection.close()


class _Handler(BaseHTTPRequestHandler):
    """One connection. Only the parsing of request line and headers comes from the base class."""

    protocol_version = "HTTP/1.1"
    server_version = "gramwatt-exporter"
    sys_version = ""
    timeout = _IDLE_SECONDS
    wbufsize = -1  # one write an answer

    def __init__(self, connection: socket.socket, peer: Peer, api: SocketApi) -> None:
        self.peer = peer
        self.api = api
        self.awaits_continue = False
        self.lingers = False  # there is more to come that nobody will read
        super().__init__(connection, ("", 0), None)  # type: ignore[arg-type]

    def handle_one_request(self) -> None:
        try:
            self.connection.settimeout(_IDLE_SECONDS)
            self.raw_requestline = self.rfile.readline(8193)
            if not self.raw_requestline:
                self.close_connection = True
                return
            self.connection.settimeout(_REQUEST_SECONDS)
            if len(self.raw_requestline) > 8192:
                self.requestline = self.request_version = self.command = ""
                self.send_error(HTTPStatus.BAD_REQUEST, "the request line is too long")
                return
            self.awaits_continue = False
            if self.parse_request():
                self._answer()
                self.wfile.flush()
        except TimeoutError:
            self.close_connection = True

    def handle_expect_100(self) -> bool:
        self.awaits_continue = True  # only once the body is known to be small enough
        return True

    def _answer(self) -> None:
        path, _, query = self.path.partition("?")
        try:
            body = self._body()
            wait = self.api.rate.take(self.peer.uid)
            if wait:
                raise ApiError(429, "", "too many calls", "ask less often: at most 50 calls a second")
            route, window_id = routes.find(self.command, unquote(path))
            work = route.handler(
                self.api.backend, routes.Call(self.peer, window_id, query, body, self.api.procfs)
            )
            answer = work if isinstance(work, bytes) else msgspec.json.encode(self.api.backend.call(work))
            self._send(route.status, answer)
        except ApiError as error:
            self._refuse(error, path)
        except TimeoutError:
            raise
        except Exception:
            _LOG.exception("%s %s failed", self.command, path)
            self._refuse(ApiError(500, "", "the exporter failed to answer", "see the exporter's log"), path)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding"):
            self.close_connection = self.lingers = True
            raise ApiError(400, "", "a body in chunks is not accepted", "send Content-Length")
        text = self.headers.get("Content-Length", "0")
        if not (text.isascii() and text.isdigit()):
            self.close_connection = self.lingers = True
            raise ApiError(
                400, "", f"Content-Length {text[:32]!r} is not a number", "send the body's size in bytes"
            )
        if len(text) > 9 or int(text) > BODY_BYTES:
            self.close_connection = self.lingers = True
            raise ApiError(413, "", "the body is too large", f"send at most {BODY_BYTES // 1024} KiB")
        if self.awaits_continue and int(text):
            self.send_response_only(HTTPStatus.CONTINUE)
            self.end_headers()
            self.wfile.flush()
        body = self.rfile.read(int(text))
        if len(body) < int(text):
            self.close_connection = True
            raise ApiError(400, "", "the body ended early", "send as many bytes as Content-Length says")
        return body

    def _refuse(self, error: ApiError, path: str) -> None:
        headers = {}
        if error.status == 405:
            headers["Allow"] = routes.methods(unquote(path))
        elif error.status in (429, 503):
            headers["Retry-After"] = "1"
        self._send(error.status, _error_body(error), headers)

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """What the base class calls for a request it cannot parse."""
        self.close_connection = self.lingers = True
        self.request_version = (
            "HTTP/1.1"  # what it says cannot be trusted; without this there is no status line
        )
        error = ApiError(400, "", f"not a request: {message or HTTPStatus(code).phrase}", "speak HTTP/1.1")
        self._send(error.status, _error_body(error))
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        _LOG.debug("socket, %s (uid %d): %s", self.peer.user, self.peer.uid, format % args)


def _drain(connection: socket.socket) -> None:
    """Read on for a moment: a client that is still writing when we close would not see why."""
    connection.shutdown(socket.SHUT_WR)
    connection.settimeout(1)
    left = 1 << 20
    while left > 0 and (part := connection.recv(65536)):
        left -= len(part)


def _error_body(error: ApiError) -> bytes:
    return msgspec.json.encode({"error": {"field": error.field, "message": error.message, "fix": error.fix}})


_TOO_MANY = _error_body(ApiError(503, "", "too many connections", "close some, or try again later"))
_TOO_MANY_CONNECTIONS = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nConnection: close\r\n"
    b"Retry-After: 1\r\nContent-Length: %d\r\n\r\n%b" % (len(_TOO_MANY), _TOO_MANY)
)
