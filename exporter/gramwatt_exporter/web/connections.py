"""The connections that are open, bounded in number, and the answers that are under way."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

# Connections at a time. One more and the one whose last request is longest ago is closed: neither idle nor slow
# clients can use up the descriptors that the sampler needs, nor shut a scrape out.
MOST_CONNECTIONS = 64


class Connections:
    """May be used from any thread."""

    def __init__(self) -> None:
        self._open: dict[socket.socket, None] = {}  # the one whose last request is longest ago comes first
        self._open_lock = threading.Lock()
        self._answering = 0
        self._answered = threading.Condition()

    def enter(self, connection: socket.socket) -> None:
        """One more. Where there is no room the oldest one is shut down; its own thread closes it then."""
        with self._open_lock:
            if len(self._open) >= MOST_CONNECTIONS:
                oldest = next(iter(self._open))
                del self._open[oldest]
                with suppress(OSError):
                    socket.socket.shutdown(oldest, socket.SHUT_RDWR)
            self._open[connection] = None

    def leave(self, connection: socket.socket) -> None:
        """It is being closed."""
        with self._open_lock:
            self._open.pop(connection, None)

    def asked(self, connection: socket.socket) -> None:
        """A whole request came in on it: it is the last to be closed now."""
        with self._open_lock:
            if connection in self._open:
                del self._open[connection]
                self._open[connection] = None

    @contextmanager
    def answering(self, connection: socket.socket) -> Iterator[None]:
        """A whole request came in, and its answer is under way."""
        self.asked(connection)
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
