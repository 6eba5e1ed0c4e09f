"""What the estimate needs to know on systems without procfs (macOS, BSD), from psutil, loaded only there."""

from __future__ import annotations

import platform
import subprocess


def cpu_times() -> dict[int, tuple[int, int]]:
    """Busy and total time of every CPU, in hundredths of a second."""
    import psutil

    times = {}
    for number, fields in enumerate(psutil.cpu_times(percpu=True)):
        total = sum(fields) - getattr(fields, "guest", 0.0) - getattr(fields, "guest_nice", 0.0)
        idle = fields.idle + getattr(fields, "iowait", 0.0) + getattr(fields, "steal", 0.0)
        times[number] = (round((total - idle) * 100), round(total * 100))
    return times


def memory_bytes() -> int:
    """Installed memory."""
    import psutil

    return int(psutil.virtual_memory().total)


def cpu_model() -> str:
    """The CPU's name as its maker spells it; "" where the system does not report it."""
    for command in (("sysctl", "-n", "machdep.cpu.brand_string"), ("sysctl", "-n", "hw.model")):
        try:
            run = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
        except (OSError, subprocess.SubprocessError):
            break
        if run.returncode == 0 and run.stdout.strip():
            return run.stdout.strip()
    return platform.processor()
