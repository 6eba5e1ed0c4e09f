"""The same calls over TCP, where configured: a bearer token identifies the user, TLS protects it on a network."""

from __future__ import annotations

import ipaddress
import logging
import socket
import time
from collections.abc import Callable
from typing import Protocol

from ..config.address import split
from ..config.schema import WindowsTcp
from ..errors import ConfigError
from ..webconfig import WebConfig
from ..windows.errors import ApiError
from ..windows.model import Peer
from . import tokens
from .backend import Backend
from .handler import Service
from .limits import CallRate, FailedTries
from .server import Server

_LOG = logging.getLogger(__name__)
_PENDING = 64
_REMEMBERED = 4096
_FIX = (
    "send a token of windows.tcp.token_file as 'Authorization: Bearer TOKEN'"
    " (the client: GRAMWATT_TOKEN_FILE or GRAMWATT_TOKEN)"
)


class Users(Protocol):
    """The users of the measured machine."""

    def __call__(self, uid: int) -> str: ...

    def uid_of(self, user: str) -> int | None:
        """The uid of a name, or of a uid written out."""
        ...


def check_files(settings: WindowsTcp, users: Users) -> None:
    """Raises ConfigError when the files that ``settings`` name cannot be used."""
    if settings.listen_address:
        tokens.read(settings.token_file, users.uid_of)
        _guard(settings)


class Door:
    """Which clients are let in: the valid tokens, and addresses with too many wrong ones."""

    def __init__(self, known: tokens.Tokens, users: Callable[[int], str], clock: Callable[[], float]) -> None:
        self.tokens = known  # replaced as a whole when the file is read again
        self._users = users
        self._tries = FailedTries(clock)
        self._came_in: set[tuple[str, bytes]] = set()

    def open(self, address: str, authorization: str | None) -> Peer:
        """The user of the token. Raises ApiError 401, or 429 after too many wrong ones from this address.

        After too many, only tokens that this address used before are checked: a guessing client is slowed down and does
        not lock out others at the same address.
        """
        scheme, _, token = (authorization or "").partition(" ")
        presented = tokens.digest(token.strip())
        visitor = (address, presented)
        if visitor not in self._came_in and self._tries.wait(address):
            raise ApiError(429, "", "too many wrong tokens from this address", "wait a second; " + _FIX)
        uid = self.tokens.uid(presented) if scheme.lower() == "bearer" else None
        if uid is None:
            self._came_in.discard(visitor)
            if self._tries.failed(address):
                _LOG.warning("many wrong tokens for windows over TCP from %s", address)
            raise ApiError(401, "", "wrong token" if authorization else "no token", _FIX)
        if len(self._came_in) >= _REMEMBERED:
            self._came_in.clear()
        self._came_in.add(visitor)
        return Peer(uid=uid, pid=0, user=self._users(uid))  # 0: TCP does not say which process asks


class _Stranger:
    """A remote client, which sends a token with every request."""

    idle_seconds = 10.0

    def __init__(self, address: str, door: Door) -> None:
        self.key = address
        self._door = door

    def __str__(self) -> str:
        return self.key

    def peer(self, authorization: str | None) -> Peer:
        return self._door.open(self.key, authorization)


class TcpApi(Server):
    """Serves ``backend`` at ``settings.listen_address``, which is not empty.

    ``rate`` is shared with the Unix socket, because a user is the same over both. Binds at construction and
    raises ConfigError naming the setting.
    """

    def __init__(
        self,
        settings: WindowsTcp,
        backend: Backend,
        users: Users,
        rate: CallRate | None = None,
        clock: Callable[[], float] = time.monotonic,
        procfs: str = "/proc",
    ) -> None:
        self._uid_of = users.uid_of
        self._guard = _guard(settings)
        self.turns_away = self._guard.ssl_context is None
        known = tokens.read(settings.token_file, users.uid_of)
        self._door = Door(known, users, clock)
        super().__init__(
            "tcp-api", _listen(settings.listen_address), Service(backend, rate or CallRate(clock), procfs)
        )

    @property
    def url(self) -> str:
        """The address for clients; its port is the real one even when 0 is configured."""
        host, port = self._listening.getsockname()[:2]
        scheme = "http" if self._guard.ssl_context is None else "https"
        return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"

    def start(self) -> None:
        """Begin to serve, in threads of its own."""
        super().start()
        _LOG.info("windows over TCP: %s, tokens: %d", self.url, len(self._door.tokens.digests))
        if self._door.tokens.of_root:
            _LOG.warning(
                "a token of windows.tcp.token_file is root's: it sees and touches everybody's windows"
            )

    def prepare(self, settings: WindowsTcp) -> Callable[[], None]:
        """Read tokens and certificates again; the result takes them over. Raises ConfigError, with nothing changed."""
        known = tokens.read(settings.token_file, self._uid_of)
        take_certificates = self._guard.prepare()

        def take() -> None:
            take_certificates()
            self._door.tokens = known

        return take

    def guest(self, connection: socket.socket, address: object) -> _Stranger:
        """Known by its address until it sends a token."""
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return _Stranger(_neighbourhood(str(address[0]) if isinstance(address, tuple) else ""), self._door)

    def secured(self, connection: socket.socket) -> socket.socket:
        """Make the TLS handshake where a certificate is configured, within the time limit of one request."""
        context = self._guard.ssl_context
        return connection if context is None else context.wrap_socket(connection, server_side=True)


def _guard(settings: WindowsTcp) -> WebConfig:
    guard = WebConfig(settings.config_file, "$.windows.tcp.config_file")
    if settings.config_file and guard.ssl_context is None:
        raise ConfigError(
            "$.windows.tcp.config_file",
            f"{settings.config_file} has no tls_server_config; add it, or leave the file out for plain HTTP",
        )
    return guard


def _listen(text: str) -> socket.socket:
    address = split(text)
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    both = address[0] == "::" and socket.has_dualstack_ipv6()
    try:
        return socket.create_server(address, family=family, backlog=_PENDING, dualstack_ipv6=both)
    except OSError as error:
        raise ConfigError(
            "$.windows.tcp.listen_address",
            f"cannot listen on {text}: {error.strerror or error}; free the port or set another",
        ) from None


def _neighbourhood(host: str) -> str:
    """The key of an address for limits: for IPv6 the /64 network, because one machine may use many addresses of it."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))
