"""The calls of the socket API (docs/socket-api.md), one method each, with the retries that are safe."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Optional
from urllib.parse import quote, urlencode

from .connections import is_url
from .environment import socket_candidates
from .errors import Refused, Unavailable
from .procfs import start_ticks
from .transport import DEFAULT_TIMEOUT, Transport

PHASES = ("training", "inference")
"""The two phases of a window."""

_RETRY_DELAY = 0.5  # seconds; an exporter that restarts listens again well within this

Json = dict[str, Any]


class Api:
    """One exporter's socket API.

    Every method raises :class:`~gramwatt.errors.Unavailable` when no exporter answers and
    :class:`~gramwatt.errors.Refused` when it says no. Calls that may be repeated without harm are tried a second
    time, so that a window survives a restart of the exporter in the middle.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def status(self) -> Json:
        """Version, sensors, sampling interval, intensity."""
        return self._again("GET", "/v1/status")

    def open(self, fields: Mapping[str, Any]) -> Json:
        """Open a window; ``fields`` is the Open object. Not repeated once it may have reached the exporter."""
        fields = self._identified(fields)
        try:
            return self._transport.call("POST", "/v1/windows", fields)
        except Unavailable as error:
            if error.sent:
                raise
            # Nobody listened, so nothing was opened. One path that is missing needs no second look.
            if not any(is_url(path) or Path(path).exists() for path in self._transport.candidates):
                raise
        except Refused as error:
            if error.status not in (429, 503):
                raise
        time.sleep(_RETRY_DELAY)
        return self._transport.call("POST", "/v1/windows", fields)

    def windows(self, state: str = "") -> list[Json]:
        """The caller's windows, newest first; ``state`` is "", "open" or "finished"."""
        query = "?" + urlencode({"state": state}) if state else ""
        found = self._again("GET", "/v1/windows" + query).get("windows", [])
        return [window for window in found if isinstance(window, dict)]

    def window(self, window: str, sample: bool = False) -> Json:
        """One window; ``sample`` makes the exporter read its sensors first."""
        return self._again("GET", _path(window) + ("?sample=true" if sample else ""))

    def values(self, window: str, values: Mapping[str, float]) -> Json:
        """Merge values into a window."""
        return self._again("POST", _path(window) + "/values", {"values": dict(values)})

    def add_process(self, window: str, pid: int) -> Json:
        """Count one more process tree for a window. Joining twice counts once."""
        return self._again("POST", _path(window) + "/processes", self._identified({"pid": pid}))

    def leave(self, window: str, pid: int) -> Json:
        """A process and what it started do not count for a window any more. Older exporters answer 404."""
        return self._again("POST", _path(window) + "/leave", self._identified({"pid": pid}))

    def stop(self, window: str, values: Optional[Mapping[str, float]] = None) -> Json:
        """Stop a window; stopping twice gives the same answer."""
        return self._again("POST", _path(window) + "/stop", {"values": dict(values)} if values else None)

    def top(self, processes: int = 50, workloads: int = 50) -> Json:
        """What draws power now."""
        return self._again("GET", "/v1/top?" + urlencode({"processes": processes, "workloads": workloads}))

    def intensity(self) -> Json:
        """The grid's carbon intensity with forecast and history."""
        return self._again("GET", "/v1/intensity")

    def _identified(self, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        """Over TCP, with when the process began: its number alone may be another one's on the measured machine."""
        pid = fields.get("pid")
        ticks = start_ticks(pid) if pid is not None and self._transport.is_remote else None
        return fields if ticks is None else {**fields, "pid_start_ticks": ticks}

    def _again(self, method: str, path: str, body: Optional[Mapping[str, Any]] = None) -> Json:
        return _twice(lambda: self._transport.call(method, path, body))


def connect(socket: str = "", timeout: float = DEFAULT_TIMEOUT) -> Api:
    """The API on ``socket`` (a path or URL), else where the environment says, else on the default paths.

    Opens no connection yet.
    """
    return Api(Transport(socket_candidates(socket), timeout))


def _path(window: str) -> str:
    return "/v1/windows/" + quote(window, safe="")


def _twice(call: Callable[[], Json]) -> Json:
    try:
        return call()
    except Unavailable:
        pass
    except Refused as error:
        if error.status not in (429, 503):
            raise
    time.sleep(_RETRY_DELAY)
    return call()
