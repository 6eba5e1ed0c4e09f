"""The calls of the socket API (docs/socket-api.md), one method each, with the retries that are safe."""

from __future__ import annotations

import re
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
# By status. 429: the exporter accepts one call of a user every 20 ms, so a refused call is repeated after tens of
# milliseconds.
# 503: the exporter is starting or stopping.
_PAUSES = {429: (0.03, 0.06, 0.12, 0.24), 503: (_RETRY_DELAY,)}
_INSISTED_SECONDS = 1.0  # limit of a stop during a pause of the breaker

_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")  # of a window; exporters make 20 digits and small letters

Json = dict[str, Any]


class Api:
    """One exporter's socket API.

    Every method raises :class:`~gramwatt.errors.Unavailable` when no exporter answers and
    :class:`~gramwatt.errors.Refused` when it says no. Calls that may be repeated without harm are tried a second time,
    so that a window survives a restart of the exporter. Both tries together take at most the transport's timeout. After
    a failure the client makes no call for 1, 2, 4 .. 60 s (:mod:`.breaker`): calls then fail at once.
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
        """Open a window; ``fields`` is the Open object. Not repeated once it may have reached the exporter.

        The answer's ``window`` is an id. Raises Unavailable for an answer without one: it ends up in the environment of
        commands, which can hold neither every text nor any other type.
        """
        answer = self._call("POST", "/v1/windows", self._identified(fields), repeats=self._opens_again)
        window = answer.get("window")
        if not isinstance(window, str) or _ID.fullmatch(window) is None:
            raise Unavailable(
                "it opened a window without an id; is it a gramwatt-exporter that listens?", sent=True
            )
        return answer

    def windows(self, state: str = "") -> list[Json]:
        """The caller's windows, newest first; ``state`` is "", "open" or "finished"."""
        query = "?" + urlencode({"state": state}) if state else ""
        found = self._again("GET", "/v1/windows" + query).get("windows")
        return [window for window in found if isinstance(window, dict)] if isinstance(found, list) else []

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
        """Take a process and its descendants out of a window. Older exporters answer 404."""
        return self._again("POST", _path(window) + "/leave", self._identified({"pid": pid}))

    def stop(
        self,
        window: str,
        values: Optional[Mapping[str, float]] = None,
        outcome: Optional[Mapping[str, Any]] = None,
        timeout: Optional[float] = None,
    ) -> Json:
        """Stop a window; stopping twice gives the same answer. ``outcome``: how its run ended.

        This call is made during a pause, too, for at most one second: a later call cannot get the result.
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
        # An exporter of an earlier version refuses the field.
        return self.stop(window, values, timeout=timeout)

    def top(self, processes: int = 50, workloads: int = 50) -> Json:
        """What draws power now."""
        return self._again("GET", "/v1/top?" + urlencode({"processes": processes, "workloads": workloads}))

    def intensity(self) -> Json:
        """The grid's carbon intensity with forecast and history."""
        return self._again("GET", "/v1/intensity")

    def _identified(self, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        """The fields and, over TCP, the start time of the process: there the same pid may name another process."""
        pid = fields.get("pid")
        ticks = start_ticks(pid) if pid is not None and self._transport.is_remote else None
        return fields if ticks is None else {**fields, "pid_start_ticks": ticks}

    def _again(self, method: str, path: str, body: Optional[Mapping[str, Any]] = None) -> Json:
        return self._call(method, path, body)

    def _opens_again(self, error: Unavailable) -> bool:
        """Whether no window was opened and an exporter may answer soon. No exporter will answer on a missing path."""
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
        """Make a call and repeat it after a failure, where that is allowed. All tries together keep the timeout."""
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
        """After a failure: raise during the pause; after the pause, check quickly whether the exporter answers."""
        left = self._breaker.seconds_left
        if left:
            raise Unavailable(f"{self._breaker.problem} (next try in {left:.0f} s)")
        self._ask("GET", "/v1/status", None, min(PROBE_SECONDS, self._transport.timeout))

    def _ask(self, method: str, path: str, body: Optional[Mapping[str, Any]], timeout: float) -> Json:
        """Make one request and report its outcome to the breaker."""
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
