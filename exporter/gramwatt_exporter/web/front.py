"""One thread that sleeps until a connection or a request comes, and answers simple requests itself.

Nothing wakes it between requests, and a scrape over an open connection wakes it once.
"""

from __future__ import annotations

import logging
import selectors
import socket
import time
from collections.abc import Callable
from contextlib import suppress

from ..webconfig import WebConfig
from . import simple_requests
from .connections import Connections
from .neighbourhood import neighbourhood
from .other_requests import IDLE_SECONDS, OtherRequests
from .pages import Pages, collector_at

_LOG = logging.getLogger(__name__)
REQUEST_SECONDS = 15.0  # until the first request of a connection
_AGAIN_SECONDS = 1.0  # seconds without accepting after the system had no descriptor left
_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class _Client:
    """One connection: the unsent rest of its answer, and the time of its timeout."""

    __slots__ = ("address", "closes", "deadline", "rest", "socket")

    def __init__(self, connection: socket.socket, address: object, deadline: float) -> None:
        self.socket = connection
        self.address = address
        self.deadline = deadline
        self.rest: memoryview | None = None
        self.closes = False


class Front:
    """``run`` serves ``listening`` until ``stop``, which any other thread may call."""

    def __init__(
        self,
        listening: socket.socket,
        pages: Pages,
        guard: WebConfig,
        connections: Connections,
        ordinary: OtherRequests,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._listening = listening
        self._pages = pages
        self._guard = guard
        self._connections = connections
        self._others = ordinary
        self._clock = clock
        self._clients: dict[_Client, None] = {}
        self._accept_again: float | None = None
        self._failing = False
        self._stopping = False
        self._woken, self._wake = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        for door in (listening, self._woken):
            door.setblocking(False)
            self._selector.register(door, _READ)

    def run(self) -> None:
        """Serve. Ends with all connections of its own closed; answers that are under way go out before."""
        while not self._stopping:
            for key, _ in self._selector.select(self._patience()):
                if key.data is not None:
                    self._turn(key.data)
                elif key.fileobj is self._listening:
                    self._accept()
            self._end_silent()
        for client in list(self._clients):
            if client.rest is not None:
                self._finish(client)
            self._close(client)

    def stop(self) -> None:
        """End :meth:`run` soon."""
        self._stopping = True
        self._wake.send(b"\0")

    def close(self) -> None:
        """Give back what ``run`` needs, when it has ended."""
        self._selector.close()
        self._woken.close()
        self._wake.close()

    def _patience(self) -> float | None:
        """Seconds until the next timeout; None without one: then only a client wakes the thread."""
        due = [client.deadline for client in self._clients]
        if self._accept_again is not None:
            due.append(self._accept_again)
        return max(0.0, min(due) - self._clock()) if due else None

    def _end_silent(self) -> None:
        now = self._clock()
        for client in [client for client in self._clients if client.deadline <= now]:
            self._close(client)
        if self._accept_again is not None and self._accept_again <= now:
            self._accept_again = None
            self._selector.register(self._listening, _READ)

    # --- connections

    def _accept(self) -> None:
        try:
            connection, address = self._listening.accept()
        except (BlockingIOError, ConnectionAbortedError, InterruptedError):
            return
        # Out of file descriptors, most likely: otherwise the same error would come again at once
        except OSError as error:
            _LOG.warning("cannot accept a web client, trying again in a second: %s", error)
            self._selector.unregister(self._listening)
            self._accept_again = self._clock() + _AGAIN_SECONDS
            return
        self._connections.enter(connection, neighbourhood(connection, address))
        if self._guard.ssl_context is not None:
            self._others.take(connection, address)
            return
        connection.setblocking(False)
        with suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client = _Client(connection, address, self._clock() + REQUEST_SECONDS)
        self._clients[client] = None
        self._selector.register(connection, _READ, client)

    def _release(self, client: _Client) -> None:
        """Forget a connection that was closed or handed over."""
        del self._clients[client]
        self._selector.unregister(client.socket)

    def _close(self, client: _Client) -> None:
        self._release(client)
        self._connections.leave(client.socket)
        client.socket.close()

    # --- requests

    def _turn(self, client: _Client) -> None:
        if client not in self._clients:  # closed earlier in this round of events
            return
        try:
            if client.rest is not None:
                self._go_on(client)
            else:
                self._read(client)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            _LOG.debug("a web client went away: %s", error)
            self._close(client)
        except Exception as error:  # a failing page must not end the service of all others
            if not self._failing:
                _LOG.exception("a page could not be made: %r", error)
            self._failing = True
            self._close(client)

    def _read(self, client: _Client) -> None:
        data = client.socket.recv(simple_requests.LONGEST)
        if not data:
            self._close(client)
            return
        request = simple_requests.parse(data)
        if request is None or not (
            self._pages.is_open(request.path)
            or (self._guard.allows(None) and self._others.hosts.admit(data.lower()))
        ):
            self._release(client)
            self._others.take(client.socket, client.address, data)
            return
        self._connections.asked(client.socket)
        page = self._pages.answer(request.path, collector_at(client.address, request.collector), request.gzip)
        self._failing = False
        head = simple_requests.head(
            page.status, page.content_type, len(page.body), request.closes, time.time(), page.encoding
        )
        client.closes = request.closes
        client.deadline = self._clock() + IDLE_SECONDS
        client.rest = _send(client.socket, head, page.body)
        if client.rest is not None:
            self._selector.modify(client.socket, _WRITE, client)
        elif client.closes:
            self._close(client)

    def _go_on(self, client: _Client) -> None:
        """Send more of an answer that was too long for the connection's buffer."""
        assert client.rest is not None
        client.rest = client.rest[client.socket.send(client.rest) :] or None
        if client.rest is not None:
            return
        if client.closes:
            self._close(client)
        else:
            self._selector.modify(client.socket, _READ, client)

    def _finish(self, client: _Client) -> None:
        """At the exporter's end: send the rest of the answer, if the client takes it at once."""
        assert client.rest is not None
        with suppress(OSError):
            client.socket.settimeout(1.0)
            client.socket.sendall(client.rest)


def _send(connection: socket.socket, head: bytes, body: bytes) -> memoryview | None:
    """The unsent part of head and body. The body is not copied: many clients may read slowly."""
    try:
        gathers = hasattr(connection, "sendmsg")  # not on Windows
        sent = connection.sendmsg((head, body)) if gathers else connection.send(head + body)
    except (BlockingIOError, InterruptedError):
        sent = 0
    if sent >= len(head):
        return memoryview(body)[sent - len(head) :] or None
    return memoryview(head + body)[sent:]
