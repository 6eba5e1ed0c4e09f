"""Memory of an NVIDIA GPU that is in use: one call of the driver."""

from __future__ import annotations

from typing import Any

from .library import GONE, NEVER, pass_mismatch

_NEVER = NEVER | {25}  # and: not in this version of the structure


class MemoryReader:
    """Asks one GPU.

    By the second version of the call, as nvidia-smi shows it: without what the driver keeps for itself. An older
    driver or package has the first version alone, which counts that as used.
    API: https://docs.nvidia.com/deploy/nvml-api/group__nvmlDeviceQueries.html (nvmlDeviceGetMemoryInfo_v2)
    """

    def __init__(self, lib: Any) -> None:
        self._lib = lib
        self._ways = [self._second, self._first]  # those that the driver may have

    def used_bytes(self, handle: Any) -> int | None:
        """Bytes in use; None where the driver does not say. Raises NVMLError where the GPU is lost."""
        for way in list(self._ways):
            try:
                return int(way(handle).used)
            except self._lib.NVMLError as error:
                if error.value in GONE:
                    raise
                if error.value not in _NEVER:
                    return None
                self._ways.remove(way)
            except (AttributeError, TypeError):  # an older pynvml
                self._ways.remove(way)
            except Exception as error:
                pass_mismatch(error)
                self._ways.remove(way)
        return None

    def _second(self, handle: Any) -> Any:
        return self._lib.nvmlDeviceGetMemoryInfo(handle, self._lib.nvmlMemory_v2)

    def _first(self, handle: Any) -> Any:
        return self._lib.nvmlDeviceGetMemoryInfo(handle)
