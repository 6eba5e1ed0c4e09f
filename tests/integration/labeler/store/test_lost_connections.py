"""A connection that is reset: in the middle of a question the answer is to try again; between two nobody notices."""

from __future__ import annotations

import selectors
import socket
import struct
import threading
from collections.abc import Callable, Iterator

import pytest
from gramwatt_labeler.errors import DatabaseAway
from gramwatt_labeler.store import Store
from sqlalchemy import text


class Line:
    """A line to a server on which every connection can be reset, as a router or a firewall does it."""

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port = self._door.getsockname()[1]
        self._others: dict[socket.socket, socket.socket] = {}
        self.is_cut = False
        """Whether a connection is reset when something is sent on it, instead of bringing it there."""
        self._is_over = False
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._thread.start()

    def _carry(self) -> None:
        with selectors.DefaultSelector() as ready:
            ready.register(self._door, selectors.EVENT_READ)
            while not self._is_over:
                for key, _ in ready.select(0.01):
                    if key.fileobj is self._door:
                        near, far = self._door.accept()[0], socket.create_connection(self._server)
                        self._others |= {near: far, far: near}
                        ready.register(near, selectors.EVENT_READ)
                        ready.register(far, selectors.EVENT_READ)
                    elif isinstance(key.fileobj, socket.socket):
                        self._pass_on(key.fileobj, ready)
            for end in list(self._others):
                self._end(end, ready)

    def _pass_on(self, end: socket.socket, ready: selectors.BaseSelector) -> None:
        other = self._others.get(end)
        try:
            data = end.recv(65536) if other is not None else b""
            if other is not None and data and not self.is_cut:
                other.sendall(data)
                return
        except OSError:
            pass
        for one in (end, other):
            if one is not None and one in self._others:
                self._end(one, ready)

    def _end(self, end: socket.socket, ready: selectors.BaseSelector) -> None:
        """By a reset: a socket that does not linger tells its other end so."""
        ready.unregister(end)
        del self._others[end]
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        end.close()

    def close(self) -> None:
        self._is_over = True
        self._thread.join(10)
        self._door.close()


@pytest.fixture
def line(postgresql_server: str) -> Iterator[Line]:
    host, _, port = postgresql_server.partition(":")
    made = Line(host, int(port))
    yield made
    made.close()


@pytest.fixture
def far(postgresql_server: str, template: str, line: Line, opened: Callable[[str], Store]) -> Store:
    """A database of PostgreSQL's at the other end of the line."""
    return opened(f"postgresql+pg8000://gramwatt@127.0.0.1:{line.port}/{template}")


@pytest.mark.parametrize("door", ["reading", "writing"])
def test_a_connection_that_is_reset_is_a_database_that_is_away(far: Store, line: Line, door: str) -> None:
    with pytest.raises(DatabaseAway), getattr(far.database, door)() as connection:  # noqa: PT012
        connection.execute(text("SELECT 1"))
        line.is_cut = True
        connection.execute(text("SELECT 1"))
    line.is_cut = False
    far.ping()


def test_a_reset_that_comes_when_a_connection_is_given_back_is_no_other_error(far: Store, line: Line) -> None:
    with pytest.raises(DatabaseAway), far.database.reading() as connection:  # noqa: PT012
        connection.execute(text("SELECT 1"))
        line.is_cut = True
    line.is_cut = False
    far.ping()


def test_a_reset_that_comes_with_the_first_word_is_no_other_error(far: Store, line: Line) -> None:
    far.ping()
    line.is_cut = True
    with pytest.raises(DatabaseAway):
        far.ping()
    line.is_cut = False
    far.ping()
