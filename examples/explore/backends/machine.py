"""What the machine's processor is called."""

from __future__ import annotations

import platform
import re
from pathlib import Path


def processor() -> str:
    """Such as ``AMD EPYC 7742 64-Core Processor``."""
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found[1].strip() if found else platform.processor() or platform.machine()
