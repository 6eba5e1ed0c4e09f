"""A few read-only calls to Prometheus for the browser, within fixed bounds: slots, one deadline, one amount of memory.

Nothing here holds a thread, so a Prometheus that hangs, drips or answers with too much costs the other pages nothing.
"""

from __future__ import annotations

import asyncio
import zlib
from collections import deque
from collections.abc import Coroutine, Mapping
from urllib.parse import urlsplit

import httpx
from fastapi import Request, Response
from fastapi.responses import JSONResponse
from starlette.types import Receive, Scope, Send

SLOTS = 6
"""Calls to Prometheus at a time; a dashboard has more panels, and they wait for each other."""

DEADLINE_SECONDS = 30.0
"""For a whole call: waiting for a slot, connecting, the answer to its last byte."""

LONGEST_ANSWER = 32 * 1024 * 1024
"""Bytes of an answer that a browser can be expected to draw."""

MEMORY = 64 * 1024 * 1024
"""Bytes of all answers together that have not been sent on."""

_CONNECT_SECONDS = 3.05
_SEND_SECONDS = 60.0  # for the browser to take its answer
_NO_STORE = {"Cache-Control": "no-store"}
_WORTH_PACKING = 1024  # bytes
_GZIP = 31  # zlib's number for gzip with the largest window
_LEVEL = 2  # a chunk of 64 KiB takes a millisecond of the event loop, and JSON shrinks to a tenth


class _TooMuch(Exception):
    """The answer does not fit. ``alone``: not even by itself."""

    def __init__(self, alone: bool) -> None:
        super().__init__()
        self.alone = alone


class _Odd(Exception):
    """The server does not answer like Prometheus."""


class Memory:
    """How much of the common bound is in use. One event loop uses it, so it needs no lock."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.used = 0

    def take(self, count: int) -> bool:
        """False when it does not fit; then nothing was taken."""
        if self.used + count > self.most:
            return False
        self.used += count
        return True

    def give_back(self, count: int) -> None:
        self.used -= count


class Proxy:
    """Forwards a few calls and nothing else. ``headers`` (a token) go to Prometheus, never to the browser."""

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        slots: int = SLOTS,
        deadline: float = DEADLINE_SECONDS,
        memory: int = MEMORY,
    ) -> None:
        self._url = url.rstrip("/")
        self._shown = urlsplit(self._url).netloc.rpartition("@")[2]  # never a password
        self._slots = asyncio.Semaphore(slots)
        self._deadline = deadline
        self._memory = Memory(memory)
        # Compressed, a small answer could become any amount of memory.
        self._client = httpx.AsyncClient(
            headers={**headers, "Accept-Encoding": "identity"},
            timeout=httpx.Timeout(deadline, connect=_CONNECT_SECONDS),
            limits=httpx.Limits(max_connections=slots, max_keepalive_connections=slots),
            follow_redirects=False,
        )

    async def get(self, call: str, request: Request, allowed: tuple[str, ...]) -> Response:
        """Raises nothing: whatever goes wrong is an answer in Prometheus' own error format.

        A browser that has gone (another page, another time range) gives its slot back.
        """
        parameters = [(name, value) for name, value in request.query_params.multi_items() if name in allowed]
        return await self.while_wanted(request, self._answer(call, parameters, takes_gzip(request)))

    async def query(self, expr: str, time: float) -> bytes | None:
        """The answer to an instant query of our own, None when there is none."""
        answer = await self._answer("query", [("query", expr), ("time", f"{time:.3f}")], packed=False)
        return answer.taken() if isinstance(answer, _Held) and answer.status_code == 200 else None

    @staticmethod
    async def while_wanted(request: Request, answer: Coroutine[None, None, Response]) -> Response:
        """The answer, given up when the browser has gone."""
        work = asyncio.ensure_future(answer)
        gone = asyncio.ensure_future(_gone(request))
        try:
            await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
            return work.result() if work.done() else error(503, "canceled", "The browser has gone")
        finally:
            work.cancel()
            gone.cancel()

    async def _answer(self, call: str, parameters: list[tuple[str, str]], packed: bool) -> Response:
        try:
            async with asyncio.timeout(self._deadline), self._slots:
                return await self._ask(call, parameters, packed)
        except (TimeoutError, httpx.TimeoutException):
            return error(504, "timeout", f"Prometheus at {self._shown} takes too long to answer")
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError):
            return error(502, "unavailable", f"Prometheus at {self._shown} does not answer")
        except _Odd as odd:
            return error(502, "unavailable", f"{self._shown} {odd}")
        except _TooMuch as much:
            if much.alone:
                return error(502, "too_large", "The answer is too large to draw: choose a shorter time range")
            return error(503, "busy", "Too many large answers at once: try again in a moment")

    async def _ask(self, call: str, parameters: list[tuple[str, str]], packed: bool) -> Response:
        query = httpx.QueryParams(tuple(parameters))
        async with self._client.stream("GET", f"{self._url}/api/v1/{call}", params=query) as answer:
            if answer.is_redirect:
                raise _Odd(
                    f"answers with status {answer.status_code} and another address; check prometheus.url"
                )
            if answer.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
                raise _Odd(f"answers with status {answer.status_code}, but not like Prometheus")
            if answer.headers.get("content-encoding", "identity").strip().lower() != "identity":
                raise _Odd("sends a compressed answer although none was asked for")
            held = _Held(answer.status_code, self._memory, packed)
            try:
                async for chunk in answer.aiter_raw():
                    held.add(chunk)
            except BaseException:
                held.drop()
                raise
            return held.closed()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


class _Held(Response):
    """An answer in memory, given back as the browser takes it; ``packed``: compressed on its way."""

    def __init__(self, status: int, memory: Memory, packed: bool) -> None:
        super().__init__(b"", status, media_type="application/json", headers=_NO_STORE)
        self._packed = packed
        self._memory = memory
        self._chunks: deque[bytes] = deque()
        self._size = 0

    def add(self, chunk: bytes) -> None:
        if self._size + len(chunk) > LONGEST_ANSWER:
            raise _TooMuch(alone=True)
        if not self._memory.take(len(chunk)):
            raise _TooMuch(alone=False)
        self._chunks.append(chunk)
        self._size += len(chunk)

    def closed(self) -> _Held:
        """The answer is complete."""
        self.headers["Vary"] = "Accept-Encoding"
        self._packed = self._packed and self._size >= _WORTH_PACKING
        if self._packed:
            del self.headers["Content-Length"]
            self.headers["Content-Encoding"] = "gzip"
        else:
            self.headers["Content-Length"] = str(self._size)
        return self

    def taken(self) -> bytes:
        """All of it at once, for ourselves."""
        body = b"".join(self._chunks)
        self.drop()
        return body

    def drop(self) -> None:
        """Forget what has not been sent."""
        while self._chunks:
            self._memory.give_back(len(self._chunks.popleft()))

    async def __call__(self, _: Scope, __: Receive, send: Send) -> None:
        try:
            # Sending waits while the browser does not read: that must end, too.
            async with asyncio.timeout(_SEND_SECONDS):
                await send(
                    {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
                )
                packer = zlib.compressobj(_LEVEL, wbits=_GZIP) if self._packed else None
                while self._chunks:
                    chunk = self._chunks.popleft()
                    try:
                        body = packer.compress(chunk) if packer else chunk
                        await send({"type": "http.response.body", "body": body, "more_body": True})
                    finally:
                        self._memory.give_back(len(chunk))
                rest = packer.flush() if packer else b""
                await send({"type": "http.response.body", "body": rest, "more_body": False})
        except TimeoutError:
            return  # the server closes the connection of an answer that has no end
        finally:
            self.drop()


def takes_gzip(request: Request) -> bool:
    """Whether the browser reads gzip."""
    accepted = request.headers.get("accept-encoding", "").lower()
    return any(one.partition(";")[0].strip() == "gzip" for one in accepted.split(","))


def error(status: int, kind: str, message: str) -> JSONResponse:
    """An error as Prometheus answers it."""
    body = {"status": "error", "errorType": kind, "error": message}
    headers = {**_NO_STORE, "Retry-After": "5"} if status == 503 else _NO_STORE
    return JSONResponse(body, status, headers=headers)
