"""What the kernel reports about our own processes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Optional


def start_ticks(pid: int) -> Optional[int]:
    """Start of a process, in clock ticks after boot (field 22 of proc(5)); None where the platform does not show it."""
    return _field(pid, 22)


def parent_of(pid: int) -> Optional[int]:
    """The parent of a process now; None where the platform does not show it."""
    return _field(pid, 4)


def was_started_with(pid: int, variable: str) -> bool:
    """Whether a process had this variable in its environment at its start; False where the platform does not show
    it."""
    try:
        environ = Path("/proc", str(pid), "environ").read_bytes()
    except OSError:
        return False
    return (b"\0" + environ).find(b"\0" + os.fsencode(variable) + b"=") >= 0


def _field(pid: int, number: int) -> Optional[int]:
    try:
        stat = Path("/proc", "self" if pid == os.getpid() else str(pid), "stat").read_bytes()
        return int(stat[stat.rindex(b")") + 2 :].split()[number - 3])
    except (OSError, ValueError, IndexError):
        return None
