"""Which process forked which, from the kernel's process events connector.

A process that starts another one and ends (a daemon's double fork, a shell's background job) is gone at the next
sample, and its child's parent is then init: only the event of the fork shows where it came from. Needs the initial PID
and network namespaces, and on older kernels CAP_NET_ADMIN.
Source: drivers/connector/cn_proc.c and include/uapi/linux/cn_proc.h of Linux.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

from ...errors import Denied, NotHere
from .netlink import DROP, KEEP, filter_messages, hears_of_a_child, make_room, network_order

_NETLINK_CONNECTOR = 11
_CN_IDX_PROC, _CN_VAL_PROC = 1, 1
_NLMSG_DONE = 3
_LISTEN = 1  # PROC_CN_MCAST_LISTEN
_EVENT_FORK = 0x1
# Offsets into a message: struct nlmsghdr, struct cn_msg, then struct proc_event with its fork data.
_WHAT, _PARENT_TGID, _CHILD_PID, _CHILD_TGID, _SIZE = 36, 56, 60, 64, 68
_PIDS = struct.Struct("=III")


class ForkListener:
    """A registered listener; ``drain`` empties what the kernel queued since the last call."""

    def __init__(self) -> None:
        """Raises NotHere where the connector is missing or silent, Denied without CAP_NET_ADMIN."""
        self._buffer = bytearray(1 << 12)
        try:
            self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, _NETLINK_CONNECTOR)
        except (AttributeError, OSError) as error:
            raise NotHere(f"no process events connector: {error}") from None
        try:
            self._open()
        except PermissionError:
            self._socket.close()
            raise Denied("the kernel does not let us listen for forks", "grant CAP_NET_ADMIN") from None
        except OSError as error:
            self._socket.close()
            raise NotHere(f"no process events connector: {error}") from None
        if not hears_of_a_child(lambda: (child for child, _ in self.drain())):
            self._socket.close()
            raise NotHere("fork events are not delivered here (not the host's network namespace?)")

    def _open(self) -> None:
        make_room(self._socket)
        self._only_forks()
        self._socket.bind((0, _CN_IDX_PROC))
        listen = struct.pack("=I", _LISTEN)
        message = struct.pack("=IIIIHH", _CN_IDX_PROC, _CN_VAL_PROC, 0, 0, len(listen), 0) + listen
        self._socket.send(struct.pack("=IHHII", 16 + len(message), _NLMSG_DONE, 0, 0, 0) + message)
        self._socket.setblocking(False)

    def _only_forks(self) -> None:
        """A socket filter: exits, execs and new threads do not wake or fill us."""
        filter_messages(
            self._socket,
            (
                (0x20, 0, 0, _WHAT),  # A = what
                (0x15, 0, 4, network_order(_EVENT_FORK, 4)),  # if A != fork: drop
                (0x20, 0, 0, _CHILD_PID),  # A = child_pid
                (0x07, 0, 0, 0),  # X = A
                (0x20, 0, 0, _CHILD_TGID),  # A = child_tgid
                (0x1D, 1, 0, 0),  # if A == X: keep
                DROP,
                KEEP,
            ),
        )

    def drain(self, limit: int = 1 << 20) -> Iterator[tuple[int, int]]:
        """(child, parent) of every process forked since the last drain. Lost events leave what /proc shows."""
        receive, buffer = self._socket.recv_into, self._buffer
        for _ in range(limit):
            try:
                size = receive(buffer)
            except BlockingIOError:
                return
            except OSError:
                continue  # ENOBUFS
            if size >= _SIZE:
                parent, child, group = _PIDS.unpack_from(buffer, _PARENT_TGID)
                if child == group:
                    yield child, parent

    def close(self) -> None:
        """Deregister (closing the socket does)."""
        self._socket.close()
