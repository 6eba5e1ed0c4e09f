"""The calls of docs/socket-api.md: the backend's method for each method and path."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec
from msgspec import Struct

from ..windows.errors import ApiError
from ..windows.model import OpenRequest, Peer
from ..windows.outcome import outcome_fields
from . import bodies
from .backend import Answer, Backend
from .namespaces import pid_from_here

TOP_MOST = 10_000


class Call(Struct, frozen=True):
    """One request, read and bounded, before its body is decoded."""

    peer: Peer
    window_id: str
    query: str
    body: bytes
    procfs: str

    def pid(self, pid: int, start_ticks: int | None) -> int:
        """Translates a process id of the caller to the number used here."""
        return pid_from_here(self.procfs, self.peer.pid, pid, start_ticks)


Work = Callable[[], Answer]
Handler = Callable[[Backend, Call], Work | bytes]
"""Checks a call. Returns the work for the backend, or at once the JSON of an answer that needs no state."""


class Route(Struct, frozen=True):
    """``path`` as in the documentation, ``{id}`` standing for a window."""

    method: str
    path: str
    status: int
    handler: Handler
    opens: bool = False  # opens a window: fewer of these calls are allowed

    @property
    def pattern(self) -> re.Pattern[str]:
        """Matches request paths of this route."""
        return re.compile(re.escape(self.path).replace(r"\{id\}", r"(?P<id>[^/]+)"))


def _status(backend: Backend, call: Call) -> Work:
    bodies.query(call.query, {})
    return partial(backend.status, call.peer)


def _intensity(backend: Backend, call: Call) -> Work:
    bodies.query(call.query, {})
    return partial(backend.intensity, call.peer)


def _top(backend: Backend, call: Call) -> Work:
    asked = bodies.query(call.query, {"processes": "50", "workloads": "50"})
    processes = bodies.count("processes", asked["processes"], TOP_MOST)
    return partial(backend.top, call.peer, processes, bodies.count("workloads", asked["workloads"], TOP_MOST))


def _open(backend: Backend, call: Call) -> Work:
    bodies.query(call.query, {})
    request = bodies.decode(call.body, OpenRequest)
    if request.pid is not None and request.pid > 0:
        request = msgspec.structs.replace(request, pid=call.pid(request.pid, request.pid_start_ticks))
    return partial(backend.open_window, call.peer, request)


def _windows(backend: Backend, call: Call) -> Work:
    state = bodies.query(call.query, {"state": ""})["state"]
    if state not in ("", "open", "finished"):
        raise ApiError(
            400, "state", f"{state[:64]!r} is not a state", "use open or finished, or leave it out"
        )
    return partial(backend.windows, call.peer, state)


def _window(backend: Backend, call: Call) -> Work:
    sample = bodies.flag("sample", bodies.query(call.query, {"sample": "false"})["sample"])
    return partial(backend.window, call.peer, call.window_id, sample)


def _values(backend: Backend, call: Call) -> Work:
    bodies.query(call.query, {})
    return partial(backend.record, call.peer, call.window_id, bodies.decode(call.body, bodies.Values).values)


def _process(call: Call) -> int:
    """The process of the body, by its number here."""
    bodies.query(call.query, {})
    asked = bodies.decode(call.body, bodies.Process)
    if not 0 < asked.pid < 2**31:
        raise ApiError(400, "pid", f"{asked.pid} is not a process id", "give a positive integer")
    return call.pid(asked.pid, asked.pid_start_ticks)


def _processes(backend: Backend, call: Call) -> Work:
    return partial(backend.add_process, call.peer, call.window_id, _process(call))


def _leave(backend: Backend, call: Call) -> Work:
    return partial(backend.leave_window, call.peer, call.window_id, _process(call))


def _stop(backend: Backend, call: Call) -> Work:
    bodies.query(call.query, {})
    asked = bodies.decode(call.body, bodies.Stop)
    return partial(
        backend.stop_window, call.peer, call.window_id, asked.values, outcome_fields(asked.outcome)
    )


def _document(backend: Backend, call: Call) -> bytes:  # noqa: ARG001 - all handlers have one signature
    bodies.query(call.query, {})
    return Path(__file__).with_name("openapi.json").read_bytes()


ROUTES: tuple[Route, ...] = (
    Route("GET", "/v1/status", 200, _status),
    Route("POST", "/v1/windows", 201, _open, opens=True),
    Route("GET", "/v1/windows", 200, _windows),
    Route("GET", "/v1/windows/{id}", 200, _window),
    Route("POST", "/v1/windows/{id}/values", 200, _values),
    Route("POST", "/v1/windows/{id}/processes", 200, _processes),
    Route("POST", "/v1/windows/{id}/leave", 200, _leave),
    Route("POST", "/v1/windows/{id}/stop", 200, _stop),
    Route("GET", "/v1/top", 200, _top),
    Route("GET", "/v1/intensity", 200, _intensity),
    Route("GET", "/v1/openapi.json", 200, _document),
)
_PATTERNS = tuple((route, route.pattern) for route in ROUTES)


def find(method: str, path: str) -> tuple[Route, str]:
    """The route and the window's id in the path. Raises ApiError 404 or 405."""
    allowed = []
    for route, pattern in _PATTERNS:
        match = pattern.fullmatch(path)
        if match is not None:
            if route.method == method:
                return route, match.groupdict().get("id", "")
            allowed.append(route.method)
    if allowed:
        methods = " or ".join(allowed)
        raise ApiError(405, "", f"{method[:16]} is not a method of {path[:128]}", f"use {methods}")
    raise ApiError(404, "", f"no path {path[:128]!r}", "see /v1/openapi.json for the calls there are")


def methods(path: str) -> str:
    """What a path allows, for the header ``Allow``."""
    return ", ".join(route.method for route, pattern in _PATTERNS if pattern.fullmatch(path))
