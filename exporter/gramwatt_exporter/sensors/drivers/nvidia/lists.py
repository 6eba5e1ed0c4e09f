"""Lists of the driver, read into memory that is kept: one call, and no object per process.

pynvml asks for the length first and makes an object with named fields of each entry: with 20 processes ten times the
time. Structures: https://docs.nvidia.com/deploy/nvml-api/structnvmlProcessInfo__t.html (24 bytes),
https://docs.nvidia.com/deploy/nvml-api/structnvmlProcessUtilizationSample__t.html (32 bytes).
"""

from __future__ import annotations

import ctypes
import struct
from typing import Any

# Each entry is three words of 64 bits: process id and padding, memory, GPU and compute instance.
_PROCESS_WORDS = 6  # of 32 bits
_PROCESS_LONG_WORDS = 3
_NOT_SAID = (1 << 64) - 1  # memory of a process where the driver does not count it
_ROW = struct.Struct("@IQIIII")  # process id, stamp, percent of multiprocessors, memory, encoder, decoder
_ROOM = 64  # entries at first
_MOST = 65536  # a length beyond is none
_TRIES = 3  # a list may grow between two calls
_TOO_SMALL = 7


class Lists:
    """The lists of one GPU. Used by one thread at a time. Raises NVMLError."""

    def __init__(self, lib: Any) -> None:
        self._lib = lib
        self._count = ctypes.c_uint()
        self._make(_ROOM)

    def _make(self, room: int) -> None:
        self._room = room
        self._memory = (ctypes.c_uint64 * (room * _ROW.size // 8))()
        self._bytes = memoryview(self._memory).cast("B")
        self._words = self._bytes.cast("I")

    def processes(self, function: str, handle: Any) -> dict[int, int]:
        """Process ids by nvmlDeviceGet...RunningProcesses_v2 or _v3, as ``function`` says, and the bytes of memory that
        each holds: 0 where the driver does not say."""
        for _ in range(_TRIES):
            self._count.value = self._room
            code = self._lib.call(function, handle, ctypes.byref(self._count), self._memory)
            if code == 0:
                pids = self._words[0 : self._count.value * _PROCESS_WORDS : _PROCESS_WORDS].tolist()
                held = self._memory[1 : self._count.value * _PROCESS_LONG_WORDS : _PROCESS_LONG_WORDS]
                return dict(zip(pids, (0 if size == _NOT_SAID else size for size in held), strict=True))
            self._grow(code)
        raise self._lib.NVMLError(_TOO_SMALL)

    def rows(self, handle: Any, after_us: int) -> list[tuple[int, ...]]:
        """Process id, stamp, percent of multiprocessors, memory, encoder, decoder: of each row newer than that."""
        for _ in range(_TRIES):
            self._count.value = self._room
            after = ctypes.c_ulonglong(after_us)
            code = self._lib.call(
                "nvmlDeviceGetProcessUtilization", handle, self._memory, ctypes.byref(self._count), after
            )
            if code == 0:
                return list(_ROW.iter_unpack(self._bytes[: self._count.value * _ROW.size]))
            self._grow(code)
        raise self._lib.NVMLError(_TOO_SMALL)

    def _grow(self, code: int) -> None:
        needed = self._count.value
        if code != _TOO_SMALL or not self._room < needed <= _MOST:
            raise self._lib.NVMLError(code)
        self._make(min(2 * needed, _MOST))
