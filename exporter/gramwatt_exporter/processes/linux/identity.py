"""What identifies a process: command, owner and workload, from its stat and cgroup files and its directory's owner.

Read once at birth, so it is kept cheap: three system calls per file, byte paths, and everything that can be
remembered (parsed cgroup texts, user names, workloads) is. Command-line arguments are never read: they carry
secrets.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from ...model import Identity, Workload
from .cgroups import CgroupParser, Membership, is_slurmstepd
from .jobs import JobOwners
from .names import ContainerNames
from .procfiles import OF_THREAD, THREAD, TICK_NS, other_threads

_READ_FLAGS = os.O_RDONLY | os.O_CLOEXEC
_STAT_BYTES = 2048  # the longest line is far below (52 numbers and a command of at most 64 bytes)
_CGROUP_BYTES = 16384
_KERNEL_THREAD = 0x0020_0000  # PF_KTHREAD, include/linux/sched.h
_REMEMBERED = 8192  # entries per cache before it is begun anew: bounds memory, costs nothing in practice

# kworker/0:1-events, ksoftirqd/3, jbd2/sda1-8; irq/24-pciehp; kswapd0, scsi_eh_12, kdamond.0
_KERNEL_INSTANCE = re.compile(
    r"irq/\d+-(?P<irq>.*?)\d*|(?P<before>[^/]+)/.*|(?P<name>.+?)(?:[-_.:]?\d+)?", re.DOTALL
)


class IdentityReader:
    """Reads identities below one procfs root.

    ``users`` turns a uid into a name (see :class:`gramwatt_exporter.processes.linux.users.UserNames`);
    ``containers`` turns container and pod ids into names, None for no names; ``clock`` gives seconds that never
    go back.
    """

    def __init__(
        self,
        procfs: str,
        users: Callable[[int], str],
        containers: ContainerNames | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._root = os.fsencode(procfs.rstrip("/") or "/")
        self._users = users
        self._parse = CgroupParser(containers or ContainerNames(root=None))
        self._memberships: dict[bytes, Membership | None] = {}
        self._workloads: dict[tuple[Membership | str, int], Workload] = {}
        self._commands: dict[bytes, str] = {}
        self._job_owners = JobOwners(self._is_slurmstepd, clock)

    def read(self, pid: int) -> Identity | None:
        """The identity of a process, None when it has gone (or may not be seen at all), or ``pid`` is a thread's."""
        found = self.read_with_waited(pid)
        return None if found is None else found[0]

    def read_again(self, before: Identity) -> Identity | None:
        """The identity that a process has now.

        Of a zombie only the parent is read anew: cgroup v1 shows every zombie in the root group.
        """
        found = self._read(before.pid)
        if found is None:
            return None
        identity, _, ended = found
        return (
            replace(before, parent=identity.parent) if ended and identity.start == before.start else identity
        )

    def read_with_waited(self, pid: int) -> tuple[Identity, int] | None:
        """Also the CPU time of the children it has waited for, in nanoseconds (see procfiles.ReapedTime)."""
        found = self._read(pid)
        return None if found is None else found[:2]

    def _read(self, pid: int) -> tuple[Identity, int, bool] | None:
        """Also whether it has ended, with all its threads."""
        directory = b"%b/%d" % (self._root, pid)
        try:
            stat = _read(directory + b"/stat", _STAT_BYTES)
            # The directory belongs to the effective user even when the process is not dumpable;
            # the files in it would then belong to root.
            uid = os.stat(directory).st_uid  # noqa: PTH116 - byte paths, for speed
        except OSError:
            return None
        close = stat.rfind(b")")
        # 0 state, 1 parent, 6 flags, 13 cutime, 14 cstime, 19 start time (fields 3, 4, 9, 16, 17 and 22 of proc(5))
        fields = stat[close + 2 :].split(b" ", OF_THREAD + 1)
        if len(fields) < 20 or fields[OF_THREAD : OF_THREAD + 1] == [THREAD]:
            return None
        comm = stat[stat.find(b"(") + 1 : close]
        command = self._commands.get(comm) or self._remember_command(comm)
        membership: Membership | None = None
        ended = False
        if int(fields[6]) & _KERNEL_THREAD:
            command = kernel_thread_name(command)
        else:
            alive = directory
            if fields[0] == b"Z":  # its first thread has ended; others may run on
                alive = os.fsencode(next(other_threads(os.fsdecode(directory)), "")) or directory
                ended = alive is directory
            try:
                membership = self._membership(_read(alive + b"/cgroup", _CGROUP_BYTES))
            except FileNotFoundError:
                if not _exists(directory):
                    return None
            except ProcessLookupError:
                return None
            except OSError:
                pass  # a kernel without cgroups, or not permitted: the command is all that is known
        owner = None
        if membership is not None:
            owner = membership.owner
            if owner is None and membership.kind == "slurm":
                owner = self._job_owners.owner(membership.name, uid, fields[1])
        workload = self._workload(membership, command, uid if owner is None else owner)
        identity = Identity(pid, int(fields[19]), int(fields[1]), uid, command, workload, owner)
        return identity, (int(fields[13]) + int(fields[14])) * TICK_NS, ended

    def start_time(self, pid: int) -> int | None:
        """Start time in clock ticks since boot (field 22 of stat), None when the process has gone.

        Of a thread that has taken the id of a process, 0: no process begins then.
        """
        try:
            stat = _read(b"%b/%d/stat" % (self._root, pid), _STAT_BYTES)
        except OSError:
            return None
        fields = stat[stat.rfind(b")") + 2 :].split(b" ", OF_THREAD + 1)
        if fields[OF_THREAD : OF_THREAD + 1] == [THREAD]:
            return 0
        return int(fields[19]) if len(fields) >= 20 else None

    def job_owner(self, job: str, uid: int, parent: int) -> int:
        """The owner of a SLURM job, now that a process of ``uid`` is known to have run in it."""
        return self._job_owners.owner(job, uid, b"%d" % parent)

    def user_name(self, uid: int) -> str:
        """The name of a user; the uid as text where it has none."""
        return self._users(uid)

    def _membership(self, text: bytes) -> Membership | None:
        try:
            return self._memberships[text]
        except KeyError:
            found = self._parse(text.decode("utf-8", "replace"))
            _bound(self._memberships)
            self._memberships[text] = found
            return found

    def _is_slurmstepd(self, pid: bytes, job: str) -> bool:
        try:
            text = _read(b"%b/%b/cgroup" % (self._root, pid), _CGROUP_BYTES)
        except OSError:
            return False
        return is_slurmstepd(text.decode("utf-8", "replace"), job)

    def _workload(self, membership: Membership | None, command: str, uid: int) -> Workload:
        key = (membership or command, uid)
        workload = self._workloads.get(key)
        if workload is None:
            if membership is None:
                workload = Workload(command, "command", self._users(uid))
            else:
                workload = Workload(printable(membership.name), membership.kind, self._users(uid))
            _bound(self._workloads)
            self._workloads[key] = workload
        return workload

    def _remember_command(self, comm: bytes) -> str:
        _bound(self._commands)
        command = self._commands[comm] = printable(comm.decode("utf-8", "replace")) or "?"
        return command


def printable(text: str) -> str:
    """``text`` with every control character replaced: names end up in terminals and label values."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def kernel_thread_name(command: str) -> str:
    """The family of a kernel thread: kworker/u8:2-events is a kworker, irq/24-nvme0q1 an irq/nvme0q.

    Kernel threads carry their CPU, device and current work in their name. Without this every tick would make
    new label values.
    """
    match = _KERNEL_INSTANCE.fullmatch(command)
    if match is None:
        return command
    if match["irq"] is not None:
        return f"irq/{match['irq']}".rstrip("/")
    return match["before"] or match["name"]


def _read(path: bytes, size: int) -> bytes:
    descriptor = os.open(path, _READ_FLAGS)
    try:
        return os.read(descriptor, size)
    finally:
        os.close(descriptor)


def _exists(path: bytes) -> bool:
    try:
        os.stat(path)  # noqa: PTH116 - a byte path
    except OSError:
        return False
    return True


def _bound(cache: dict[Any, Any]) -> None:
    if len(cache) >= _REMEMBERED:
        cache.clear()
