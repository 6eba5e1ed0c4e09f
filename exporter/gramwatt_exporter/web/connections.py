"""The connections that are open, bounded in number, and the answers that are under way."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

# Most connections at a time. At one more, the connection with the oldest last request is closed: idle and slow clients
# can neither use up the descriptors that the sampler needs nor keep a scrape out.
MOST_CONNECTIONS = 64


class Connections:
    """May be used from any thread."""

    def __init__(self) -> None:
        self._open: dict[socket.socket, None] = {}  # ordered by the last request, the oldest first
        self._open_lock = threading.Lock()
        self._answering = 0
        self._answered = threading.Condition()

    def enter(self, connection: socket.socket) -> None:
        """Add a connection. At the limit the oldest one is shut down; its own thread then closes it."""
        with self._open_lock:
            if len(self._open) >= MOST_CONNECTIONS:
                oldest = next(iter(self._open))
                del self._open[oldest]
                with suppress(OSError):
                    socket.socket.shutdown(oldest, socket.SHUT_RDWR)
            self._open[connection] = None

    def leave(self, connection: socket.socket) -> None:
        """Remove a connection that is being closed."""
        with self._open_lock:
            self._open.pop(connection, None)

    def asked(self, connection: socket.socket) -> None:
        """A whole request came in on the connection: it becomes the last one to be closed."""
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
