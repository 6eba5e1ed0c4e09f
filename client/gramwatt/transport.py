"""HTTP/1.1 with JSON over a Unix socket, from the standard library, with a deadline for the whole call."""

from __future__ import annotations

import errno
import http.client
import json
import socket
import time
from collections.abc import Mapping, Sequence
from typing import Any, Optional

from .errors import Refused, Unavailable

DEFAULT_TIMEOUT = 5.0
"""Seconds for one whole call: connecting, sending, the exporter's forced sample, and the answer."""

_MAX_ANSWER = 32 * 1024 * 1024
_AF_UNIX = getattr(socket, "AF_UNIX", None)


class _DeadlineSocket(socket.socket):
    """A socket whose every operation has only the rest of one common time limit.

    An ordinary socket timeout starts again with each byte, so a peer that drips would hold the caller for ever.
    """

    deadline = 0.0

    def _arm(self) -> None:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise socket.timeout("timed out")
        self.settimeout(left)

    def connect(self, address: Any) -> None:
        self._arm()
        super().connect(address)

    def sendall(self, data: Any, flags: int = 0) -> None:
        self._arm()
        super().sendall(data, flags)

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        self._arm()
        return super().recv_into(buffer, nbytes, flags)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("gramwatt", timeout=timeout)
        self._path = path
        self._deadline = time.monotonic() + timeout

    def connect(self) -> None:
        assert _AF_UNIX is not None
        unix = _DeadlineSocket(_AF_UNIX, socket.SOCK_STREAM)
        unix.deadline = self._deadline
        try:
            unix.connect(self._path)
        except BaseException:
            unix.close()
            raise
        self.sock = unix


class Transport:
    """Calls to one exporter. ``candidates`` are socket paths; the first that accepts a connection answers.

    Holds no connection between calls: that is what makes it safe across fork, threads and exporter restarts.
    ``timeout`` is in seconds, for one whole call.
    """

    def __init__(self, candidates: Sequence[str], timeout: float = DEFAULT_TIMEOUT) -> None:
        self.candidates = tuple(candidates)
        self.timeout = timeout

    def call(self, method: str, path: str, body: Optional[Mapping[str, Any]] = None) -> dict[str, Any]:
        """One request; the answer's JSON object.

        Raises:
            Unavailable: nobody listens, the connection broke or timed out, or the answer is not HTTP with JSON.
            Refused: the exporter answered with an error status.
        """
        if _AF_UNIX is None:
            raise Unavailable("this platform has no Unix sockets; the exporter runs on Linux")
        problems = []
        for candidate in self.candidates:
            connection = _UnixConnection(candidate, self.timeout)
            try:
                connection.connect()
            except OSError as error:
                connection.close()
                problems.append(_no_connection(candidate, error))
                continue
            try:
                return self._exchange(connection, candidate, method, path, body)
            finally:
                connection.close()
        raise Unavailable("; ".join(problems) or "no socket path to try")

    def _exchange(
        self,
        connection: _UnixConnection,
        candidate: str,
        method: str,
        path: str,
        body: Optional[Mapping[str, Any]],
    ) -> dict[str, Any]:
        data = None if body is None else json.dumps(body, allow_nan=False).encode()
        headers = {"Accept": "application/json", "Connection": "close"}
        if data is not None:
            headers["Content-Type"] = "application/json"
        try:
            connection.request(method, path, body=data, headers=headers)
            response = connection.getresponse()
            raw = response.read(_MAX_ANSWER + 1)
        except socket.timeout as error:
            raise Unavailable(
                f"the exporter at {candidate} did not answer within {self.timeout:g} s", sent=True
            ) from error
        except http.client.HTTPException as error:
            raise Unavailable(
                f"{candidate} does not speak the exporter's HTTP ({_describe(error)}); is it another program's socket?",
                sent=True,
            ) from error
        except OSError as error:
            raise Unavailable(
                f"the exporter at {candidate} closed the connection ({_describe(error)})", sent=True
            ) from error
        answer = _json_object(raw)
        if answer is None or (response.length or 0) > 0:
            raise Unavailable(
                f"{candidate} answered {response.status} without a JSON object; is it another program's socket?",
                sent=True,
            )
        if 200 <= response.status < 300:
            return answer
        raise _refused(response.status, answer)


def _json_object(raw: bytes) -> Optional[dict[str, Any]]:
    if len(raw) > _MAX_ANSWER:
        return None
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _refused(status: int, answer: Mapping[str, Any]) -> Refused:
    error = answer.get("error")
    if not isinstance(error, dict):
        return Refused(status, f"the exporter answered {status}")
    return Refused(
        status,
        str(error.get("message") or f"the exporter answered {status}"),
        field=str(error.get("field") or ""),
        fix=str(error.get("fix") or ""),
    )


def _no_connection(path: str, error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return f"no exporter at {path}"
    if isinstance(error, ConnectionRefusedError):
        return f"{path} exists but no exporter listens on it"
    if isinstance(error, PermissionError):
        return f"no permission to use {path}"
    if isinstance(error, (socket.timeout, BlockingIOError)):
        return f"the exporter at {path} accepts no connection"
    if error.errno in (
        errno.ENAMETOOLONG,
        None,
    ):  # CPython refuses an overlong AF_UNIX path itself, without errno
        return f"socket path {path!r} cannot be used: {error}"
    return f"cannot connect to {path}: {_describe(error)}"


def _describe(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__
