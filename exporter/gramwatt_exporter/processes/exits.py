"""Process exits from the kernel's taskstats interface: who ended since the last drain, and its whole CPU time.

A process that lives 20 ms between two samples 5 s apart is invisible to any poll; the kernel reports every exit
to a registered listener. Needs CAP_NET_ADMIN and the initial PID namespace.
Source: Documentation/accounting/taskstats.rst and include/uapi/linux/taskstats.h of Linux.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from ..errors import Denied, NotHere
from .hearing import hears_of_a_child, make_room
from .identity import printable

_NETLINK_GENERIC = 16
_NLM_F_REQUEST_ACK = 0x1 | 0x4
_GENL_ID_CTRL = 0x10
_CTRL_CMD_GETFAMILY = 3
_CTRL_ATTR_FAMILY_ID, _CTRL_ATTR_FAMILY_NAME = 1, 2
_TASKSTATS_CMD_GET = 1
_CMD_ATTR_REGISTER_CPUMASK = 3
_TYPE_NULL, _TYPE_AGGR_PID, _TYPE_AGGR_TGID = 6, 4, 5
_NLMSG_ERROR = 2
_NLA_TYPE_MASK = 0x3FFF
_LAST_THREAD = 0x20  # AGROUP: the last task of its thread group
# Offsets into struct taskstats; stable since version 1 of the interface, later versions only append.
_AC_FLAG, _CPU_RUN_VIRTUAL, _AC_COMM, _AC_UID, _AC_PID, _AC_PPID = 8, 72, 80, 120, 128, 132
_CPU_DELAY, _AC_ETIME = 24, 144  # nanoseconds it waited for a CPU, microseconds since its birth
_AC_UTIME, _AC_STIME = 152, 160  # microseconds
_VOLUNTARY_SWITCHES = 272

_U16_PAIR = struct.Struct("=HH")
_U32 = struct.Struct("=I")
_U64 = struct.Struct("=Q")


class Exit(Struct, frozen=True):
    """One ended process. ``nanoseconds`` is its CPU time from birth, all threads, up to its end or, where that
    cannot be told, to the last timer tick it saw.

    ``doubt_ns`` is by how much its tick-counted times differ from that: over many exits, what is missing. Of one exit
    it may well be negative. ``by_age_ns`` is how much of ``nanoseconds`` is known by the age of the process alone (see
    stolen.py).
    """

    pid: int
    parent: int
    uid: int
    command: str
    nanoseconds: int
    doubt_ns: int = 0
    by_age_ns: int = 0


class ExitListener:
    """A registered taskstats listener; ``drain`` empties what the kernel queued since the last call."""

    mode = "taskstats"

    def __init__(self, sysfs: str) -> None:
        """Raises NotHere where the interface is missing, Denied without CAP_NET_ADMIN or outside its namespace."""
        self.lost = 0
        self._buffer = bytearray(1 << 16)
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

    def drain(self, limit: int = 1 << 20) -> Iterator[Exit]:
        """Every process that ended since the last drain. Messages the kernel dropped are counted in ``lost``."""
        receive, buffer = self._socket.recv_into, self._buffer
        for _ in range(limit):
            try:
                size = receive(buffer)
            except BlockingIOError:
                return
            except OSError:
                self.lost += 1  # ENOBUFS: one or more messages are gone; their energy stays unattributed
                continue
            ended = _parse(buffer, size)
            if ended is not None:
                yield ended

    def close(self) -> None:
        """Deregister (closing the socket does)."""
        self._socket.close()


_LITTLE = struct.pack("=H", 1) == b"\x01\x00"


def _attribute(kind: int, data: bytes) -> bytes:
    length = 4 + len(data)
    return struct.pack("=HH", length, kind) + data + b"\0" * (-length % 4)


def _stats_offset(buffer: bytearray, at: int) -> int:
    """Where struct taskstats begins inside an aggregate attribute that starts at ``at``."""
    at += 4  # the aggregate's own header, then the pid or tgid attribute
    at += (_U16_PAIR.unpack_from(buffer, at)[0] + 3) & ~3
    length, kind = _U16_PAIR.unpack_from(buffer, at)
    if kind & _NLA_TYPE_MASK == _TYPE_NULL:  # alignment padding
        at += length
    return at + 4


# The timer tick is 1 to 10 ms (CONFIG_HZ); the interface does not tell which.
_LONGEST_TICK_NS = 10_000_000


def _cpu_nanoseconds(buffer: bytearray, stats: int, alone: bool) -> tuple[int, int, int]:
    """CPU time, its doubt, and how much of it is by age. ``alone``: of a process with one thread.

    The scheduler brings its count up to date at timer ticks and switches, not at the end. Who never slept was either
    running or waiting for a CPU, and the kernel knows the age and the waiting exactly.
    """
    run: int = _U64.unpack_from(buffer, stats + _CPU_RUN_VIRTUAL)[0]
    if alone and not _U64.unpack_from(buffer, stats + _VOLUNTARY_SWITCHES)[0]:
        age: int = _U64.unpack_from(buffer, stats + _AC_ETIME)[0] * 1000
        delay: int = _U64.unpack_from(buffer, stats + _CPU_DELAY)[0]
        since_update = max(0, min(age - delay - run, _LONGEST_TICK_NS))
        return run + since_update, 0, since_update
    utime: int = _U64.unpack_from(buffer, stats + _AC_UTIME)[0]
    stime: int = _U64.unpack_from(buffer, stats + _AC_STIME)[0]
    ticks = (utime + stime) * 1000
    if not run:
        return ticks, 0, 0
    return run, max(-_LONGEST_TICK_NS, min(ticks - run, _LONGEST_TICK_NS)), 0


def _parse(buffer: bytearray, size: int) -> Exit | None:
    """One message. A thread's exit is not a process's: only the last thread's message counts, with the
    group's total where there were several threads."""
    if size < 24:
        return None
    length, kind = _U16_PAIR.unpack_from(buffer, 20)
    if kind & _NLA_TYPE_MASK != _TYPE_AGGR_PID:
        return None
    stats = _stats_offset(buffer, 20)
    if not buffer[stats + _AC_FLAG] & _LAST_THREAD:
        return None
    nanoseconds, doubt, by_age = _cpu_nanoseconds(buffer, stats, alone=True)
    group = 20 + ((length + 3) & ~3)
    if size > group + 4 and _U16_PAIR.unpack_from(buffer, group)[1] & _NLA_TYPE_MASK == _TYPE_AGGR_TGID:
        nanoseconds, doubt, by_age = _cpu_nanoseconds(buffer, _stats_offset(buffer, group), alone=False)
    command = bytes(buffer[stats + _AC_COMM : stats + _AC_COMM + 32]).split(b"\0", 1)[0]
    return Exit(
        pid=_U32.unpack_from(buffer, stats + _AC_PID)[0],
        parent=_U32.unpack_from(buffer, stats + _AC_PPID)[0],
        uid=_U32.unpack_from(buffer, stats + _AC_UID)[0],
        command=printable(command.decode("utf-8", "replace")) or "?",
        nanoseconds=nanoseconds,
        doubt_ns=doubt,
        by_age_ns=by_age,
    )
