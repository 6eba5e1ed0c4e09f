"""What a request must be before a page sees it: for a host of ours, and without a body.

A page of another site whose name is made to resolve to this machine (DNS rebinding) reaches a server on loopback, but
its requests carry that site's name. Names an attacker can register have a dot, so addresses and plain names are let in.
"""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit

from h11 import LocalProtocolError
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send


class Hosts:
    """The names this server answers to. ``allowed`` holds names, ``*.example.org`` for all below one, ``*`` for any."""

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        names = {_plain(name) for name in allowed if name}
        self._any = "*" in names
        self._names = names
        self._below = tuple(name[1:] for name in names if name.startswith("*."))

    def __contains__(self, header: str) -> bool:
        name = _plain(header)
        if self._any or name in self._names or (self._below and name.endswith(self._below)):
            return True
        return _is_address(name) or (bool(name) and "." not in name.removesuffix(".localhost"))


def host_of(url: str) -> str:
    """The host in a URL, "" when it has none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _plain(header: str) -> str:
    """A Host header without its port, in small letters."""
    text = header.strip().lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    name, colon, port = text.rpartition(":")
    return (name if colon and port.isdecimal() and ":" not in name else text).rstrip(".")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class Door:
    """ASGI middleware. What it refuses is answered in one line, and the connection closed: no body is read."""

    def __init__(self, app: ASGIApp, hosts: Hosts) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            refusal = self._refusal(scope)
            if refusal is not None:
                # A body that is no HTTP may come in before the refusal is out: then the server has answered by itself.
                with contextlib.suppress(LocalProtocolError):
                    await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        headers = [(name.lower(), text.decode("latin-1").strip()) for name, text in scope["headers"]]
        hosts = [text for name, text in headers if name == b"host"]
        lengths = [text for name, text in headers if name == b"content-length"]
        if len(hosts) > 1:
            return _refuse(400, "one Host header is needed")
        if hosts and hosts[0] not in self._hosts:
            name = ascii(hosts[0][:100])
            return _refuse(421, f"{name} is not a name of this server; set web.allowed_hosts to let it in")
        if len(lengths) > 1 or (any(name == b"transfer-encoding" for name, _ in headers) and lengths):
            return _refuse(400, "the length of the body is given twice")
        if any(name == b"transfer-encoding" for name, _ in headers) or any(text != "0" for text in lengths):
            return _refuse(413, "no call here takes a body")
        return None


def _refuse(status: int, message: str) -> PlainTextResponse:
    return PlainTextResponse(message + "\n", status, headers={"Connection": "close"})
