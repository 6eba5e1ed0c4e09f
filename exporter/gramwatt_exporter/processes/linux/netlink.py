"""What listeners to the kernel have in common: room for its messages, and a check that any arrive.

In another namespace a listener registers without an error and never gets a message.
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterable

RECEIVE_BUFFER = 8 << 20  # some ten thousand messages, until the next sample
_SO_RCVBUFFORCE, _SO_ATTACH_FILTER = 33, 26
_SECONDS = 0.25

Instruction = tuple[int, int, int, int]
"""One of classic BPF: code, jump if true, jump if false, operand (linux/filter.h)."""

KEEP: Instruction = (0x06, 0, 0, 0xFFFF)
DROP: Instruction = (0x06, 0, 0, 0)


def filter_messages(listening: socket.socket, program: Iterable[Instruction]) -> None:
    """The kernel throws away the messages that ``program`` drops: they neither wake us nor take room."""
    packed = b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
    code = ctypes.create_string_buffer(packed, len(packed))
    listening.setsockopt(
        socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HP", len(packed) // 8, ctypes.addressof(code))
    )


def network_order(number: int, size: int) -> int:
    """The value of a number of ``size`` bytes as a filter loads it: in network order."""
    return int.from_bytes(number.to_bytes(size, sys.byteorder), "big")


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
