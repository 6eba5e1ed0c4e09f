"""A /sys with hwmon chips, and descriptors that refuse as drivers do."""

from __future__ import annotations

import ctypes
import os
import struct
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from gramwatt_exporter.sensors.drivers.hwmon.hwmon import Hwmon
from hwmon_boards import (
    CAP_SYS_NICE,
    Board,
)


@pytest.fixture
def hwmon(sysfs: Callable[[str], Any], clock: Any) -> Callable[..., Hwmon]:
    def build(name: str, **settings: Any) -> Hwmon:
        sensor = Hwmon(str(sysfs(name).root), clock, **settings)
        sensor.open()
        return sensor

    return build


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return Board(tmp_path / "sys")


@pytest.fixture
def eperm() -> Iterator[int]:
    """A descriptor whose reads the kernel refuses with EPERM, as amdgpu does: another process's timer slack."""
    libc = ctypes.CDLL(None)
    header = struct.pack("Ii", 0x20080522, 0)  # of this thread
    had = ctypes.create_string_buffer(24)
    assert libc.capget(header, had) == 0
    effective, *more = struct.unpack("6I", had.raw)
    assert libc.capset(header, struct.pack("6I", effective & ~CAP_SYS_NICE, *more)) == 0
    with subprocess.Popen(["sleep", "60"]) as other:
        refused = os.open(f"/proc/{other.pid}/timerslack_ns", os.O_RDONLY)
        yield refused
        os.close(refused)
        other.kill()
    assert libc.capset(header, had.raw) == 0


@pytest.fixture
def einval() -> Iterator[int]:
    """A descriptor whose reads the kernel refuses with EINVAL, as nouveau does: a namespace."""
    with Path("/proc/self/ns/net").open("rb", buffering=0) as refused:
        yield refused.fileno()
