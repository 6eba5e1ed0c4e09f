"""Who is sent away when there are too many connections."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from gramwatt_exporter.web.connections import MOST_CONNECTIONS, Connections

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Callable[[], Pair]]:
    """The server's and the client's end of a new connection."""
    with ExitStack() as stack:

        def made() -> Pair:
            server, client = socket.socketpair()
            client.settimeout(5)
            return stack.enter_context(server), stack.enter_context(client)

        yield made


def is_open(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        return bool(client.recv(1))
    except BlockingIOError:
        return True


def test_the_neighbourhood_with_the_most_loses_its_oldest(pair: Callable[[], Pair]) -> None:
    connections = Connections()
    scraper, scrapers_end = pair()
    connections.enter(scraper, "scraper")
    ends = []
    for _ in range(3 * MOST_CONNECTIONS):
        server, client = pair()
        connections.enter(server, "guesser")
        ends.append(client)
    assert is_open(scrapers_end)
    held = [is_open(end) for end in ends]
    assert held == [False] * (2 * MOST_CONNECTIONS + 1) + [True] * (MOST_CONNECTIONS - 1)


def test_a_request_makes_a_connection_the_youngest(pair: Callable[[], Pair]) -> None:
    connections = Connections()
    ends = []
    for _ in range(MOST_CONNECTIONS):
        server, client = pair()
        connections.enter(server, "one")
        ends.append((server, client))
    connections.asked(ends[0][0])
    connections.enter(pair()[0], "one")
    assert is_open(ends[0][1])
    assert not is_open(ends[1][1])


def test_who_comes_when_each_has_one_is_let_in(pair: Callable[[], Pair]) -> None:
    connections = Connections()
    first = pair()
    connections.enter(first[0], "the first")
    for number in range(MOST_CONNECTIONS - 1):
        connections.enter(pair()[0], f"another {number}")
    server, client = pair()
    connections.enter(server, "the last")
    assert is_open(client)
    assert not is_open(first[1])
