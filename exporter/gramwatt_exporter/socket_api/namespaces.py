"""Process ids of callers in containers. A client in a PID namespace of its own knows its processes by other numbers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..windows.errors import ApiError


def pid_from_here(procfs: str, caller: int, pid: int) -> int:
    """What the caller calls ``pid``, as numbered in ``procfs``.

    The kernel tells the caller's own number from here (0 when it cannot be seen) and, in NSpid of its status
    file, all its numbers inwards. A caller without a namespace of its own, or one that cannot be looked into,
    numbers as we do. Processes of one container are known by their common cgroup, because looking at their
    namespaces directly takes the right to trace them.

    Raises ApiError 404 when the caller's container has no such process.
    """
    numbers = _numbers(Path(procfs, str(caller))) if caller else ()
    if len(numbers) < 2:
        return pid
    if numbers[-1] == pid:
        return caller
    group = _group(Path(procfs, str(caller)))
    for process in _processes(procfs):
        found = _numbers(process)
        if len(found) == len(numbers) and found[-1] == pid and _group(process) == group:
            return int(process.name)
    raise ApiError(
        404,
        "pid",
        f"no process {pid} in the container of the caller",
        "give the id of a running process as it is numbered in the container, or leave it out",
    )


def _numbers(process: Path) -> tuple[int, ...]:
    """Ids of a process from our namespace inwards; none when it is gone or the kernel is older than 4.1."""
    try:
        status = (process / "status").read_bytes()
    except OSError:
        return ()
    for line in status.splitlines():
        if line.startswith(b"NSpid:"):
            return tuple(map(int, line.split()[1:]))
    return ()


def _group(process: Path) -> bytes | None:
    try:
        return (process / "cgroup").read_bytes()
    except OSError:
        return None


def _processes(procfs: str) -> Iterator[Path]:
    return (entry for entry in Path(procfs).iterdir() if entry.name.isdigit())
