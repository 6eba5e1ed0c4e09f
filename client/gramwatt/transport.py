"""HTTP/1.1 with JSON over a Unix socket or TCP, from the standard library, with a deadline for the whole call."""

from __future__ import annotations

import errno
import http.client
import json
import socket
import ssl
from collections.abc import Mapping, Sequence
from typing import Any, Optional

from . import environment
from .connections import AF_UNIX, Connection, TcpConnection, UnixConnection, is_url
from .errors import Refused, Unavailable

DEFAULT_TIMEOUT = 5.0
"""Seconds for one whole call: connecting, sending, the exporter's forced sample, and the answer."""

_MAX_ANSWER = 32 * 1024 * 1024


class Transport:
    """Calls to one exporter. ``candidates`` are socket paths or URLs; the first that accepts a connection answers.

    It holds no connection between calls, so it is safe across forks, threads and restarts of the exporter.
    ``timeout`` is in seconds, for one whole call.
    """

    def __init__(self, candidates: Sequence[str], timeout: float = DEFAULT_TIMEOUT) -> None:
        self.candidates = tuple(candidates)
        self.timeout = timeout

    @property
    def is_remote(self) -> bool:
        """Whether calls go over TCP, where the exporter cannot see the calling process."""
        return any(map(is_url, self.candidates))

    def call(
        self,
        method: str,
        path: str,
        body: Optional[Mapping[str, Any]] = None,
        timeout: Optional[float] = None,
    ) -> dict[str, Any]:
        """One request; the answer's JSON object. ``timeout`` is in seconds for all of it, instead of the usual one.

        Raises:
            Unavailable: no exporter listens, the connection broke or timed out, or the answer is not HTTP with JSON.
            Refused: the exporter answered with an error status.
        """
        timeout = self.timeout if timeout is None else timeout
        problems = []
        for candidate in self.candidates:
            connection = self._connection(candidate, timeout)
            try:
                connection.connect()
            except OSError as error:
                connection.close()
                problems.append(_no_connection(candidate, error))
                continue
            except ValueError as error:  # a path with a NUL character
                connection.close()
                problems.append(f"{candidate!r} cannot be used: {error}")
                continue
            try:
                return self._exchange(connection, candidate, method, path, body, timeout)
            finally:
                connection.close()
        raise Unavailable("; ".join(problems) or "no socket path to try")

    def _connection(self, candidate: str, timeout: float) -> Connection:
        if not is_url(candidate):
            if AF_UNIX is None:
                raise Unavailable(
                    "this platform has no Unix sockets; the exporter runs on Linux, its windows may be served over TCP"
                    f" ({environment.URL})"
                )
            return UnixConnection(candidate, timeout)
        try:
            return TcpConnection(candidate, timeout, environment.ca_file())
        except (ValueError, http.client.InvalidURL) as error:
            raise Unavailable(f"the exporter's URL cannot be used: {error}; give http://HOST:PORT") from None

    def _exchange(
        self,
        connection: Connection,
        candidate: str,
        method: str,
        path: str,
        body: Optional[Mapping[str, Any]],
        timeout: float,
    ) -> dict[str, Any]:
        data = None if body is None else json.dumps(body, allow_nan=False).encode()
        headers = {"Accept": "application/json", "Connection": "close"}
        if data is not None:
            headers["Content-Type"] = "application/json"
        if is_url(candidate):
            headers.update(environment.authorization())
        try:
            connection.request(method, path, body=data, headers=headers)
            response = connection.getresponse()
            raw = response.read(_MAX_ANSWER + 1)
        except socket.timeout as error:
            raise Unavailable(
                f"the exporter at {candidate} did not answer within {timeout:.3g} s", sent=True
            ) from error
        except http.client.HTTPException as error:
            raise Unavailable(
                f"{candidate} does not speak the exporter's HTTP ({_describe(error)}); {_advice(candidate)}",
                sent=True,
            ) from error
        except OSError as error:
            advice = f"; {_advice(candidate)}" if is_url(candidate) else ""
            raise Unavailable(
                f"the exporter at {candidate} closed the connection ({_describe(error)}){advice}", sent=True
            ) from error
        answer = _json_object(raw)
        if answer is None or (response.length or 0) > 0:
            raise Unavailable(
                f"{candidate} answered {response.status} without a JSON object; {_advice(candidate)}",
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


def _advice(candidate: str) -> str:
    if candidate.startswith("http://"):
        return "does it want https://, or is it another program's port?"
    return f"is it another program's {'port' if is_url(candidate) else 'socket'}?"


def _no_connection(path: str, error: OSError) -> str:
    if is_url(path):
        return _no_tcp_connection(path, error)
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


def _no_tcp_connection(url: str, error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"the certificate of {url} is not trusted ({error.verify_message});"
            f" set {environment.CA_FILE} to the authority's"
        )
    if isinstance(error, ssl.SSLError):
        return f"{url} does not speak TLS ({error.reason or error}); does it want http://?"
    if isinstance(error, ConnectionRefusedError):
        return f"no exporter listens at {url}; is windows.tcp set there?"
    if isinstance(error, socket.timeout):
        return f"the exporter at {url} accepts no connection"
    return f"cannot connect to {url}: {_describe(error)}"


def _describe(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__
