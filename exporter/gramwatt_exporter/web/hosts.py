"""The names in the header ``Host`` that are answered: a page of another site must not read this machine's metrics.

A browser lets a page read answers from its own site only, and goes by the name. Whoever owns a name may let it stand
for this machine's address after the page was loaded (DNS rebinding); then the header ``Host`` still has that name.
Prometheus, on the other hand, scrapes by whatever name its operator chose. So:

- An address, ``localhost``, the name of this machine and the names of ``web.hosts`` are always right.
- Behind a loopback address, where everything else comes from this machine, no other name is.
- Elsewhere other names are refused to browsers only. Every browser sends ``Accept-Language``, or is ``Mozilla``, and a
  page cannot keep it from both; ``Sec-Fetch-Site`` is sent over HTTPS only.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable

# In the header lines of a request, in lower case.
_BROWSER = re.compile(
    rb"^(?:accept-language|origin|referer|cookie|sec-[a-z-]+):|^user-agent:[ \t]*mozilla/", re.MULTILINE
)
_HOST = re.compile(rb"^host:[ \t]*([^\r\n]*?)[ \t]*\r?$", re.MULTILINE)
_PORT = re.compile(r":[0-9]*\Z")


class Hosts:
    """``listening`` is the address that is listened on, ``names`` are those of ``web.hosts``."""

    def __init__(self, listening: str = "", names: Iterable[str] = (), own: str | None = None) -> None:
        own = socket.gethostname() if own is None else own
        self._names = {name.lower().rstrip(".") for name in ("localhost", own, own.partition(".")[0], *names)}
        self._strict = _is_loopback(listening)

    def admit(self, lines: bytes) -> bool:
        """Whether a request with these header lines, in lower case, may be answered."""
        hosts = _HOST.findall(lines)
        if len(hosts) > 1:
            return False
        if not hosts or self._is_ours(hosts[0].decode("latin-1")):
            return True
        return not self._strict and _BROWSER.search(lines) is None

    def _is_ours(self, host: str) -> bool:
        name = _PORT.sub("", host).rstrip(".")
        return name in self._names or name.endswith(".localhost") or _is_address(name.strip("[]"))


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_loopback(address: str) -> bool:
    return _is_address(address) and ipaddress.ip_address(address).is_loopback
