"""Who is sent away when there are too many connections."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from gramwatt_exporter.web.connections import MOST_CONNECTIONS, Connections
from gramwatt_exporter.web.neighbourhood import neighbourhood

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
    connections.enter(scraper, ("192.0.2.9", 1))
    ends = []
    for number in range(3 * MOST_CONNECTIONS):
        server, client = pair()
        connections.enter(server, (f"127.0.{number % 200}.1", number))
        ends.append(client)
    assert is_open(scrapers_end)
    held = [is_open(end) for end in ends]
    assert held == [False] * (2 * MOST_CONNECTIONS + 1) + [True] * (MOST_CONNECTIONS - 1)


def test_a_request_makes_a_connection_the_youngest(pair: Callable[[], Pair]) -> None:
    connections = Connections()
    ends = []
    for number in range(MOST_CONNECTIONS):
        server, client = pair()
        connections.enter(server, ("192.0.2.9", number))
        ends.append((server, client))
    connections.asked(ends[0][0])
    connections.enter(pair()[0], ("192.0.2.9", 99))
    assert is_open(ends[0][1])
    assert not is_open(ends[1][1])


def test_who_comes_when_each_has_one_is_let_in(pair: Callable[[], Pair]) -> None:
    connections = Connections()
    first = pair()
    connections.enter(first[0], ("198.51.100.1", 1))
    for number in range(MOST_CONNECTIONS - 1):
        connections.enter(pair()[0], (f"192.0.2.{number}", 1))
    server, client = pair()
    connections.enter(server, ("198.51.100.2", 1))
    assert is_open(client)
    assert not is_open(first[1])


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("127.0.0.1", "127.9.9.9", True),
        ("127.0.0.1", "::1", True),
        ("127.0.0.1", "::ffff:127.0.0.2", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("127.0.0.1", "192.0.2.1", False),
    ],
)
def test_addresses_that_one_client_can_have(one: str, other: str, same: bool) -> None:
    assert (neighbourhood((one, 1)) == neighbourhood((other, 2, 0, 0))) is same


@pytest.mark.parametrize("address", ["", b"", None, (), ("", 1), ("no address:", 1)])
def test_an_address_of_another_kind_is_no_error(address: object) -> None:
    assert isinstance(neighbourhood(address), str)
