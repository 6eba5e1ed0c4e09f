"""Which processes hold a context on a GPU or on one of its MIG instances: compute, graphics and MPS clients."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from .library import FUNCTION_NOT_FOUND, GONE
from .lists import Lists

_UNKNOWN_PID = 0
_MPS_SERVER = "nvidia-cuda-mps"  # /proc/PID/comm has 15 characters of nvidia-cuda-mps-server


class Holders(Struct, frozen=True):
    """PIDs with a context. ``complete``: surely all of them. ``servers`` work for the MPS ``clients`` alone."""

    pids: frozenset[int] = frozenset()
    complete: bool = False
    clients: frozenset[int] = frozenset()
    servers: frozenset[int] = frozenset()
    memory: Mapping[int, int] = {}  # bytes of GPU memory by PID, where the driver says


class Instance(Struct, frozen=True):
    """One MIG device: its slices of compute, and the holders of contexts on it."""

    slices: int
    pids: frozenset[int]


class Context(Struct, frozen=True):
    """The processes that might have used a GPU at one moment. ``instances`` is None where MIG is off."""

    holders: Holders
    instances: tuple[Instance, ...] | None = None


class ContextReader:
    """Asks the driver. Raises NVMLError where the GPU is lost."""

    def __init__(self, lib: Any, lists: Lists, procfs: Path) -> None:
        self._lib = lib
        self._lists = lists
        self._procfs = procfs

    def read(self, handle: Any) -> Context:
        """The processes on this GPU now."""
        if self._mig_mode(handle):
            return self._of_instances(handle)
        return Context(self._holders(handle))

    def _mig_mode(self, handle: Any) -> bool:
        try:
            return bool(self._lib.nvmlDeviceGetMigMode(handle)[0])
        except self._lib.NVMLError as error:
            if error.value in GONE:
                raise
            return False  # before Ampere

    def _of_instances(self, handle: Any) -> Context:
        lib = self._lib
        instances: list[Instance] = []
        all_pids: set[int] = set()
        memory: Counter[int] = Counter()
        complete = True
        for index in range(lib.nvmlDeviceGetMaxMigDeviceCount(handle)):
            try:
                instance = lib.nvmlDeviceGetMigDeviceHandleByIndex(handle, index)
                # Not gpuInstanceSliceCount: that is of the GPU instance, which it may share with others (1c.4g).
                slices = int(lib.nvmlDeviceGetAttributes_v2(instance).computeInstanceSliceCount)
            except lib.NVMLError as error:
                if error.value in GONE:
                    raise
                if error.value != lib.NVML_ERROR_NOT_FOUND:  # which says that there is none at this index
                    complete = False
                continue
            here = self._holders(instance)
            instances.append(Instance(max(1, slices), here.pids))
            all_pids |= here.pids
            memory.update(here.memory)
            complete = complete and here.complete
        whole = self._holders(handle)
        complete = complete and whole.complete and (bool(all_pids) or not whole.pids)
        return Context(Holders(frozenset(all_pids), complete, memory=memory), tuple(instances))

    def _holders(self, handle: Any) -> Holders:
        lists: dict[str, set[int]] = {}
        memory: dict[int, int] = {}
        complete = True
        for kind in ("Compute", "Graphics", "MPSCompute"):
            running = self._running(kind, handle)
            if (
                running is None or _UNKNOWN_PID in running
            ):  # a process without a number is one that has no name
                complete = False
            lists[kind] = set(running or ()) - {_UNKNOWN_PID}
            for pid, used in (running or {}).items():
                if used:  # on two lists it is the same memory
                    memory[pid] = max(used, memory.get(pid, 0))
        clients = lists["MPSCompute"]
        servers = (
            {pid for pid in lists["Compute"] - clients if self._is_mps_server(pid)} if clients else set()
        )
        found = lists["Compute"] | lists["Graphics"] | clients
        return Holders(frozenset(found - servers), complete, frozenset(clients), frozenset(servers), memory)

    def _is_mps_server(self, pid: int) -> bool:
        try:
            return (self._procfs / str(pid) / "comm").read_text().startswith(_MPS_SERVER)
        except OSError:
            return False

    def _running(self, kind: str, handle: Any) -> dict[int, int] | None:
        """PIDs on one list, with the bytes of each, 0 where the driver does not say; None where it cannot be read."""
        for version in ("_v3", "_v2"):
            try:
                return self._lists.processes(f"nvmlDeviceGet{kind}RunningProcesses{version}", handle)
            except self._lib.NVMLError as error:
                if error.value in GONE:
                    raise
                if error.value == FUNCTION_NOT_FOUND:
                    continue  # an older driver
                # Without graphics no process draws. Every GPU has the list for compute, with the server of MPS on it.
                return {} if error.value == self._lib.NVML_ERROR_NOT_SUPPORTED and kind != "Compute" else None
        return None
