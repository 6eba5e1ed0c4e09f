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
_LAST_FOUR_BYTES = (ipaddress.IPv6Network("::/96"), ipaddress.IPv6Network("64:ff9b::/96"))
"""IPv6 networks with an IPv4 address in them: compatible ones (RFC 4291) and NAT64 (RFC 6052)."""
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


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
        _refuse(name, address, is_local=any(_is_loopback(one) for one in allowed))
    address = next((one for one in addresses if one.version == 4), addresses[0])
    shown = f"[{address}]" if address.version == 6 else str(address)
    pinned = urlunsplit((parts.scheme, f"{shown}:{port}", parts.path or "/", parts.query, ""))
    return Endpoint(pinned, parts.netloc, name)


def _fits(name: str, allowed: str) -> bool:
    if allowed.startswith("*."):
        return name.endswith(allowed[1:])
    return bool(name) and name == allowed.strip("[]")


def _refuse(name: str, address: Address, is_local: bool) -> None:
    """Raises FactsError for a link-local, metadata or meaningless address, in whatever IPv6 address it is wrapped.

    ``is_local`` says that this machine's own services may be called: a name server elsewhere could lead any name there.
    """
    for one in (address, *_wrapped(address)):
        if one.is_link_local or one.is_multicast or one.is_unspecified or one in _METADATA:
            raise FactsError("$.url", f"{name} leads to {one}, which is never called")
        if one.is_loopback and not is_local:
            raise FactsError("$.url", f"{name} leads to {one}, which is not among probe.allowed_hosts")


def _wrapped(address: Address) -> list[Address]:
    """IPv4 addresses that a gateway or the system reads out of an IPv6 address."""
    if address.version == 4 or address in (ipaddress.IPv6Address("::"), ipaddress.IPv6Address("::1")):
        return []
    found: list[Address | None] = [address.ipv4_mapped, address.sixtofour]
    if any(address in network for network in _LAST_FOUR_BYTES):
        found.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return [one for one in found if one is not None]


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost"
