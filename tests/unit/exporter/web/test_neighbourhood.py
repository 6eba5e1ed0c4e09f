"""Which connections count as those of one client."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import closing

import pytest
from gramwatt_exporter.web.local_user import local_user
from gramwatt_exporter.web.neighbourhood import neighbourhood, network

CONNECT = """
import encodings.idna, os, socket
os.setuid({user})
socket.create_connection(({host!r}, {port})).recv(1)
"""
OTHER = 54321  # a user id that need not exist


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
    assert (network((one, 1)) == network((other, 2, 0, 0))) is same


@pytest.mark.parametrize("address", ["", b"", None, (), ("", 1), ("no address:", 1)])
def test_an_address_of_another_kind_is_no_error(address: object) -> None:
    assert isinstance(network(address), str)


@pytest.mark.parametrize(
    ("listening", "host"), [("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("::", "127.0.0.1")]
)
def test_a_program_of_this_machine_counts_for_its_user(listening: str, host: str) -> None:
    family = socket.AF_INET6 if ":" in listening else socket.AF_INET
    try:
        server = socket.create_server((listening, 0), family=family, dualstack_ipv6=listening == "::")
    except OSError:
        pytest.skip("this machine has no IPv6")
    with server:
        server.settimeout(20)
        for user in {os.getuid(), OTHER} if os.getuid() == 0 else {os.getuid()}:
            code = CONNECT.format(user=user, host=host, port=server.getsockname()[1])
            with subprocess.Popen([sys.executable, "-c", code]) as client:
                connection, address = server.accept()
                with connection:
                    assert local_user(connection) == user
                    assert neighbourhood(connection, address) == f"user {user}"
                client.wait(20)


def test_a_connection_that_its_program_has_closed_is_not_roots() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        connection, address = server.accept()
        with connection:
            client.close()
            assert local_user(connection) is None
            assert neighbourhood(connection, address) == "loopback"


def test_a_socket_of_another_kind_has_no_user() -> None:
    one, other = socket.socketpair()
    with closing(one), closing(other):
        assert local_user(one) is None
    assert local_user(one) is None  # closed
