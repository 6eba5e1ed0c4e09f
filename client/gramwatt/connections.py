"""Connections to an exporter, over a Unix socket or TCP, with one deadline for everything on them."""

from __future__ import annotations

import errno
import http.client
import socket
import ssl
import time
from typing import Any, Optional, Union
from urllib.parse import urlsplit

from .environment import CA_FILE
from .errors import Unavailable

DEFAULT_PORT = 10046
"""Port of an exporter over TCP, where the URL names none."""

AF_UNIX = getattr(socket, "AF_UNIX", None)


class _Deadline:
    """A socket whose operations share one deadline.

    An ordinary socket timeout starts again with each byte, so a peer that sends single bytes would hold the caller for
    ever.
    """

    deadline: Optional[float] = None  # by the monotonic clock

    def _arm(self) -> None:
        if self.deadline is None:
            return
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise socket.timeout("timed out")
        self.settimeout(left)  # type: ignore[attr-defined]

    def connect(self, address: Any) -> None:
        self._arm()
        super().connect(address)  # type: ignore[misc]

    def sendall(self, data: Any, flags: int = 0) -> None:
        self._arm()
        super().sendall(data, flags)  # type: ignore[misc]

    def recv_into(self, buffer: Any, nbytes: Optional[int] = None, flags: int = 0) -> int:
        self._arm()
        read: int = super().recv_into(buffer, nbytes or 0, flags)  # type: ignore[misc]
        return read


class _PlainSocket(_Deadline, socket.socket):
    pass


class _TlsSocket(_Deadline, ssl.SSLSocket):
    pass


class UnixConnection(http.client.HTTPConnection):
    """A connection to the socket file ``path``. ``timeout`` in seconds is for everything on it, from now on."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("gramwatt", timeout=timeout)
        self._path = path
        self._deadline = time.monotonic() + timeout

    def connect(self) -> None:
        assert AF_UNIX is not None
        unix = _PlainSocket(AF_UNIX, socket.SOCK_STREAM)
        unix.deadline = self._deadline
        try:
            unix.connect(self._path)
        except BaseException:
            unix.close()
            raise
        self.sock = unix


class TcpConnection(http.client.HTTPConnection):
    """A connection to ``http://host:port`` or ``https://host:port``; ``ca_file`` is trusted besides the system's
    authorities.

    Raises ValueError for any other form of URL.
    """

    def __init__(self, url: str, timeout: float, ca_file: str = "") -> None:
        self._tls, host, port = split(url)
        self._ca_file = ca_file
        self._deadline = time.monotonic() + timeout
        super().__init__(host, port, timeout=timeout)

    def connect(self) -> None:
        """Raises OSError (for a name with several addresses, the error of the last one), Unavailable for a wrong CA
        file."""
        context = self._context() if self._tls else None
        problem: OSError = OSError(errno.EADDRNOTAVAIL, "the name has no address")
        try:
            found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        except UnicodeError:
            raise OSError(errno.EINVAL, "its host is not a name") from None
        for family, kind, protocol, _, address in found:
            tcp = _PlainSocket(family, kind, protocol)
            tcp.deadline = self._deadline
            try:
                tcp.connect(address)
            except OSError as error:
                tcp.close()
                problem = error
                continue
            self.sock = tcp if context is None else self._secured(tcp, context)
            return
        raise problem

    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        context.sslsocket_class = _TlsSocket
        if self._ca_file:
            try:
                context.load_verify_locations(self._ca_file)
            except ssl.SSLError:
                raise Unavailable(f"{CA_FILE}: {self._ca_file} holds no PEM certificate") from None
            except OSError as error:
                raise Unavailable(f"{CA_FILE}: cannot read {self._ca_file}: {error.strerror}") from None
        return context

    def _secured(self, tcp: _PlainSocket, context: ssl.SSLContext) -> ssl.SSLSocket:
        try:
            tcp._arm()  # the whole handshake keeps the same deadline
            tls = context.wrap_socket(tcp, server_hostname=self.host)
        except BaseException:
            tcp.close()
            raise
        assert isinstance(tls, _TlsSocket)
        tls.deadline = self._deadline
        return tls


Connection = Union[UnixConnection, TcpConnection]


def is_url(candidate: str) -> bool:
    """Whether this is an address over TCP rather than the path of a socket."""
    return "://" in candidate


def split(url: str) -> tuple[bool, str, int]:
    """Whether TLS is used, the host and the port. The text of the ValueError names the fault and quotes no secret."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        raise ValueError("it must begin with http:// or https://")
    if parts.username is not None or parts.password is not None:
        raise ValueError("a token does not belong in it")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError("nothing may come after host and port")
    if not parts.hostname:
        raise ValueError("it has no host")
    try:
        port = parts.port
    except ValueError:
        raise ValueError("its port is not a number up to 65535") from None
    return parts.scheme == "https", parts.hostname, DEFAULT_PORT if port is None else port
