"""The calls of the socket API (docs/socket-api.md), one method each, with the retries that are safe."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Optional
from urllib.parse import quote, urlencode

from .breaker import PROBE_SECONDS, Breaker, breaker_of
from .connections import is_url
from .environment import socket_candidates
from .errors import Refused, Unavailable
from .procfs import start_ticks
from .transport import DEFAULT_TIMEOUT, Transport

PHASES = ("training", "inference")
"""The two phases of a window."""

_RETRY_DELAY = 0.5  # seconds; an exporter that restarts listens again well within this
# By status. 429: a user's calls are let in 20 ms apart; one too many waits for the next place, not for half a second.
# 503: the exporter is starting or stopping.
_PAUSES = {429: (0.03, 0.06, 0.12, 0.24), 503: (_RETRY_DELAY,)}
_INSISTED_SECONDS = 1.0  # for a stop while the exporter is being left alone

Json = dict[str, Any]


class Api:
    """One exporter's socket API.

    Every method raises :class:`~gramwatt.errors.Unavailable` when no exporter answers and
    :class:`~gramwatt.errors.Refused` when it says no. Calls that may be repeated without harm are tried a second
    time, so that a window survives a restart of the exporter in the middle; both together take the transport's
    timeout at most. After a failure the exporter is left alone for 1, 2, 4 .. 60 s: calls then fail at once.
    """

    def __init__(self, transport: Transport, breaker: Optional[Breaker] = None) -> None:
        self._transport = transport
        self._breaker = breaker_of(transport.candidates) if breaker is None else breaker

    @property
    def is_resting(self) -> bool:
        """Whether calls fail at once now, because the last one failed."""
        return self._breaker.seconds_left > 0

    def status(self) -> Json:
        """Version, sensors, sampling interval, intensity."""
        return self._again("GET", "/v1/status")

    def open(self, fields: Mapping[str, Any]) -> Json:
        """Open a window; ``fields`` is the Open object. Not repeated once it may have reached the exporter."""
        return self._call("POST", "/v1/windows", self._identified(fields), repeats=self._opens_again)

    def windows(self, state: str = "") -> list[Json]:
        """The caller's windows, newest first; ``state`` is "", "open" or "finished"."""
        query = "?" + urlencode({"state": state}) if state else ""
        found = self._again("GET", "/v1/windows" + query).get("windows", [])
        return [window for window in found if isinstance(window, dict)]

    def window(self, window: str, sample: bool = False) -> Json:
        """One window; ``sample`` makes the exporter read its sensors first."""
        return self._again("GET", _path(window) + ("?sample=true" if sample else ""))

    def values(self, window: str, values: Mapping[str, float], timeout: Optional[float] = None) -> Json:
        """Merge values into a window, within ``timeout`` seconds."""
        return self._call("POST", _path(window) + "/values", {"values": dict(values)}, timeout=timeout)

    def add_process(self, window: str, pid: int) -> Json:
        """Count one more process tree for a window. Membership twice counts once."""
        return self._again("POST", _path(window) + "/processes", self._identified({"pid": pid}))

    def leave(self, window: str, pid: int) -> Json:
        """A process and what it started do not count for a window any more. Older exporters answer 404."""
        return self._again("POST", _path(window) + "/leave", self._identified({"pid": pid}))

    def stop(
        self,
        window: str,
        values: Optional[Mapping[str, float]] = None,
        outcome: Optional[Mapping[str, Any]] = None,
        timeout: Optional[float] = None,
    ) -> Json:
        """Stop a window; stopping twice gives the same answer. ``outcome``: how its run ended.

        Asks even an exporter that is being left alone, but only for a second: a result cannot be had later.
        """
        body: Json = {}
        if values:
            body["values"] = dict(values)
        if outcome:
            body["outcome"] = dict(outcome)
        try:
            return self._call("POST", _path(window) + "/stop", body or None, timeout=timeout, insists=True)
        except Refused as error:
            if error.field != "outcome":
                raise
        # An exporter of an earlier version does not know the field.
        return self.stop(window, values, timeout=timeout)

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
        return self._call(method, path, body)

    def _opens_again(self, error: Unavailable) -> bool:
        """Whether nothing was opened and an exporter may listen soon: a missing path needs no second look."""
        return not error.sent and any(is_url(path) or _exists(path) for path in self._transport.candidates)

    def _call(
        self,
        method: str,
        path: str,
        body: Optional[Mapping[str, Any]] = None,
        *,
        timeout: Optional[float] = None,
        repeats: Callable[[Unavailable], bool] = lambda _: True,
        insists: bool = False,
    ) -> Json:
        """One call and, where it failed and may be repeated, another (of 429, some); all within the timeout."""
        limit = self._transport.timeout if timeout is None else timeout
        tripped = self._breaker.is_tripped
        if tripped and insists:
            limit = min(limit, _INSISTED_SECONDS)
        elif tripped:
            self._probe()
        left, deadline = limit, time.monotonic() + limit
        pauses: Optional[Iterator[float]] = None
        while True:
            try:
                return self._ask(method, path, body, left)
            except (Unavailable, Refused) as error:
                if isinstance(error, Refused):
                    again = _PAUSES.get(error.status, ())
                else:
                    again = (_RETRY_DELAY,) if repeats(error) else ()
                pauses = iter(again) if pauses is None else pauses
                pause = next(pauses, None)
                if pause is None or time.monotonic() + pause >= deadline:
                    raise
            time.sleep(pause)
            left = max(0.0, deadline - time.monotonic())

    def _probe(self) -> None:
        """After a failure: raise at once during the pause; behind it, find out quickly whether it answers again."""
        left = self._breaker.seconds_left
        if left:
            raise Unavailable(f"{self._breaker.problem} (it is not asked again for {left:.0f} s)")
        self._ask("GET", "/v1/status", None, min(PROBE_SECONDS, self._transport.timeout))

    def _ask(self, method: str, path: str, body: Optional[Mapping[str, Any]], timeout: float) -> Json:
        """One request. The breaker hears of its outcome."""
        began = time.monotonic()
        try:
            answer = self._transport.call(method, path, body, timeout)
        except Unavailable as error:
            self._breaker.failed(str(error), time.monotonic() - began)
            raise
        except Refused:
            self._breaker.answered()
            raise
        self._breaker.answered()
        return answer


def connect(socket: str = "", timeout: float = DEFAULT_TIMEOUT) -> Api:
    """The API on ``socket`` (a path or URL), else where the environment says, else on the default paths.

    Opens no connection yet.
    """
    return Api(Transport(socket_candidates(socket), timeout))


def _path(window: str) -> str:
    return "/v1/windows/" + quote(window, safe="", errors="replace")


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except (OSError, ValueError):
        return False
