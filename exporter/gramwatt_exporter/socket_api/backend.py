"""What the socket needs from the exporter. The node implements it and runs every call on the loop's thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ..windows.model import OpenRequest, Peer
from ..windows.outcome import OutcomeFields

Answer = dict[str, Any]
"""A JSON object as docs/socket-api.md shows it."""


class Backend(Protocol):
    """All methods but :meth:`call` run inside :meth:`call`. They raise ApiError to refuse.

    Opening, stopping and ``sample=True`` take a sample first. ``peer`` decides what a caller may do.
    """

    def call(self, work: Callable[[], Answer]) -> Answer:
        """Run ``work`` on the thread that owns the state and give its answer or raise its error.

        Raises ApiError 503 when the exporter is starting, stopping or too busy.
        """
        ...

    def status(self, peer: Peer) -> Answer: ...

    def intensity(self, peer: Peer) -> Answer: ...

    def top(self, peer: Peer, processes: int, workloads: int) -> Answer: ...

    def open_window(self, peer: Peer, request: OpenRequest) -> Answer: ...

    def windows(self, peer: Peer, state: str) -> Answer:
        """``{"windows": [...]}``, newest first. ``state`` is open, finished or "" for both."""
        ...

    def window(self, peer: Peer, window_id: str, sample: bool) -> Answer: ...

    def record(self, peer: Peer, window_id: str, values: Mapping[str, float]) -> Answer: ...

    def add_process(self, peer: Peer, window_id: str, pid: int) -> Answer: ...

    def leave_window(self, peer: Peer, window_id: str, pid: int) -> Answer: ...

    def stop_window(
        self, peer: Peer, window_id: str, values: Mapping[str, float], outcome: OutcomeFields | None = None
    ) -> Answer: ...
