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
"""Seconds between values that are sent at once; what is recorded in between goes with the next or with the stop."""

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
        """Keep values; about once a second they are sent. In a forked child each time, and it waits for a moment."""
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
        """What the exporter has not acknowledged, for the stop. From then on nothing is sent from here."""
        with self._lock:
            taken = {**self._sending, **self._unsent}
            self._unsent, self._closed = {}, True
            return taken

    def in_child(self) -> None:
        """After a fork: what was recorded before is the parent's to send, and its locks may be held for ever."""
        self._lock = threading.Lock()
        self._unsent, self._sending = {}, {}


def send_values(
    api: Api, window: str, values: Mapping[str, float], timeout: Optional[float] = None
) -> dict[str, float]:
    """Send values; those that could not be sent come back. One the exporter refuses is warned about and given up."""
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
    """One thread for all windows of the process, while it is needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queue: list[Outbox] = []
        self._idle = threading.Event()
        self._idle.set()

    def send(self, outbox: Outbox, wait: float = 0.0) -> None:
        """Send soon. ``wait``: for it to be done, unless the thread was busy already (with an exporter that hangs)."""
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
        """For everything to be sent."""
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
            except Exception as error:  # the program's thread would never learn of it
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
