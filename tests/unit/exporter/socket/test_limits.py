"""What one user may ask for, and what is left for the others."""

from __future__ import annotations

from typing import Any

import pytest
from gramwatt_exporter.socket_api.limits import (
    CONNECTIONS,
    CONNECTIONS_FOR_ROOT,
    CONNECTIONS_PER_USER,
    OPENINGS_PER_SECOND,
    OPENINGS_SAVED,
    Connections,
)

WINDOW = {"name": "run", "phase": "training", "pid": 1}


@pytest.mark.slow
def test_opening_windows_has_its_own_slower_bucket(client: Any, clock: Any) -> None:
    opened = refused = 0
    for _ in range(2 * OPENINGS_SAVED):
        clock.now += 1 / 50  # as often as any call is answered
        reply = client("POST", "/v1/windows", WINDOW)
        if reply.status == 429:
            refused += 1
            assert "windows" in reply.body["error"]["message"]
            assert reply.headers["Retry-After"]
            assert client("GET", "/v1/windows").status == 200  # other calls go on
            clock.now += 1 / 50
        else:
            assert reply.status == 201
            opened += 1
    assert OPENINGS_SAVED <= opened <= OPENINGS_SAVED + OPENINGS_PER_SECOND * clock.now + 1
    assert refused
    clock.now += 1
    assert client("POST", "/v1/windows", WINDOW).status == 201


def test_users_share_the_connections_and_root_always_gets_in() -> None:
    connections = Connections(CONNECTIONS_FOR_ROOT)
    held = 0
    for user in range(1, 200):
        mine = 0
        while connections.enter(user):
            mine += 1
        held += mine
        assert mine <= CONNECTIONS_PER_USER
        if user <= 6:
            assert mine  # several who take all they can leave some for the next
    assert held <= CONNECTIONS - CONNECTIONS_FOR_ROOT
    assert all(connections.enter(0) for _ in range(CONNECTIONS_FOR_ROOT))


@pytest.mark.parametrize(
    "lengths", ["Content-Length: 0\r\nContent-Length: 40", "Content-Length: 2\r\nContent-Length: 2"]
)
def test_two_lengths_are_refused(client: Any, lengths: str) -> None:
    second = "GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n"
    answer = client.raw(f"POST /v1/windows HTTP/1.1\r\nHost: x\r\n{lengths}\r\n\r\n{second}".encode())
    assert answer.startswith(b"HTTP/1.1 400")
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"more than one Content-Length" in answer
