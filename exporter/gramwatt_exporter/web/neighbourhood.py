"""Which connections count as those of one client: all that one person can have for nothing."""

from __future__ import annotations

import socket

from .local_user import local_user

_PREFIX_BYTES = 8  # of an IPv6 address: a site has at least a /64


def neighbourhood(connection: socket.socket, address: object) -> str:
    """The client that ``connection`` from ``address`` counts for.

    A program on this machine counts for its user, whatever address it takes. Others count for their network.
    """
    user = local_user(connection)
    return network(address) if user is None else f"user {user}"


def network(address: object) -> str:
    """The addresses that ``address`` of a socket counts with, "" where it has none (a Unix socket).

    All of 127.0.0.0/8 is one, and all of an IPv6 /64: a host that has them chooses among them freely. An IPv4 address
    stands for itself, written as IPv6 or not.
    """
    if not (isinstance(address, tuple) and address):
        return ""
    host = str(address[0]).partition("%")[0].removeprefix("::ffff:")
    if host.startswith("127.") or host == "::1":
        return "loopback"
    if ":" not in host:
        return host
    try:
        return socket.inet_pton(socket.AF_INET6, host)[:_PREFIX_BYTES].hex()
    except OSError:
        return host
