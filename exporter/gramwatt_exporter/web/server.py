"""The web server: a listening socket, the front that answers simple requests, and threads for all others."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterable

from ..errors import ConfigError
from ..metrics.exposition import Exposition
from ..webconfig import WebConfig
from ..windows.ended import EndedWindows
from .connections import Connections
from .front import Front
from .hosts import Hosts
from .other_requests import OtherRequests
from .pages import Pages

_PENDING = 64
_ENDING_SECONDS = 2.0  # for answers that are under way when the exporter is stopped


class WebServer:
    """Serves ``exposition``; ``guard`` says over what, and which users may read all pages but the health checks.
    ``hosts`` are names that it is called by (hosts.py)."""

    def __init__(
        self,
        address: tuple[str, int],
        exposition: Exposition,
        guard: WebConfig,
        hosts: Iterable[str] = (),
        ended: EndedWindows | None = None,
    ) -> None:
        """Binds at once. Raises ConfigError naming the setting when the port cannot be had."""
        try:
            self._listening = _listen(address)
        except OSError as error:
            raise ConfigError(
                "$.web.listen_address",
                f"cannot listen on {address[0]}:{address[1]}: {error.strerror or error};"
                " free the port or set another (--web.listen-address)",
            ) from None
        self._guard = guard
        self._connections = Connections()
        self._ended = ended or EndedWindows()
        pages = Pages(exposition, self._ended)
        ordinary = OtherRequests(pages, guard, self._connections, Hosts(address[0], hosts))
        self._front = Front(self._listening, pages, guard, self._connections, ordinary)
        self._thread = threading.Thread(target=self._front.run, name="web", daemon=True)

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens; the port is real even when 0 was asked for."""
        host, port = self._listening.getsockname()[:2]
        return str(host), int(port)

    def reload(self) -> None:
        """Read users and certificates again. Raises ConfigError and changes nothing when they are wrong."""
        self._guard.reload()

    def start(self) -> None:
        """Begin to serve, in threads of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Stop listening and let running answers end."""
        if self._thread.is_alive():
            self._front.stop()
            self._thread.join(_ENDING_SECONDS)
        self._listening.close()
        self._ended.close()
        if not self._thread.is_alive():
            self._front.close()
        self._connections.finish(_ENDING_SECONDS)


def _listen(address: tuple[str, int]) -> socket.socket:
    """Without looking the name of the address up, which can hang without a resolver."""
    listening = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET, socket.SOCK_STREAM)
    try:
        if sys.platform != "win32":  # there it would let two exporters share a port
            # A restart shall not wait a minute for connections of the last run in TIME_WAIT.
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(_PENDING)
    except BaseException:
        listening.close()
        raise
    return listening
