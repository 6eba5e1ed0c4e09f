"""One connection of a client: HTTP/1.1, everything bounded, every error as JSON."""

from __future__ import annotations

import io
import logging
import socket
from collections.abc import Hashable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any, Protocol
from urllib.parse import unquote

import msgspec
from msgspec import Struct

from ..windows.errors import ApiError
from ..windows.model import Peer
from . import routes
from .backend import Backend
from .limits import BODY_BYTES, OPENINGS_PER_SECOND, CallRate
from .reader import TimedReader

_LOG = logging.getLogger(__name__)
_REQUEST_SECONDS = 10.0  # seconds for one request from its second line on, and for writing its answer


class Service(Struct, frozen=True):
    """What every connection of a server works with. ``procfs`` numbers processes as the backend does."""

    backend: Backend
    rate: CallRate
    procfs: str


class Guest(Protocol):
    """The other end of one connection."""

    @property
    def key(self) -> Hashable:
        """Connections with the same key share one limit."""
        ...

    @property
    def idle_seconds(self) -> float:
        """Seconds to wait for the first line of a request."""
        ...

    def peer(self, authorization: str | None) -> Peer:
        """The caller, by the header ``Authorization`` (None: there is none). Raises ApiError 401 or 429."""
        ...


class Handler(BaseHTTPRequestHandler):
    """One connection. Only the parsing of request line and headers comes from the base class."""

    protocol_version = "HTTP/1.1"
    server_version = "gramwatt-exporter"
    sys_version = ""
    wbufsize = -1  # one write an answer

    def __init__(self, connection: socket.socket, guest: Guest, service: Service) -> None:
        self.guest = guest
        self.service = service
        self._reader = TimedReader(connection, _REQUEST_SECONDS)
        self.awaits_continue = False
        self.lingers = False  # the client may still send bytes that are not read
        super().__init__(connection, ("", 0), None)  # type: ignore[arg-type]

    def setup(self) -> None:
        super().setup()
        self.rfile.close()
        self.rfile = io.BufferedReader(self._reader)

    def handle_one_request(self) -> None:
        try:
            self._reader.allow(self.guest.idle_seconds)
            self.raw_requestline = self.rfile.readline(8193)
            if not self.raw_requestline:
                self.close_connection = True
                return
            self._reader.allow(_REQUEST_SECONDS)
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
        self.awaits_continue = True  # only once the size of the body is checked
        return True

    def _answer(self) -> None:
        path, _, query = self.path.partition("?")
        try:
            peer = self._peer()
            body = self._body()
            wait = self.service.rate.take(peer.uid)
            if wait:
                raise ApiError(429, "", "too many calls", "ask less often: at most 50 calls a second")
            route, window_id = routes.find(self.command, unquote(path))
            if route.opens and self.service.rate.openings.take(peer.uid):
                raise ApiError(
                    429,
                    "",
                    "too many windows opened",
                    f"open at most {OPENINGS_PER_SECOND} windows a second; record many short steps as one window",
                )
            work = route.handler(
                self.service.backend, routes.Call(peer, window_id, query, body, self.service.procfs)
            )
            answer = work if isinstance(work, bytes) else msgspec.json.encode(self.service.backend.call(work))
            self._send(route.status, answer)
        except ApiError as error:
            self._refuse(error, path)
        except TimeoutError:
            raise
        except Exception:
            _LOG.exception("%s %s failed", self.command, path)
            self._refuse(ApiError(500, "", "the exporter failed to answer", "see the exporter's log"), path)

    def _peer(self) -> Peer:
        try:
            return self.guest.peer(self.headers.get("Authorization"))
        except ApiError:
            self.close_connection = self.lingers = True  # the body of an unknown caller is not read
            raise

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding"):
            self.close_connection = self.lingers = True
            raise ApiError(400, "", "a body in chunks is not accepted", "send Content-Length")
        lengths = self.headers.get_all("Content-Length", ["0"])
        if len(lengths) > 1:  # a proxy may have used the other one (RFC 9112, 6.3)
            self.close_connection = self.lingers = True
            raise ApiError(400, "", "more than one Content-Length", "send it once")
        text = lengths[0]
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
        elif error.status == 401:
            headers["WWW-Authenticate"] = 'Bearer realm="gramwatt"'
        elif error.status in (429, 503):
            headers["Retry-After"] = "1"
        self._send(error.status, error_body(error), headers)

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
            "HTTP/1.1"  # the request's version is unknown; without this there is no status line
        )
        error = ApiError(400, "", f"not a request: {message or HTTPStatus(code).phrase}", "speak HTTP/1.1")
        self._send(error.status, error_body(error))
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        _LOG.debug("socket, %s: %s", self.guest, format % args)


def error_body(error: ApiError) -> bytes:
    """The JSON of docs/socket-api.md."""
    return msgspec.json.encode({"error": {"field": error.field, "message": error.message, "fix": error.fix}})
