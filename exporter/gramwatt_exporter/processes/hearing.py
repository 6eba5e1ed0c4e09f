"""What listeners to the kernel have in common: room for its messages, and a check that any arrive.

In a namespace of its own a listener registers without an error and never hears anything.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterable

RECEIVE_BUFFER = 8 << 20  # some ten thousand messages, until the next sample
_SO_RCVBUFFORCE = 33
_SECONDS = 0.25


def make_room(listening: socket.socket) -> None:
    """A receive buffer beyond the system's limit, which takes CAP_NET_ADMIN, or up to it."""
    try:
        listening.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, RECEIVE_BUFFER)
    except OSError:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)


def hears_of_a_child(drain: Callable[[], Iterable[int]]) -> bool:
    """Start and end a child of our own, and wait until ``drain`` names its process id. No thread must run yet."""
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        if child in set(drain()):
            return True
        time.sleep(0.002)
    return False
