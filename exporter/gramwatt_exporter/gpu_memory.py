"""Which processes hold the memory of the GPUs. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from .model import DeviceMemory
from .processes.row import Row
from .snapshot import ProcessMemory


def process_memory(
    memory: Mapping[str, DeviceMemory], find: Callable[[int], Row | None], most: int | Literal["all"]
) -> tuple[ProcessMemory, ...]:
    """The ``most`` largest holders, of all GPUs together, that ``find`` knows by their PID; largest first.

    A process that only holds memory uses no energy of its own: it is shown here whether or not it has series.
    """
    held = sorted(
        ((used, device, pid) for device, state in memory.items() for pid, used in state.by_pid.items()),
        key=lambda one: (-one[0], one[1], one[2]),
    )
    found: list[ProcessMemory] = []
    for used, device, pid in held:
        if most != "all" and len(found) >= most:
            break
        row = find(pid)
        if row is not None:
            process = row.identity
            found.append(
                ProcessMemory(
                    device, process.pid, process.command, process.workload.name, process.workload.user, used
                )
            )
    return tuple(found)
