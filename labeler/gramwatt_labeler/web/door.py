"""What a request must be before a page sees it: for a host of ours, from a page of ours, with a body of a sane size.

A page of another site whose name is made to resolve to this machine (DNS rebinding) reaches a server on loopback, but
its requests carry that site's name. Names an attacker can register have a dot, so addresses and plain names are let in.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import urlsplit

from h11 import LocalProtocolError
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .api.errors import PREFIX, ApiError, respond
from .auth.guard import is_token


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


_WITH_BODY = ("POST", "PUT", "PATCH", "DELETE")
_BODY_BYTES = 1024 * 1024
_FILES_BYTES = 101 * 1024 * 1024  # ten files of 10 MB or one of 100 MB, and what stands around them
_FILES_AT = re.compile(r"/upload|/api/v1/evaluations/import|(/api/v1)?/models/[0-9]{1,10}/file")


class Door:
    """ASGI middleware. What it refuses is answered in one line, and the connection closed: no body is read."""

    def __init__(self, app: ASGIApp, hosts: Hosts) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if scope["method"] == "HEAD":
            scope, send = {**scope, "method": "GET"}, _without_body(send)
        if refusal is None:
            await self._counted(scope, receive, send)
            return
        # A body that is no HTTP may come in before the refusal is out: then the server has answered by itself.
        with contextlib.suppress(LocalProtocolError):
            await refusal(scope, receive, send)

    async def _counted(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A body without a length is counted as it comes; one that grows too large ends the request.

        A connection that carried a body closes after the answer: what follows is never read as a second request.
        """
        most, seen, is_over, has_answered = _most(scope["path"]), 0, False, False
        has_body = any(name in (b"content-length", b"transfer-encoding") for name, _ in scope["headers"])

        async def receive_counted() -> Message:
            nonlocal seen, is_over
            message = await receive()
            seen += len(message.get("body", b"")) if message["type"] == "http.request" else 0
            if seen > most:
                is_over = True
                return {"type": "http.disconnect"}
            return message

        async def send_unless_over(message: Message) -> None:
            nonlocal has_answered
            if not is_over or has_answered:
                has_answered = True
                if has_body and message["type"] == "http.response.start":
                    message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
                await send(message)

        try:
            await self._app(scope, receive_counted, send_unless_over)
        except (
            ClientDisconnect,
            LocalProtocolError,
        ):  # gone, or its body is no HTTP and the server has answered
            pass
        finally:
            if is_over and not has_answered:
                await _too_large(scope, most)(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = [(name.lower(), text.decode("latin-1").strip()) for name, text in scope["headers"]]
        hosts = [text for name, text in headers if name == b"host"]
        lengths = [text for name, text in headers if name == b"content-length"]
        is_chunked = any(name == b"transfer-encoding" for name, _ in headers)
        if len(hosts) > 1:
            return _refuse(scope, 400, "one Host header is needed")
        if hosts and hosts[0] not in self._hosts:
            name = ascii(hosts[0][:100])
            return _refuse(
                scope, 421, f"{name} is not a name of this server; set web.allowed_hosts to let it in"
            )
        if len(lengths) > 1 or (is_chunked and lengths):
            return _refuse(scope, 400, "the length of the body is given twice")
        if scope["method"] not in _WITH_BODY:
            if is_chunked or any(text != "0" for text in lengths):
                return _refuse(scope, 413, "no call here takes a body")
            return None
        if lengths and not (lengths[0].isascii() and lengths[0].isdigit()):
            return _refuse(scope, 400, "Content-Length is no number")
        if lengths and (len(lengths[0]) > 12 or int(lengths[0]) > _most(scope["path"])):
            return _too_large(scope, _most(scope["path"]))
        return _of_another_site(scope, dict(headers), hosts)


def _without_body(send: Send) -> Send:
    """The head of an answer alone: HEAD is what GET is, without a body (RFC 9110, 9.3.2)."""

    async def head(message: Message) -> None:
        await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

    return head


def _most(path: str) -> int:
    return _FILES_BYTES if _FILES_AT.fullmatch(path) else _BODY_BYTES


def _of_another_site(scope: Scope, headers: Mapping[bytes, str], hosts: Sequence[str]) -> Response | None:
    """A page of another site may make a browser send a form here with the cookies of this one."""
    # No page can make a browser send a token. The password of a proxy it sends by itself, as it does cookies.
    if is_token(headers.get(b"authorization", "")):
        return None
    site = headers.get(b"sec-fetch-site", "")
    origin = headers.get(b"origin", "")
    if site in ("cross-site", "same-site") or (
        origin and urlsplit_netloc(origin) != (hosts[0] if hosts else "").lower()
    ):
        return _refuse(scope, 403, "this was sent from a page of another site")
    return None


def urlsplit_netloc(url: str) -> str:
    """Host and port of a URL, "" when it has none, in small letters."""
    try:
        return urlsplit(url).netloc.lower()
    except ValueError:
        return ""


def _too_large(scope: Scope, most: int) -> Response:
    return _refuse(scope, 413, f"the body is larger than {most // 1024 // 1024} MB")


def _refuse(scope: Scope, status: int, message: str) -> Response:
    if scope["path"].startswith(PREFIX):
        codes = {400: "bad_request", 403: "forbidden", 413: "too_large", 421: "wrong_host"}
        answer = respond(ApiError(status, codes[status], message))
        answer.headers["Connection"] = "close"
        return answer
    return PlainTextResponse(message + "\n", status, headers={"Connection": "close"})
