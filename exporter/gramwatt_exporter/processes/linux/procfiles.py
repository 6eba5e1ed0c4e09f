"""Readers of single files of a process, without the overhead of Path and open(): they run for many processes a sample.

Source: proc_pid_stat(5), proc_pid_statm(5) and proc_pid_status(5).
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator

TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")  # what the times in stat are counted in

# PROCFS/ID/stat can be read for the id of any thread, too, although no listing of PROCFS shows it, and it tells the CPU
# time of the whole process. The signal that its end sends to its parent (field 38, here counted behind the command)
# distinguishes them: the kernel itself takes a task without one for a thread that is not the first.
OF_THREAD, THREAD = 35, b"-1"


def _read(path: str, most: int) -> bytes:
    """Empty when the process is gone."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(descriptor, most)
    except OSError:
        return b""
    finally:
        os.close(descriptor)


def list_procfs(procfs: str) -> Callable[[], list[int]]:
    """All process ids by a directory listing, in ascending order (parents mostly before children)."""

    def pids() -> list[int]:
        return sorted(int(name) for name in os.listdir(procfs) if name.isdigit())  # noqa: PTH208 - Path is 5x slower

    return pids


def hides_processes(procfs: str) -> bool:
    """Whether processes of other users are hidden (mount option hidepid): then even process 1 is."""
    return not _read(f"{procfs}/1/stat", 1)


def resident_pages_of(procfs: str) -> Callable[[int], int | None]:
    """Resident memory of a process in pages, 0 when it has none (kernel threads, zombies), None when it is gone."""

    def pages(pid: int) -> int | None:
        return _resident_pages(f"{procfs}/{pid}")

    return pages


def pages_of_threads_of(procfs: str) -> Callable[[int], int]:
    """The same of a process whose first thread has ended: its other threads show its memory. Else 0."""

    def pages(pid: int) -> int:
        directory = f"{procfs}/{pid}"
        return next(filter(None, (_resident_pages(thread) for thread in other_threads(directory))), 0)

    return pages


def other_threads(directory: str) -> Iterator[str]:
    """Directories of a process's threads but for the first one; ``directory`` is that of the process."""
    tasks = f"{directory}/task"
    try:
        ids = os.listdir(tasks)  # noqa: PTH208 - for speed
    except OSError:
        return
    first = directory.rpartition("/")[2]
    yield from (f"{tasks}/{thread}" for thread in ids if thread != first)


def _resident_pages(directory: str) -> int | None:
    try:
        return int(_read(f"{directory}/statm", 128).split(b" ", 2)[1])
    except (IndexError, ValueError):
        return None


class ReapedTime:
    """CPU time of children a process has waited for (cutime + cstime, and theirs), in nanoseconds.

    The kernel cuts both to whole clock ticks, so it is up to ``coarse_ns`` more than reported.
    """

    def __init__(self, procfs: str) -> None:
        self._procfs = procfs
        self.coarse_ns = 2 * TICK_NS

    def __call__(self, pid: int) -> int | None:
        text = _read(f"{self._procfs}/{pid}/stat", 1024)
        if not text:
            return None
        fields = text[text.rfind(b")") + 2 :].split(b" ", 16)
        return (int(fields[13]) + int(fields[14])) * TICK_NS


def ignores_children_of(procfs: str) -> Callable[[int], bool]:
    """Whether a process ignores SIGCHLD, so that the kernel sums its children's time nowhere."""
    mask = 1 << (signal.SIGCHLD - 1)

    def ignores(pid: int) -> bool:
        text = _read(f"{procfs}/{pid}/status", 4096)
        at = text.find(b"\nSigIgn:")
        return at >= 0 and bool(int(text[at + 8 : text.find(b"\n", at + 8)], 16) & mask)

    return ignores
