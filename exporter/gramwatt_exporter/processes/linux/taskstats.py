"""Process exits from the kernel's taskstats interface: which processes ended since the last drain, with their CPU time.

A process that lives 20 ms between two samples 5 s apart is invisible to any poll; the kernel reports every exit
to a registered listener. Needs CAP_NET_ADMIN and the initial PID namespace. What a message says: exit_message.py.
Source: Documentation/accounting/taskstats.rst of Linux.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

from ...errors import Denied, NotHere
from . import exit_message
from .exit_message import Exit, ExitDecoder
from .netlink import DROP, KEEP, Instruction, filter_messages, hears_of_a_child, make_room, network_order

__all__ = ["Exit", "ExitListener"]

_NETLINK_GENERIC = 16
_NLM_F_REQUEST_ACK = 0x1 | 0x4
_GENL_ID_CTRL = 0x10
_CTRL_CMD_GETFAMILY = 3
_CTRL_ATTR_FAMILY_ID, _CTRL_ATTR_FAMILY_NAME = 1, 2
_TASKSTATS_CMD_GET = 1
_CMD_ATTR_REGISTER_CPUMASK = 3
_NLMSG_ERROR = 2

_U16_PAIR = struct.Struct("=HH")


class ExitListener:
    """A registered taskstats listener; ``drain`` empties what the kernel queued since the last call."""

    mode = "taskstats"

    def __init__(self, sysfs: str) -> None:
        """Raises NotHere where the interface is missing, Denied without CAP_NET_ADMIN or outside its namespace."""
        self.lost = 0
        self._buffer = bytearray(1 << 16)
        self._decoder = ExitDecoder()
        try:
            self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_GENERIC)
        except (AttributeError, OSError) as error:
            raise NotHere(f"no generic netlink: {error}") from None
        try:
            self._open(sysfs)
        except OSError as error:
            self._socket.close()
            if error.errno in (errno.EPERM, errno.EACCES):
                raise Denied(
                    "the kernel does not let us listen for process exits",
                    "run as root or grant CAP_NET_ADMIN, in the host's PID and network namespaces"
                    " (compose: cap_add NET_ADMIN, pid: host)",
                ) from None
            raise NotHere(f"taskstats is not available: {error}") from None
        except NotHere:
            self._socket.close()
            raise

    def _open(self, sysfs: str) -> None:
        make_room(self._socket)
        self._socket.settimeout(2)
        self._socket.bind((0, 0))
        family = self._family_id()
        cpus = Path(sysfs, "devices/system/cpu/possible").read_text().strip()
        self._request(
            family, _TASKSTATS_CMD_GET, _attribute(_CMD_ATTR_REGISTER_CPUMASK, cpus.encode() + b"\0")
        )
        self._socket.setblocking(False)
        if not hears_of_a_child(lambda: (ended.pid for ended in self.drain())):
            raise NotHere(
                "exit messages are not delivered here, most likely because this is not the host's network namespace"
                " (compose: network_mode: host)"
            )
        if self._decoder.version >= exit_message.TELLS_GROUP:
            self._filter()

    def _family_id(self) -> int:
        reply = self._request(
            _GENL_ID_CTRL, _CTRL_CMD_GETFAMILY, _attribute(_CTRL_ATTR_FAMILY_NAME, b"TASKSTATS\0")
        )
        self._socket.recv(8192)  # the acknowledgement behind the answer
        at = 20
        while at + 4 <= len(reply):
            length, kind = _U16_PAIR.unpack_from(reply, at)
            if kind == _CTRL_ATTR_FAMILY_ID:
                return int.from_bytes(reply[at + 4 : at + 6], "little" if _LITTLE else "big")
            at += (length + 3) & ~3 or 4
        raise OSError(errno.ENOENT, "the kernel has no TASKSTATS family")

    def _request(self, kind: int, command: int, payload: bytes) -> bytes:
        header = struct.pack("=IHHII", 20 + len(payload), kind, _NLM_F_REQUEST_ACK, 1, 0)
        self._socket.send(header + struct.pack("=BBH", command, 1, 0) + payload)
        reply = self._socket.recv(8192)
        if _U16_PAIR.unpack_from(reply, 4)[0] == _NLMSG_ERROR:
            code = struct.unpack_from("=i", reply, 16)[0]
            if code:
                raise OSError(-code, os.strerror(-code))
        return reply

    def _filter(self) -> None:
        with contextlib.suppress(OSError):  # without the filter there is only less room
            filter_messages(self._socket, _only_processes(self._decoder.version))

    def drain(self, limit: int = 1 << 20) -> Iterator[Exit]:
        """Every process that ended since the last drain. Messages the kernel dropped are counted in ``lost``."""
        receive, buffer, decode = self._socket.recv_into, self._buffer, self._decoder.read
        for _ in range(limit):
            try:
                size = receive(buffer)
            except BlockingIOError:
                return
            except OSError:
                # ENOBUFS: one or more messages are gone; their energy stays unattributed.
                if not self.lost and self._decoder.version < exit_message.TELLS_GROUP:
                    self._filter()  # exits matter more than the names of threads
                self.lost += 1
                continue
            ended = decode(buffer, size)
            if ended is not None:
                yield ended

    def close(self) -> None:
        """Deregister (closing the socket does)."""
        self._socket.close()


_LITTLE = struct.pack("=H", 1) == b"\x01\x00"


def _attribute(kind: int, data: bytes) -> bytes:
    length = 4 + len(data)
    return struct.pack("=HH", length, kind) + data + b"\0" * (-length % 4)


def _only_processes(version: int) -> tuple[Instruction, ...]:
    """A socket filter that keeps the messages of last threads, and of first threads (for the process's name).

    A program that starts and ends threads all the time fills the receive buffer otherwise (7,000 messages), and
    then exits of other processes are lost. Before ``version`` 12 a message does not say whether its thread is the
    first. There, all are kept until messages have been lost once, and from then on those of last threads alone: a
    process that lived between two samples may then get its last thread's name.
    """
    # Where struct taskstats begins in a message, without the padding that some machines put before it.
    stats = exit_message.ATTRIBUTES + 16
    keep_leaders: tuple[Instruction, ...] = (
        (0x40, 0, 0, stats + exit_message.AC_PID),  # A = ac_pid
        (0x02, 0, 0, 0),  # M[0] = A
        (0x40, 0, 0, stats + exit_message.AC_TGID),  # A = ac_tgid
        (0x07, 0, 0, 0),  # X = A
        (0x60, 0, 0, 0),  # A = M[0]
        (0x1D, 0, 1, 0),  # if A != X: drop
    )
    others = keep_leaders if version >= exit_message.TELLS_GROUP else ((0x05, 0, 0, 1),)  # else: drop
    return (
        (0x28, 0, 0, stats - 2),  # A = type of the attribute behind the id
        (0x15, 0, 2, network_order(exit_message.TYPE_NULL, 2)),  # if A is padding:
        (0x01, 0, 0, 4),  # X = 4
        (0x05, 0, 0, 1),
        (0x01, 0, 0, 0),  # else: X = 0
        (0x50, 0, 0, stats + exit_message.AC_FLAG),  # A = ac_flag
        (0x45, len(others), 0, exit_message.LAST_THREAD),  # if it is the last thread: keep
        *others,
        KEEP,
        DROP,
    )
