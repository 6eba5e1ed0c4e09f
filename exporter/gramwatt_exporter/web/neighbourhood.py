"""Which addresses count as one client: those that one person can have for nothing."""

from __future__ import annotations

import socket

_PREFIX_BYTES = 8  # of an IPv6 address: a site has at least a /64


def neighbourhood(address: object) -> str:
    """The share of addresses that ``address`` of a socket belongs to, "" where it has none (a Unix socket).

    All of 127.0.0.0/8 is one, and all of an IPv6 /64: a program on this machine, and a host with a network of its own,
    choose among them freely. An IPv4 address stands for itself, written as IPv6 or not.
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
