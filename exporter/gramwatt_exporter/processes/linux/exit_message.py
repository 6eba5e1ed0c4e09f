"""One taskstats message of the kernel, decoded: which process ended, and its whole CPU time. No sockets here.

The kernel sends a message for every thread that ends. The last thread's message has the flag AGROUP, and in a process
that ever had several threads it has a second half with the sums of the whole thread group. A process is known by
its thread group id, which stands in that second half: the first half names the last thread, and after
``pthread_exit`` in ``main``, ``exit_group`` or SIGKILL the last thread is seldom the one whose id the process has.
Source: Documentation/accounting/taskstats.rst, include/uapi/linux/taskstats.h and kernel/taskstats.c of Linux.
"""

from __future__ import annotations

import struct

from msgspec import Struct

from .identity import kernel_thread_name, printable

# Where the attributes begin: behind struct nlmsghdr and struct genlmsghdr.
ATTRIBUTES = 20
TYPE_NULL, _TYPE_AGGR_PID, _TYPE_AGGR_TGID = 6, 4, 5
_NLA_TYPE_MASK = 0x3FFF
LAST_THREAD = 0x20  # AGROUP: the last thread of its thread group
# Offsets into struct taskstats. Versions only append, so they hold from version 1; AC_TGID exists from version 12
# (Linux 5.19).
VERSION, AC_FLAG, AC_PID, AC_TGID, _AC_TGETIME = 0, 8, 128, 368, 376
TELLS_GROUP = 12
_CPU_RUN_REAL, _CPU_RUN_VIRTUAL, _AC_COMM, _AC_UID, _AC_PPID = 64, 72, 80, 120, 132
_CPU_COUNT, _CPU_DELAY, _AC_ETIME = (
    16,
    24,
    144,
)  # runs, nanoseconds waited for a CPU, microseconds since birth
_AC_UTIME, _AC_STIME = 152, 160  # microseconds
_VOLUNTARY_SWITCHES = 272  # and the involuntary ones behind them

_U16 = struct.Struct("=H")
_U16_PAIR = struct.Struct("=HH")
_U32 = struct.Struct("=I")
_U64 = struct.Struct("=Q")
_U64_PAIR = struct.Struct("=QQ")

# The timer tick is 1 to 10 ms (CONFIG_HZ); the interface does not report which.
_LONGEST_TICK_NS = 10_000_000
# Most that a thread uses after its message: 8 to 10 us were measured.
_END_OF_THREAD_NS = 100_000
_KTHREADD = 2  # parent of all kernel threads, in the initial PID namespace, which alone hears of exits
_LEADERS = 4096  # first threads that are remembered until their process ends


class Exit(Struct, frozen=True):
    """One ended process. ``nanoseconds`` is its CPU time from birth, all threads, up to its end or, where that
    cannot be told, to the last timer tick it saw.

    ``pid`` is the id of the process (of its thread group), never of a thread. ``doubt_ns`` is the difference of its
    tick-counted times and ``nanoseconds``. Over many exits it is the missing time; for one exit it may be negative.
    ``by_age_ns`` is how much of ``nanoseconds`` is known by the age of the process alone (see stolen.py). ``age_ns`` is
    how long it lived, before Linux 5.19 how long its last thread did. ``unseen_ns`` is what the ends of its threads may
    have cost besides: of 20,000 threads in a row, 288 of 449 ms were reported.
    """

    pid: int
    parent: int
    uid: int
    command: str
    nanoseconds: int
    doubt_ns: int = 0
    by_age_ns: int = 0
    age_ns: int = 0
    unseen_ns: int = 0


class ExitDecoder:
    """Decodes messages in the order in which the kernel sent them.

    Threads have names of their own. The process has that of its first thread, whose message comes before that of the
    last thread; it is kept until then.
    """

    def __init__(self) -> None:
        self.version = 0  # of the struct, from the last message
        self._leaders: dict[int, tuple[str, int]] = {}  # thread id -> its name and user

    def read(self, buffer: bytearray, size: int) -> Exit | None:
        """The process that a message reports; None while its other threads run on, or for another kind of message."""
        if size < ATTRIBUTES + 4:
            return None
        length, kind = _U16_PAIR.unpack_from(buffer, ATTRIBUTES)
        if kind & _NLA_TYPE_MASK != _TYPE_AGGR_PID:
            return None
        stats = stats_offset(buffer, ATTRIBUTES)
        thread = _U32.unpack_from(buffer, stats + AC_PID)[0]
        self.version = _U16.unpack_from(buffer, stats + VERSION)[0]
        of_group = _U32.unpack_from(buffer, stats + AC_TGID)[0] if self.version >= TELLS_GROUP else thread
        if not buffer[stats + AC_FLAG] & LAST_THREAD:
            if thread == of_group:
                self._remember(buffer, stats, thread)
            return None
        group = ATTRIBUTES + ((length + 3) & ~3)
        if size > group + 4 and _U16_PAIR.unpack_from(buffer, group)[1] & _NLA_TYPE_MASK == _TYPE_AGGR_TGID:
            pid = _U32.unpack_from(buffer, group + 8)[0]
            times, unseen = _group_nanoseconds(buffer, stats_offset(buffer, group))
        else:  # it never had another thread
            pid, times, unseen = of_group, _lone_nanoseconds(buffer, stats), 0
        parent = _U32.unpack_from(buffer, stats + _AC_PPID)[0]
        first = self._leaders.pop(pid, None)
        command, uid = first if first is not None and pid != thread else _name_and_user(buffer, stats)
        if parent == _KTHREADD:
            command = kernel_thread_name(command)
        at = stats + (_AC_TGETIME if self.version >= TELLS_GROUP else _AC_ETIME)
        age = _U64.unpack_from(buffer, at)[0] * 1000
        return Exit(pid, parent, uid, command, *times, age, unseen)

    def _remember(self, buffer: bytearray, stats: int, thread: int) -> None:
        """The first thread ended before its process, or one that may be the first where that is not reported."""
        if len(self._leaders) >= _LEADERS:
            del self._leaders[next(iter(self._leaders))]
        self._leaders[thread] = _name_and_user(buffer, stats)


def stats_offset(buffer: bytearray, at: int) -> int:
    """Where struct taskstats begins inside an aggregate attribute that starts at ``at``."""
    at += 4  # the aggregate's own header, then the pid or tgid attribute
    at += (_U16_PAIR.unpack_from(buffer, at)[0] + 3) & ~3
    length, kind = _U16_PAIR.unpack_from(buffer, at)
    if kind & _NLA_TYPE_MASK == TYPE_NULL:  # alignment padding
        at += length
    return at + 4


def _name_and_user(buffer: bytearray, stats: int) -> tuple[str, int]:
    name = bytes(buffer[stats + _AC_COMM : stats + _AC_COMM + 32]).split(b"\0", 1)[0]
    uid: int = _U32.unpack_from(buffer, stats + _AC_UID)[0]
    return printable(name.decode("utf-8", "replace")) or "?", uid


def _lone_nanoseconds(buffer: bytearray, stats: int) -> tuple[int, int, int]:
    """CPU time of a process with one thread, its doubt, and how much of it is by age.

    The scheduler brings its count up to date at timer ticks and switches, not at the end. A process that never slept
    was either running or waiting for a CPU, and the kernel knows the age and the waiting exactly.
    """
    run: int = _U64.unpack_from(buffer, stats + _CPU_RUN_VIRTUAL)[0]
    if not _U64.unpack_from(buffer, stats + _VOLUNTARY_SWITCHES)[0]:
        age: int = _U64.unpack_from(buffer, stats + _AC_ETIME)[0] * 1000
        delay: int = _U64.unpack_from(buffer, stats + _CPU_DELAY)[0]
        since_update = max(0, min(age - delay - run, _LONGEST_TICK_NS))
        return run + since_update, 0, since_update
    utime: int = _U64.unpack_from(buffer, stats + _AC_UTIME)[0]
    stime: int = _U64.unpack_from(buffer, stats + _AC_STIME)[0]
    return _with_doubt(run, (utime + stime) * 1000)


def _group_nanoseconds(buffer: bytearray, stats: int) -> tuple[tuple[int, int, int], int]:
    """The same of a whole thread group, and what the ends of its threads may have cost besides. Its tick-counted times
    are the sum that every kernel keeps for a group (ac_utime and ac_stime of a group are 0 in older ones)."""
    run: int = _U64.unpack_from(buffer, stats + _CPU_RUN_VIRTUAL)[0]
    ticks: int = _U64.unpack_from(buffer, stats + _CPU_RUN_REAL)[0]
    runs: int = _U64.unpack_from(buffer, stats + _CPU_COUNT)[0]
    switches = sum(_U64_PAIR.unpack_from(buffer, stats + _VOLUNTARY_SWITCHES))
    threads = max(0, runs - switches)  # each has begun to run once more than it has been taken off a CPU
    return _with_doubt(run, ticks), threads * _END_OF_THREAD_NS


def _with_doubt(run: int, ticks: int) -> tuple[int, int, int]:
    if not run:
        return ticks, 0, 0
    return run, max(-_LONGEST_TICK_NS, min(ticks - run, _LONGEST_TICK_NS)), 0
