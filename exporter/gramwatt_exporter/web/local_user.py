"""Whose program is at the other end of a TCP connection within this machine, by sock_diag(7)."""

from __future__ import annotations

import socket
import struct

_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_REQUEST = 1
_ID = "!HH16s16s"  # ports and addresses as they stand in packets; an interface and a cookie follow
_ANY_COOKIE = struct.pack("=IQ", 0, 0xFFFFFFFFFFFFFFFF)
_HEADER = struct.Struct("=IHHII")
_ANSWER_FIELDS = struct.Struct("=4s48sIIIII")  # kind, id, expires, two queues, user, inode


def local_user(connection: socket.socket) -> int | None:
    """The user id of the program that is connected to ``connection``; None where it runs on another machine or in
    another network namespace, or where the kernel does not say."""
    try:
        if connection.family not in (socket.AF_INET, socket.AF_INET6):
            return None
        ours, theirs = connection.getsockname(), connection.getpeername()
        hosts = [end[0].partition("%")[0].removeprefix("::ffff:") for end in (ours, theirs)]
        family = socket.AF_INET6 if ":" in hosts[0] else socket.AF_INET
        host, peer = (socket.inet_pton(family, name).ljust(16, b"\0") for name in hosts)
        wanted = struct.pack(_ID, theirs[1], ours[1], peer, host)
        question = struct.pack("=BBBBI", family, socket.IPPROTO_TCP, 0, 0, 0xFFFFFFFF)
        body = question + wanted + _ANY_COOKIE
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as kernel:
            size = _HEADER.size + len(body)
            kernel.send(_HEADER.pack(size, _SOCK_DIAG_BY_FAMILY, _REQUEST, 1, 0) + body)
            answer = kernel.recv(4096, socket.MSG_DONTWAIT)
    except OSError:
        return None
    return _user_in(answer, wanted)


def _user_in(answer: bytes, wanted: bytes) -> int | None:
    """The kernel answers for a listening socket where the connection itself is not on this machine: that is no user of
    it. A connection that its program has closed already has no inode and root for a user."""
    if len(answer) < _HEADER.size + _ANSWER_FIELDS.size:
        return None
    if _HEADER.unpack_from(answer)[1] != _SOCK_DIAG_BY_FAMILY:
        return None
    _, found, _, _, _, user, inode = _ANSWER_FIELDS.unpack_from(answer, _HEADER.size)
    return int(user) if inode and found[: len(wanted)] == wanted else None
