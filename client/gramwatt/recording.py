"""Recorded windows for code: context manager, decorator, or start and stop; sync and async.

Nothing here raises because measuring failed: without an exporter there is one warning and the work goes on. Wrong
arguments do raise, at once and by name.
"""

from __future__ import annotations

import asyncio
import collections
import contextvars
import functools
import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Optional, Union

from . import at_exit, environment, ranks, software
from . import emissions_csv as csv_rows
from .api import Api, connect
from .checks import check_name, check_phase, check_tags, check_values
from .decorating import Function, decorated
from .errors import GramwattError, Refused
from .event_loop import enter, in_thread
from .local import SOURCE, LocalMeter, watts_per_cpu
from .membership import MEMBERSHIP
from .notices import warn_once
from .outbox import Outbox, send_values
from .outcome import Outcome, of_exception
from .outputs import guarded
from .result import Result, from_window
from .texts import sendable
from .transport import DEFAULT_TIMEOUT

# Ids of the windows around the running code, outermost first. A context variable, so that tasks of an event loop do
# not become each other's parents.
_around: contextvars.ContextVar[tuple[str, ...]] = contextvars.ContextVar("gramwatt_windows", default=())

# Number of windows of each name in this process. All ranks run the same code, so their n-th "epoch" is one window.
_opened: collections.Counter[str] = collections.Counter()
_lonely: set[str] = set()  # names whose leader opened no window: not waited for again

_FLUSH_SECONDS = 1.0  # seconds to send the values of a window that another process stops


class Window:
    """One recorded window: the energy of this process and everything it starts, between :meth:`start` and :meth:`stop`.

    Made by :func:`gramwatt.window`. ``result`` holds the outcome after the stop, ``id`` the exporter's id while there
    is one. Used once; the decorator makes a new one for each call.
    """

    def __init__(
        self,
        name: str,
        phase: str,
        *,
        model: str = "",
        task: str = "",
        dataset: str = "",
        tags: Optional[Mapping[str, str]] = None,
        values: Optional[Mapping[str, float]] = None,
        fallback: bool = False,
        per_rank: bool = False,
        emissions_csv: Union[str, "os.PathLike[str]", None] = None,
        socket: str = "",
        timeout: float = DEFAULT_TIMEOUT,
    ) -> None:
        self._arguments: dict[str, Any] = {
            "model": model, "task": task, "dataset": dataset, "tags": tags, "values": values, "fallback": fallback,
            "per_rank": per_rank, "emissions_csv": emissions_csv, "socket": socket, "timeout": timeout,
        }  # fmt: skip
        self.name = sendable(check_name(name))
        self.phase = check_phase(phase)
        self.model, self.task, self.dataset = sendable(model), sendable(task), sendable(dataset)
        self.id: Optional[str] = None
        self._tags = check_tags(tags)
        self._values = check_values(values)
        self._fallback = fallback
        self._per_rank = per_rank
        self._csv = None if emissions_csv is None else Path(emissions_csv)
        self._api: Api = connect(socket, timeout)
        self._outbox = Outbox(self._api)
        self._meter: Optional[LocalMeter] = None
        self._started_in = 0  # pid of the process that started it: a forked child must not stop the window
        self._ours = True  # False: joined, another process stops it
        self._joined = False
        self._rank: Optional[ranks.Rank] = None  # for launchers whose variables do not contain it
        self._problem = ""
        self._result: Optional[Result] = None
        self._handled: Optional[BaseException] = None  # exception handled at the start: not its failure

    def __repr__(self) -> str:
        state = "finished" if self._result else "open" if self._meter else "new"
        return f"<gramwatt window {self.name!r} {self.phase} {state}{' ' + self.id if self.id else ''}>"

    # --- start and stop

    def start(self) -> Window:
        """Open the window; returns itself. The exporter samples now, so that the edge is exact.

        Raises:
            RuntimeError: it has been started before.
        """
        self._open()
        self._step_in()
        return self

    def stop(self, error: Optional[BaseException] = None) -> Result:
        """Close the window and return its result. Stopping twice gives the same result.

        ``error`` is the exception that ended the run. Without it, a call inside ``except`` or ``finally`` takes the
        exception handled there. A forked child does not stop the window of its parent.
        """
        self._step_out()
        return self._close(self._outcome() if error is None else of_exception(error))

    @property
    def result(self) -> Result:
        """The result. Before the stop it holds no measured values; see :meth:`live`."""
        return (
            self._result
            if self._result is not None
            else self._unmeasured("the window has not been stopped", "open")
        )

    def live(self) -> Result:
        """What the window has used until now; the exporter reads its sensors first."""
        if self._result is not None:
            return self._result
        if self.id is None:
            return self._own_estimate("open")
        try:
            return from_window(self._api.window(self.id, sample=True))
        except GramwattError as error:
            return self._unmeasured(str(error), "open")

    def record(self, **values: float) -> None:
        """Keep numbers with the window: ``samples=60000, accuracy=0.98, tokens=...``. The later value wins.

        Cheap enough for a loop: values are sent in the background, about once a second, and with the stop. An exporter
        that hangs costs the loop nothing.

        Raises:
            TypeError: a value is not a number.
        """
        checked = check_values(values)
        self._values.update(checked)
        self._outbox.put(checked, forked=bool(self._started_in) and os.getpid() != self._started_in)

    def leave(self) -> None:
        """Leave a window that this process joined: what it and its children use from now on is not charged to it.

        The end of the ``with`` block and :meth:`stop` leave it, too. Does nothing for a window that this process
        opened: only its stop ends it.
        """
        if self.id is None or os.getpid() != self._started_in:
            return
        try:
            self._leave(self.id)
        except GramwattError as error:
            warn_once(f"the window {self.id} could not be left: {error}", topic="leave")

    def environment(self) -> dict[str, str]:
        """Variables for processes started elsewhere (not by this one) that belong to this window: they join it."""
        return {} if self.id is None else {environment.WINDOW: self.id}

    def as_rank(self, rank: Optional[ranks.Rank]) -> Window:
        """Set which rank this process is, where no environment variable does. Call it before the start. Returns
        itself."""
        self._rank = rank
        return self

    # --- context managers and decorator

    def __enter__(self) -> Window:
        return self.start()

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self._step_out()
        self._close(of_exception(error))

    async def __aenter__(self) -> Window:
        await enter(self._open, lambda cancellation: self._close(of_exception(cancellation)))
        self._step_in()
        return self

    async def __aexit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self._step_out()
        # A cancelled task still gets its window closed: the thread runs to its end.
        await asyncio.shield(in_thread(functools.partial(self._close, of_exception(error))))

    def __call__(self, function: Function) -> Function:
        """Decorate: every call is a window of its own. Functions, coroutines and generators."""
        return decorated(function, self._again)

    def _again(self) -> Window:
        return Window(self.name, self.phase, **self._arguments)

    # --- opening

    def _open(self) -> None:
        if self._meter is not None:
            raise RuntimeError(
                f"window {self.name!r} has been started before; make a new one with gramwatt.window()"
            )
        self._meter = LocalMeter()
        self._started_in = os.getpid()
        self._handled = sys.exc_info()[1]
        try:
            self.id = self._join_named() or self._join_leader() or self._open_own()
        except GramwattError as error:
            self._problem = str(error)
            if not self._fallback:
                warn_once(f"windows are not measured: {error}", topic="no exporter")
        if self.id is not None:
            self._outbox.window = self.id
            at_exit.remember(self)

    def _join_named(self) -> Optional[str]:
        """Join the window that GRAMWATT_WINDOW names, unless this code is inside a window already."""
        window = os.environ.get(environment.WINDOW, "")
        if not window or _around.get():
            return None
        try:
            self._join(window)
        except Refused as error:
            warn_once(f"{environment.WINDOW}={window} cannot be joined: {error}", topic=environment.WINDOW)
            return None
        self._ours = ranks.leads_joined()
        self._outbox.put(self._values)
        return window

    def _join_leader(self) -> Optional[str]:
        """As one of several ranks: the leader marks its window, the others find and join it."""
        rank = None if self._per_rank else ranks.of_process(self._rank)
        if rank is None:
            return None
        tag = f"{rank.job}/{self.name}/{_opened[self.name]}"
        _opened[self.name] += 1
        if rank.leads:
            self._tags[ranks.TAG] = tag
            return None
        if self.name in _lonely:
            return None
        window = ranks.find(self._api, tag, since=rank.since, launcher=rank.launcher, name=self.name)
        if window is None:
            _lonely.add(self.name)
            warn_once(
                f"rank 0 opened no window {self.name!r}; this rank has its own", topic=f"rank {self.name}"
            )
            return None
        try:
            self._join(window)
        except Refused as error:
            if error.status != 409:  # 409: rank 0 has already finished the window; it is still the right one
                raise
        self._ours = False
        return window

    def _join(self, window: str) -> None:
        MEMBERSHIP.join(self._api, window)
        self._joined = True

    def _open_own(self) -> str:
        around = _around.get()
        if software.TAG not in self._tags and (frameworks := software.loaded()):
            self._tags[software.TAG] = frameworks
        fields: dict[str, Any] = {
            "name": self.name, "phase": self.phase, "pid": os.getpid(), "model": self.model, "task": self.task,
            "dataset": self.dataset, "parent": around[-1] if around else os.environ.get(environment.PARENT, ""),
            "values": self._values, "tags": self._tags,
        }  # fmt: skip
        try:
            answer = self._api.open(fields)
        except Refused as error:
            if error.field != "parent":
                raise
            # The parent window has ended, or belongs to another user (sudo). Open a window without a parent.
            answer = self._api.open({**fields, "parent": ""})
        return str(answer["window"])

    # --- while open

    def _step_in(self) -> None:
        if self.id is not None:
            _around.set((*_around.get(), self.id))

    def _step_out(self) -> None:
        _around.set(tuple(window for window in _around.get() if window != self.id))

    # --- closing

    def _outcome(self) -> Optional[Outcome]:
        """The exception that is being handled where ``stop()`` is called; None without one."""
        error = sys.exc_info()[1]
        return None if error is self._handled else of_exception(error)

    def _close(self, outcome: Optional[Outcome]) -> Result:
        if self._result is not None:
            return self._result
        if self._meter is None:
            return self._unmeasured("the window was never started")
        if os.getpid() != self._started_in:
            return self._unmeasured("a forked child does not stop its parent's window", "open")
        self._handled = None
        at_exit.forget(self)
        self._result = self._ask_result(outcome)
        if self._csv is not None and self._ours:
            self._write_csv(self._csv, self._result)
        return self._result

    def _ask_result(self, outcome: Optional[Outcome]) -> Result:
        if self.id is None:
            return replace(self._own_estimate("finished"), outcome=outcome)
        try:
            if self._ours:
                return from_window(self._stop(self.id, outcome))
            self._outbox.flush(_FLUSH_SECONDS)
            return from_window(self._leave(self.id) or self._api.window(self.id, sample=True))
        except GramwattError as error:
            self._problem = str(error)
            if not self._fallback:
                warn_once(f"the window {self.id} could not be read at its end: {error}", topic="stop")
            return replace(self._own_estimate("finished"), outcome=outcome)

    def _leave(self, window: str) -> Optional[dict[str, Any]]:
        """Leave the joined window. Returns the exporter's view of it, or None where another call must ask for it."""
        if not self._joined or self._ours:
            return None
        self._joined = False
        try:
            return MEMBERSHIP.leave(self._api, window)
        except Refused:  # an older exporter has no such call; the next call reports any other fault
            return None

    def _stop(
        self, window: str, outcome: Optional[Outcome], timeout: Optional[float] = None
    ) -> dict[str, Any]:
        values = self._outbox.take()
        try:
            return self._api.stop(window, values, outcome, timeout)
        except Refused as error:
            if error.status != 400 or not values:
                raise
        # A refused value must not keep the window open, and the other values must arrive.
        send_values(self._api, window, values, timeout)
        return self._api.stop(window, outcome=outcome, timeout=timeout)

    def at_exit(self, outcome: Optional[Outcome], timeout: float) -> bool:
        """The program ends and the window is still open; see :mod:`gramwatt.at_exit`."""
        if self.id is None or self._result is not None:
            return True
        if not self._ours or outcome is None:
            return self._outbox.flush(timeout)
        try:
            self._stop(self.id, outcome, timeout)
        except GramwattError:
            return False
        return True

    def _own_estimate(self, state: str) -> Result:
        if not self._fallback or self._meter is None:
            return self._unmeasured(self._problem, state)
        watts, uncertainty, note = watts_per_cpu()
        cpu_seconds, seconds = self._meter.cpu_seconds, self._meter.seconds
        joules = cpu_seconds * watts
        return replace(
            self._unmeasured(note, state),
            joules=joules,
            watts=joules / seconds if seconds > 0 else None,
            components={"cpu": joules},
            sources={"cpu": SOURCE},
            uncertainty=uncertainty,
        )

    def _unmeasured(self, note: str, state: str = "finished") -> Result:
        meter = self._meter
        return Result(
            name=self.name,
            phase=self.phase,
            window=self.id,
            state=state,
            seconds=None if meter is None else meter.seconds,
            cpu_seconds=None if meter is None else meter.cpu_seconds,
            values=dict(self._values),
            model=self.model,
            task=self.task,
            dataset=self.dataset,
            note=note,
        )

    @staticmethod
    def _write_csv(path: Path, result: Result) -> None:
        guarded(
            str(path),
            lambda: csv_rows.append(path, result),
            lambda problem: warn_once(problem, topic=f"csv {path}"),
        )
