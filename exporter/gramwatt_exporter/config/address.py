"""HOST:PORT as settings write it."""

from __future__ import annotations

import ipaddress


def split(text: str) -> tuple[str, int]:
    """``127.0.0.1:10046`` or ``[::1]:10046`` as host and port. Raises ValueError saying what is expected."""
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise ValueError(f"expected HOST:PORT, got {text!r}")
    return host, int(port)


def is_loopback(host: str) -> bool:
    """Whether only this machine can connect. Names other than ``localhost`` are not looked up."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
