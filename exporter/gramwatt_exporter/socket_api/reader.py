"""Reading from a connection against one deadline for a whole request, not a new one for each byte."""

from __future__ import annotations

import io
import socket
import time
from typing import Any


class TimedReader(io.RawIOBase):
    """Reads from ``connection``. After :meth:`allow` all reads together may take so many seconds.

    Raises TimeoutError after that: a client that sends single bytes cannot hold a connection for ever.
    """

    def __init__(self, connection: socket.socket, answer_seconds: float) -> None:
        self._connection = connection
        self._answer_seconds = answer_seconds
        self._deadline = 0.0

    def allow(self, seconds: float) -> None:
        """Limit all following reads to so many seconds together."""
        self._deadline = time.monotonic() + seconds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the request took too long")
        self._connection.settimeout(left)
        try:
            return self._connection.recv_into(buffer)
        finally:
            self._connection.settimeout(self._answer_seconds)  # the answer has a time limit of its own
