"""Process ids of callers in containers. A client in another PID namespace numbers its processes differently."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..windows.errors import ApiError


def pid_from_here(procfs: str, caller: int, pid: int, start_ticks: int | None = None) -> int:
    """Translate the caller's ``pid`` to the number in ``procfs``.

    The kernel gives the caller's number in our namespace (0 when it is not visible) and, in NSpid of its status file,
    its numbers in all inner namespaces. A caller in our namespace, or with an unreadable status file, numbers as we do.
    Processes of one container are known by their common cgroup, because looking at their namespaces directly takes the
    right to trace them.

    The namespace of an invisible caller (``caller`` is 0: over TCP) is not known. ``start_ticks``, the start of the
    process, then identifies it in any namespace.

    Raises ApiError 404 when the caller's container has no such process, or the number is a thread's.
    """
    numbers = _numbers(Path(procfs, str(caller))) if caller else ()
    if len(numbers) < 2:
        return _no_thread(procfs, pid) if start_ticks is None else _begun_at(procfs, pid, start_ticks)
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


def _no_thread(procfs: str, pid: int) -> int:
    """Returns ``pid``. Raises ApiError 404 for the id of a thread: PROCFS answers for it, although it is no process."""
    process = _status(Path(procfs, str(pid))).get(b"Tgid", ())
    if process in ((), (pid,)):
        return pid
    raise ApiError(404, "pid", f"{pid} is a thread of process {process[0]}", f"give {process[0]}")


def _begun_at(procfs: str, pid: int, start_ticks: int) -> int:
    if _start_ticks(Path(procfs, str(pid))) == start_ticks:
        return _no_thread(procfs, pid)
    found = [
        int(process.name)
        for process in _processes(procfs)
        if _numbers(process)[-1:] == (pid,) and _start_ticks(process) == start_ticks
    ]
    if len(found) == 1:
        return found[0]
    raise ApiError(
        404,
        "pid",
        f"{len(found) or 'no'} processes of the measured machine are {pid} in their namespace and began at that time",
        "ask from the measured machine; where that is so, give the pid as the exporter numbers it",
    )


def _start_ticks(process: Path) -> int | None:
    """Clock ticks after boot, field 22 of proc(5); None when the process is gone."""
    try:
        stat = (process / "stat").read_bytes()
        return int(stat[stat.rindex(b")") + 2 :].split(b" ", 20)[19])
    except (OSError, ValueError, IndexError):
        return None


def _numbers(process: Path) -> tuple[int, ...]:
    """Ids of a process in our namespace and all inner ones; empty when it is gone or the kernel is older than 4.1."""
    return _status(process).get(b"NSpid", ())


def _status(process: Path) -> dict[bytes, tuple[int, ...]]:
    """The ids in a process's status file; none when it is gone."""
    try:
        status = (process / "status").read_bytes()
    except OSError:
        return {}
    fields = (line.partition(b":") for line in status.splitlines())
    return {name: tuple(map(int, text.split())) for name, _, text in fields if name in (b"Tgid", b"NSpid")}


def _group(process: Path) -> bytes | None:
    try:
        return (process / "cgroup").read_bytes()
    except OSError:
        return None


def _processes(procfs: str) -> Iterator[Path]:
    return (entry for entry in Path(procfs).iterdir() if entry.name.isdigit())
