"""Busy and total time of every CPU, in clock ticks, from procfs/stat."""

from __future__ import annotations

import os
import re
from pathlib import Path

from ....errors import NotHere, TryAgain

_CPU = re.compile(rb"^cpu(\d+) (.*)$", re.MULTILINE)
# procfs/stat has about 110 bytes per CPU before the line of interrupts.
_BYTES_PER_CPU = 160

Times = dict[int, tuple[int, int]]  # CPU -> busy and total ticks


class CpuTimes:
    """An open procfs/stat. Raises NotHere where there is none."""

    def __init__(self, procfs: Path) -> None:
        self._path = procfs / "stat"
        try:
            self._fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise NotHere(f"no CPU times: {error}") from None
        self._size = 16384 + _BYTES_PER_CPU * (os.cpu_count() or 1)

    def read(self) -> Times:
        """Raises TryAgain where it cannot be read."""
        try:
            text = os.pread(self._fd, self._size, 0)
        except OSError as error:
            raise TryAgain(f"{self._path}: {error}") from None
        times = {}
        for match in _CPU.finditer(text):
            fields = [int(value) for value in match[2].split()[:8]]
            if len(fields) < 4:
                continue
            total = sum(fields)
            # idle and iowait did nothing; stolen time was another machine's. Guest time is inside user time.
            idle = fields[3] + (fields[4] if len(fields) > 4 else 0) + (fields[7] if len(fields) > 7 else 0)
            times[int(match[1])] = (total - idle, total)
        if not times:
            raise TryAgain(f"{self._path} has no cpu lines")
        return times

    def close(self) -> None:
        """Close it."""
        os.close(self._fd)
