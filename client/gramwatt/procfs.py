"""What the kernel says about a process of ours."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Optional


def start_ticks(pid: int) -> Optional[int]:
    """When a process began, in clock ticks after boot (field 22 of proc(5)); None where that is not to be had."""
    try:
        stat = Path("/proc", "self" if pid == os.getpid() else str(pid), "stat").read_bytes()
        return int(stat[stat.rindex(b")") + 2 :].split()[19])
    except (OSError, ValueError, IndexError):
        return None
