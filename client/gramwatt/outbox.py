"""Recorded values on their way to the exporter, sent in the background: a loop never waits for it.

The thread lives only while there is something to send, which takes milliseconds: a program that forks is not
multi-threaded because it recorded a number.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Mapping
from typing import Optional

from .api import Api
from .errors import GramwattError, Refused
from .notices import warn_once

SEND_EVERY = 1.0
"""Least seconds between two sends. Values recorded in between go with the next send or with the stop."""

CHILD_WAITS = 0.25
"""Seconds a forked child waits for its values: it may end without a stop and without its exit handlers."""


class Outbox:
    """The values of one window that the exporter has not acknowledged."""

    def __init__(self, api: Api) -> None:
        self.window: Optional[str] = None
        self._api = api
        self._lock = threading.Lock()
        self._unsent: dict[str, float] = {}
        self._sending: dict[str, float] = {}
        self._sent_at = float("-inf")
        self._closed = False
        _outboxes.add(self)

    def put(self, values: Mapping[str, float], forked: bool = False) -> None:
        """Keep values; they are sent about once a second. A forked child sends each time, and waits for it briefly."""
        with self._lock:
            self._unsent.update(values)
            due = forked or time.monotonic() - self._sent_at >= SEND_EVERY
            if not due or self.window is None or self._api.is_resting:
                return
            self._sent_at = time.monotonic()
        _sender.send(self, wait=CHILD_WAITS if forked else 0.0)

    def send(self, timeout: Optional[float] = None) -> bool:
        """Send now, in this thread, within ``timeout`` seconds; False when values remain."""
        with self._lock:
            if self.window is None or self._closed or self._sending or not self._unsent:
                return not self._unsent and not self._sending
            self._sending, self._unsent = self._unsent, {}
        kept: dict[str, float] = {}
        try:
            kept = send_values(self._api, self.window, self._sending, timeout)
        finally:
            with self._lock:
                if not self._closed:
                    self._unsent = {**kept, **self._unsent}
                self._sending = {}
        return not kept

    def flush(self, timeout: float) -> bool:
        """Send all within ``timeout`` seconds, what is on its way included; False when values remain."""
        deadline = time.monotonic() + timeout
        _sender.wait(timeout)
        left = deadline - time.monotonic()
        return left > 0 and self.send(left)

    def take(self) -> dict[str, float]:
        """The values that the exporter has not acknowledged, for the stop. The outbox sends nothing after this."""
        with self._lock:
            taken = {**self._sending, **self._unsent}
            self._unsent, self._closed = {}, True
            return taken

    def in_child(self) -> None:
        """After a fork: the parent sends what it recorded, and its locks may stay held in the child."""
        self._lock = threading.Lock()
        self._unsent, self._sending = {}, {}


def send_values(
    api: Api, window: str, values: Mapping[str, float], timeout: Optional[float] = None
) -> dict[str, float]:
    """Send values; returns those that could not be sent. A value that the exporter refuses is dropped with a
    warning."""
    try:
        api.values(window, values, timeout)
    except Refused as error:
        if error.status != 400 or len(values) == 1:
            if error.status == 400:
                warn_once(f"a value was not kept: {error}", topic=f"value {error.field}")
            return {} if error.status in (400, 404, 409) else dict(values)
    except GramwattError:
        return dict(values)
    else:
        return {}
    # One wrong key must not cost the others.
    left: dict[str, float] = {}
    for key, value in values.items():
        left.update(send_values(api, window, {key: value}, timeout))
    return left


class _Sender:
    """One thread that sends for all windows of the process, and ends when there is nothing to send."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queue: list[Outbox] = []
        self._idle = threading.Event()
        self._idle.set()

    def send(self, outbox: Outbox, wait: float = 0.0) -> None:
        """Send in the background. ``wait``: seconds to wait for the end, unless the thread was busy before (an exporter
        hangs)."""
        with self._lock:
            if outbox not in self._queue:
                self._queue.append(outbox)
            if not self._idle.is_set():
                return
            self._idle.clear()
        try:
            threading.Thread(target=self._run, name="gramwatt-sender", daemon=True).start()
        except RuntimeError:  # no thread to be had, or the interpreter is ending: the values go with the stop
            with self._lock:
                self._queue.clear()
                self._idle.set()
            return
        if wait:
            self._idle.wait(wait)

    def wait(self, seconds: float) -> None:
        """Wait until everything is sent, for at most so long."""
        self._idle.wait(seconds)

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._queue:
                    self._idle.set()
                    return
                outbox = self._queue.pop(0)
            try:
                outbox.send()
            except Exception as error:  # no thread of the program would see the error
                warn_once(f"values were not sent: {error!r}", topic="sender")


_outboxes: weakref.WeakSet[Outbox] = weakref.WeakSet()
_sender = _Sender()


def _in_child() -> None:
    global _sender  # the parent's thread does not exist here
    _sender = _Sender()
    for outbox in list(_outboxes):
        outbox.in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
