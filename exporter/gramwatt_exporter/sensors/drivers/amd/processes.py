"""The list of processes on an AMD GPU: their time on its engines, and when a process began."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .library import number

UNKNOWN_PID = 0  # weight of users nobody can name: their energy is unattributed
_ENCODER_PART = 10  # an encoder draws about a tenth of what the graphics engine does, as for NVIDIA


def engine_times(processes: Iterable[Any]) -> dict[int, int]:
    """PID -> nanoseconds on the engines, 0 where none is reported: ROCm's own queues are not counted.

    A process of which only a handle is reported, as old releases do, is UNKNOWN_PID. Without the exporter: on some
    GPUs the library itself opens /dev/kfd, which puts it on the list.
    """
    busy: dict[int, int] = {}
    for process in processes:
        pid = int(process.get("pid") or 0) if isinstance(process, dict) else 0
        if pid <= 0:
            busy[UNKNOWN_PID] = 0
            continue
        engines = process.get("engine_usage") or {}
        busy[pid] = _time(engines, "gfx") + _time(engines, "enc") // _ENCODER_PART
    busy.pop(os.getpid(), None)
    return busy


def memory_bytes(processes: Iterable[Any]) -> dict[int, int]:
    """PID -> bytes of the card's memory, of processes for which they are reported; without the exporter."""
    memory: dict[int, int] = {}
    for process in processes:
        if not isinstance(process, dict):
            continue
        pid, used = process.get("pid"), (process.get("memory_usage") or {}).get("vram_mem")
        if isinstance(pid, int) and isinstance(used, int) and pid > 0 and used > 0:
            memory[pid] = used
    memory.pop(os.getpid(), None)
    return memory


def _time(engines: Any, name: str) -> int:
    try:
        return int(number(engines.get(name)))
    except ValueError:
        return 0


class Births:
    """When processes began, in nanoseconds of CLOCK_BOOTTIME, from /proc/PID/stat (proc_pid_stat(5), field 22)."""

    def __init__(self, procfs: Path) -> None:
        self._procfs = procfs
        self._tick_ns = 1_000_000_000 // os.sysconf("SC_CLK_TCK")

    def of(self, pid: int) -> int | None:
        """None where the process is not there."""
        try:
            text = (self._procfs / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
            return int(text.rpartition(")")[2].split()[19]) * self._tick_ns
        except (OSError, ValueError, IndexError):
            return None
