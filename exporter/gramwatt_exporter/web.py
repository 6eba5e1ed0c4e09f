"""The HTTP side: /, /metrics, /-/healthy, /-/ready. Answers from the current snapshot, touches no hardware."""

from __future__ import annotations

import html
import logging
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from . import __version__
from .errors import ConfigError
from .metrics.exposition import CONTENT_TYPE, Exposition
from .webconfig import WebConfig

_LOG = logging.getLogger(__name__)
_REQUEST_SECONDS = 15.0
_ENDING_SECONDS = 2.0  # for answers that are under way when the exporter is stopped
# Connections at a time. One more and the one whose last request is longest ago is closed: neither idle nor slow
# clients can use up the descriptors that the sampler needs, nor shut a scrape out.
MOST_CONNECTIONS = 64

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Gramwatt exporter</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:3rem auto;padding:0 1rem}}
code{{background:#8882;padding:.1em .3em;border-radius:.2em}}</style></head>
<body><h1>Gramwatt exporter</h1>
<p>Power and CO2 of every process and device of <code>{host}</code>. Version {version}.</p>
<ul><li><a href="/metrics">/metrics</a> for Prometheus</li>
<li><a href="/-/healthy">/-/healthy</a>: the process answers</li>
<li><a href="/-/ready">/-/ready</a>: the first sample has been taken</li></ul>
{note}</body></html>
"""


class WebServer:
    """Serves ``exposition``; ``guard`` says over what, and who may read all pages but the health checks."""

    def __init__(
        self,
        address: tuple[str, int],
        exposition: Exposition,
        guard: WebConfig,
    ) -> None:
        """Binds at once. Raises ConfigError naming the setting when the port cannot be had."""
        try:
            self._server = _Server(address, exposition, guard)
        except OSError as error:
            raise ConfigError(
                "$.web.listen_address",
                f"cannot listen on {address[0]}:{address[1]}: {error.strerror or error};"
                " free the port or set another (--web.listen-address)",
            ) from None
        self._thread = threading.Thread(target=self._server.serve_forever, name="web", daemon=True)

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens; the port is real even when 0 was asked for."""
        host, port = self._server.server_address[:2]
        return str(host), int(port)

    def reload(self) -> None:
        """Read users and certificates again. Raises ConfigError and changes nothing when they are wrong."""
        self._server.guard.reload()

    def start(self) -> None:
        """Begin to serve, in threads of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Stop listening and let running answers end."""
        if self._thread.is_alive():
            self._server.shutdown()
        self._server.server_close()
        self._server.finish(_ENDING_SECONDS)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(
        self,
        address: tuple[str, int],
        exposition: Exposition,
        guard: WebConfig,
    ) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.exposition = exposition
        self.guard = guard
        self._open: dict[socket.socket, None] = {}  # the one whose last request is longest ago comes first
        self._open_lock = threading.Lock()
        self._answering = 0
        self._answered = threading.Condition()
        super().__init__(address, _Handler)

    def finish_request(self, request: Any, client_address: Any) -> None:
        # The handshake belongs to the connection's own thread, so that a silent client cannot stop the door.
        connection: socket.socket = request
        connection.settimeout(_REQUEST_SECONDS)
        context = self.guard.ssl_context
        if context is not None:
            connection = context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        with connection, self._admitted(connection):
            if isinstance(connection, ssl.SSLSocket):
                connection.do_handshake()
            super().finish_request(connection, client_address)

    @contextmanager
    def _admitted(self, connection: socket.socket) -> Iterator[None]:
        with self._open_lock:
            if len(self._open) >= MOST_CONNECTIONS:
                oldest = next(iter(self._open))
                del self._open[oldest]
                with suppress(OSError):  # wakes its own thread, which closes it
                    socket.socket.shutdown(oldest, socket.SHUT_RDWR)
            self._open[connection] = None
        try:
            yield
        finally:
            with self._open_lock:
                self._open.pop(connection, None)

    @contextmanager
    def answering(self, connection: socket.socket) -> Iterator[None]:
        """A whole request came in on this connection: it is the last to be closed now."""
        with self._open_lock:
            if connection in self._open:
                del self._open[connection]
                self._open[connection] = None
        with self._answered:
            self._answering += 1
        try:
            yield
        finally:
            with self._answered:
                self._answering -= 1
                self._answered.notify_all()

    def finish(self, seconds: float) -> None:
        """Wait for the answers that are under way."""
        with self._answered:
            self._answered.wait_for(lambda: not self._answering, seconds)

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002
        _LOG.debug("a web client went away", exc_info=True)

    def server_bind(self) -> None:
        # The base class looks the name of the address up, which can hang without a resolver.
        # A restart shall not wait a minute for connections of the last run in TIME_WAIT.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        socket.socket.bind(self.socket, self.server_address)
        self.server_name, self.server_port = str(self.server_address[0]), self.socket.getsockname()[1]
        self.server_address = self.socket.getsockname()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "gramwatt-exporter"
    sys_version = ""
    timeout = 120  # an idle kept-alive connection
    disable_nagle_algorithm = True  # behind the TLS session tickets an answer would wait 40 ms for an ACK
    server: _Server

    def do_GET(self) -> None:
        """Every page there is."""
        with self.server.answering(self.connection):
            self._answer()

    def _answer(self) -> None:
        path = self.path.split("?", 1)[0]
        if path == "/-/healthy":
            self._send(200, b"Gramwatt exporter is healthy.\n", "text/plain; charset=utf-8")
        elif path == "/-/ready":
            ready = self.server.exposition.snapshot is not None
            text = b"ready\n" if ready else b"waiting for the first sample\n"
            self._send(200 if ready else 503, text, "text/plain; charset=utf-8")
        elif not self.server.guard.allows(self.headers.get("Authorization")):
            self._send(
                401, b"user name and password needed\n", "text/plain; charset=utf-8",
                {"WWW-Authenticate": 'Basic realm="gramwatt"'},
            )  # fmt: skip
        elif path == "/metrics":
            body = self.server.exposition.scrape()
            if body is None:
                self._send(503, b"waiting for the first sample\n", "text/plain; charset=utf-8")
            else:
                self._send(200, body, CONTENT_TYPE)
        elif path == "/":
            self._send(200, self._front_page(), "text/html; charset=utf-8")
        else:
            self._send(404, b"not found; try /metrics\n", "text/plain; charset=utf-8")

    do_HEAD = do_GET  # noqa: N815 - the base class's spelling

    def _front_page(self) -> bytes:
        snapshot = self.server.exposition.snapshot
        message = (
            snapshot.intensity.message if snapshot is not None else "The first sample has not been taken yet."
        )
        note = f"<p>{html.escape(message)}</p>" if message else ""
        return _PAGE.format(host=html.escape(socket.gethostname()), version=__version__, note=note).encode()

    def _send(
        self, status: int, body: bytes, content_type: str, headers: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """A line per scrape would be noise."""
        _LOG.debug(format, *args)
