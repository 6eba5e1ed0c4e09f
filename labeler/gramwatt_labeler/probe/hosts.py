"""Which addresses a probe may call: only allowed hosts, and never what a cloud keeps its secrets behind."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from ..errors import FactsError, TryAgain

_METADATA = {
    ipaddress.ip_address(one) for one in ("169.254.169.254", "fd00:ec2::254", "100.100.100.200", "168.63.129.16")
}  # fmt: skip
"""Where clouds answer for a machine with its credentials: AWS, GCP, Azure, Alibaba."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A URL with its host resolved once: ``url`` has the address, ``host`` is the header and the name in TLS."""

    url: str
    host: str
    name: str


def endpoint(url: str, allowed: Sequence[str]) -> Endpoint:
    """Resolve a checked URL. Raises FactsError for a host that is not allowed, TryAgain for one without address.

    The answer of the name server is used as it was checked: a second one could lead elsewhere.
    """
    parts = urlsplit(url)
    name = (parts.hostname or "").rstrip(".").lower()
    if not any(_fits(name, one.lower()) for one in allowed):
        raise FactsError(
            "$.url", f"{name} is not among probe.allowed_hosts; a manager of the server adds it there", list(allowed)
        )  # fmt: skip
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise TryAgain(f"{name} has no address: {error}") from None
    addresses = [ipaddress.ip_address(str(one[4][0]).partition("%")[0]) for one in found]
    for address in addresses:
        _refuse(name, address)
    address = next((one for one in addresses if one.version == 4), addresses[0])
    shown = f"[{address}]" if address.version == 6 else str(address)
    pinned = urlunsplit((parts.scheme, f"{shown}:{port}", parts.path or "/", parts.query, ""))
    return Endpoint(pinned, parts.netloc, name)


def _fits(name: str, allowed: str) -> bool:
    if allowed.startswith("*."):
        return name.endswith(allowed[1:])
    return bool(name) and name == allowed.strip("[]")


def _refuse(name: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    mapped = getattr(address, "ipv4_mapped", None)
    one = mapped or address
    if one.is_link_local or one.is_multicast or one.is_unspecified or one in _METADATA:
        raise FactsError("$.url", f"{name} leads to {one}, which is never called")
