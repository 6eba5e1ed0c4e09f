"""The connections that are open, bounded in number, and the answers that are under way."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress

# Most connections at a time. At one more, one of those of the neighbourhood with the most is closed: the one with the
# oldest last request. Idle, slow and many clients can neither use up the descriptors that the sampler needs nor keep a
# scrape from elsewhere out.
MOST_CONNECTIONS = 64


class Connections:
    """May be used from any thread."""

    def __init__(self) -> None:
        # Each with its neighbourhood, ordered by the last request, the oldest first.
        self._open: dict[socket.socket, str] = {}
        self._open_lock = threading.Lock()
        self._answering = 0
        self._answered = threading.Condition()

    def enter(self, connection: socket.socket, place: str) -> None:
        """Add a connection of the neighbourhood ``place``. At the limit another one is shut down; its own thread then
        closes it."""
        with self._open_lock:
            self._open[connection] = place
            if len(self._open) > MOST_CONNECTIONS:
                oldest = self._oldest_of_the_most(connection)
                del self._open[oldest]
                with suppress(OSError):
                    socket.socket.shutdown(oldest, socket.SHUT_RDWR)

    def _oldest_of_the_most(self, newest: socket.socket) -> socket.socket:
        held = Counter(self._open.values())
        most = max(held.values())
        return next(
            connection
            for connection, place in self._open.items()
            if held[place] == most and connection is not newest
        )

    def leave(self, connection: socket.socket) -> None:
        """Remove a connection that is being closed."""
        with self._open_lock:
            self._open.pop(connection, None)

    def place_of(self, connection: socket.socket) -> str:
        """Its neighbourhood; "" when it was shut down."""
        with self._open_lock:
            return self._open.get(connection, "")

    def replace(self, connection: socket.socket, new: socket.socket) -> None:
        """``new`` is the same connection after a TLS handshake has begun."""
        with self._open_lock:
            place = self._open.pop(connection, None)
            if place is not None:
                self._open[new] = place

    def asked(self, connection: socket.socket) -> None:
        """A whole request came in on the connection: it becomes the last one to be closed."""
        with self._open_lock:
            place = self._open.pop(connection, None)
            if place is not None:
                self._open[connection] = place

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
