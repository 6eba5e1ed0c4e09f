"""Requests that are not simple ones, read by the standard library: one thread for each connection."""

from __future__ import annotations

import io
import logging
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler
from typing import Any

from ..webconfig import WebConfig
from .connections import Connections
from .encoding import accepts_gzip
from .hosts import Hosts
from .pages import ENDED, TEXT, Page, Pages, collector_at

_LOG = logging.getLogger(__name__)
HANDSHAKE_SECONDS = 15.0
IDLE_SECONDS = 120  # a connection that is kept open
_LINGER_SECONDS = 2.0
_LONGEST_REST = 1 << 20  # bytes that are read of an unwanted body


_NOT_OUR_NAME = (
    b"this exporter is not known by the name in the header Host;"
    b" scrape it by its address, or add the name to web.hosts\n"
)


class OtherRequests:
    """Serves one connection after the other, each in a thread of its own."""

    def __init__(
        self, pages: Pages, guard: WebConfig, connections: Connections, hosts: Hosts | None = None
    ) -> None:
        self.pages = pages
        self.guard = guard
        self.connections = connections
        self.hosts = hosts or Hosts()

    def take(self, connection: socket.socket, address: object, read: bytes = b"") -> None:
        """Serve ``connection``, of which ``read`` has been read, until it ends. Closes it in any case."""
        thread = threading.Thread(
            target=self._serve, args=(connection, address, read), name="web-client", daemon=True
        )
        try:
            thread.start()
        except RuntimeError as error:  # no further thread can be started
            _LOG.debug("connection dropped: %s", error)
            self.connections.leave(connection)
            connection.close()

    def _serve(self, connection: socket.socket, address: object, read: bytes) -> None:
        entered = connection
        try:
            connection.settimeout(HANDSHAKE_SECONDS)
            context = self.guard.ssl_context
            if context is not None:
                # This thread makes the handshake, so that a silent client cannot hold up the front.
                connection = context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
                self.connections.replace(entered, connection)
                entered = connection
                connection.do_handshake()
            handler = _Handler(connection, address, self, read)
            _end(connection)
            if handler.lingers:
                _drain(connection)
        except Exception:
            _LOG.debug("a web client went away", exc_info=True)
        finally:
            self.connections.leave(entered)
            connection.close()


def _end(connection: socket.socket) -> None:
    """Shut the connection down for writing: a client without a Content-Length waits for that."""
    try:
        socket.socket.shutdown(connection, socket.SHUT_WR)
    except OSError as error:
        _LOG.debug("the client was gone: %s", error)


def _drain(connection: socket.socket) -> None:
    """Read on for a moment: a client that still writes when the connection closes would not see the answer."""
    deadline = time.monotonic() + _LINGER_SECONDS
    left = _LONGEST_REST
    while left > 0 and (seconds := deadline - time.monotonic()) > 0:
        connection.settimeout(seconds)
        part = connection.recv(65536)
        if not part:
            return
        left -= len(part)


class _Behind(io.RawIOBase):
    """What has been read already, and after it what comes from the connection."""

    def __init__(self, read: bytes, rest: io.RawIOBase) -> None:
        self._read = read
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> Any:
        if not self._read:
            return self._rest.readinto(buffer)
        size = min(len(buffer), len(self._read))
        buffer[:size], self._read = self._read[:size], self._read[size:]
        return size

    def close(self) -> None:
        self._rest.close()
        super().close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "gramwatt-exporter"
    sys_version = ""
    timeout = IDLE_SECONDS
    disable_nagle_algorithm = True  # else an answer after the TLS session tickets waits 40 ms for an ACK
    connection: socket.socket

    def __init__(self, connection: socket.socket, address: object, front: OtherRequests, read: bytes) -> None:
        self._front = front
        self._read = read
        self.lingers = False  # there may be more to come that will not be read
        super().__init__(connection, address, None)  # type: ignore[arg-type]  # no server of the library's is behind it

    def setup(self) -> None:
        super().setup()
        if self._read:
            self.rfile = io.BufferedReader(_Behind(self._read, self.rfile.detach()))

    def do_GET(self) -> None:
        """Serve every page. No page takes a body, and the rest of one must not be read as the next request."""
        with self._front.connections.answering(self.connection):
            path = self.path.split("?", 1)[0]
            pages = self._front.pages
            if self._has_body():
                # The bytes that follow would be read as the next request.
                self.close_connection = self.lingers = True
                self._send(Page(400, b"a GET has no body here; send none\n", TEXT))
            elif pages.is_open(path):
                self._send(pages.answer(path))
            elif not self._front.hosts.admit(self._lines()):
                self._send(Page(403, _NOT_OUR_NAME, TEXT))
            elif self._front.guard.allows(
                self.headers.get("Authorization"), self._front.connections.place_of(self.connection)
            ):
                if path == ENDED and self.command == "GET":
                    page = pages.ended(self.path.partition("?")[2])
                    self.close_connection = self.close_connection or pages.is_ending
                    self._send(page)
                else:
                    gzip = accepts_gzip(self.headers.get("Accept-Encoding", ""))
                    self._send(pages.answer(path, self._collector(), gzip))
            else:
                self._send(
                    Page(401, b"user name and password needed\n", TEXT),
                    {"WWW-Authenticate": 'Basic realm="gramwatt"'},
                )

    def _collector(self) -> str:
        if not self.headers.get("X-Prometheus-Scrape-Timeout-Seconds"):
            return ""
        return collector_at(self.client_address, self.headers.get("User-Agent", "collector").lower())

    do_HEAD = do_GET  # noqa: N815 - the base class's spelling

    def _has_body(self) -> bool:
        """Whether the request has a body or may have one: also with two lengths, or an invalid one."""
        lengths = self.headers.get_all("Content-Length", [])
        return "Transfer-Encoding" in self.headers or any(length.strip() != "0" for length in lengths)

    def _lines(self) -> bytes:
        lines = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
        return lines.lower().encode("latin-1", "replace")

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer a request with another method, or a malformed one. The connection ends, and a body is drained."""
        self.lingers = True
        super().send_error(code, message, explain)

    def _send(self, page: Page, headers: dict[str, str] | None = None) -> None:
        self.send_response(page.status)
        self.send_header("Content-Type", page.content_type)
        self.send_header("Content-Length", str(len(page.body)))
        if page.encoding:
            self.send_header("Content-Encoding", page.encoding)
            self.send_header("Vary", "Accept-Encoding")
        if self.close_connection:
            self.send_header("Connection", "close")
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(page.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """A line per scrape would be noise."""
        _LOG.debug(format, *args)
