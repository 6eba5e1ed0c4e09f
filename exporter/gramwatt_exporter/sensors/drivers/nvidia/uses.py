"""Which processes used a GPU: from rows, contexts and MIG instances to weights. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ....model import Device, DeviceUse, Group
from .coverage import Interval
from .holders import Context, Holders


def of_rows(device: Device, weights: Mapping[int, int], context: Context, holders: Holders) -> DeviceUse:
    """Rows say which processes worked. What the MPS server did, it did for its clients."""
    groups: list[Group] = []
    served = sum(weights.get(pid, 0) for pid in context.holders.servers)
    if served:
        weights = {pid: weight for pid, weight in weights.items() if pid not in context.holders.servers}
        clients = context.holders.clients
        if len(clients) == 1:
            (client,) = clients
            weights[client] = weights.get(client, 0) + served
        else:
            groups.append(Group(served, clients))
    return DeviceUse(device, weights, holders.pids, "utilisation", groups=tuple(groups))


def of_contexts(device: Device, holders: Holders, quiet: bool) -> DeviceUse:
    """Nothing says which process worked. A single holder of a context did; several are one group."""
    if len(holders.pids) == 1:
        return DeviceUse(device, dict.fromkeys(holders.pids, 1), holders.pids, "holder")
    groups = (Group(1, holders.pids),) if holders.pids else ()
    return DeviceUse(device, {}, holders.pids, "none", quiet, groups)


def of_no_process(device: Device, holders: Holders, quiet: bool) -> DeviceUse:
    """Rows say that no process ran. What a GPU draws beyond its idle draw then, it draws for the contexts it holds."""
    groups = (Group(1, holders.pids),) if holders.pids else ()
    return DeviceUse(device, {}, holders.pids, "context" if groups else "utilisation", quiet, groups)


def of_instances(device: Device, context: Context, holders: Holders, quiet: bool) -> DeviceUse:
    """MIG: power is measured on the whole GPU only; instances in use share it by their slices of compute."""
    weights: dict[int, int] = {}
    groups: list[Group] = []
    for instance in context.instances or ():
        if len(instance.pids) == 1:
            (pid,) = instance.pids
            weights[pid] = weights.get(pid, 0) + instance.slices
        elif instance.pids:
            groups.append(Group(instance.slices, instance.pids))
    known = bool(weights or groups)
    return DeviceUse(
        device, weights, holders.pids, "slices" if known else "none", quiet and not known, tuple(groups)
    )


def merged(intervals: Sequence[Interval], energies: Sequence[int]) -> dict[int, int]:
    """The weights of several times as those of one: each time counts by what was drawn in it (microjoules)."""
    used = [(interval.weights, energy) for interval, energy in zip(intervals, energies, strict=True)]
    used = [(weights, energy) for weights, energy in used if weights]
    if len(used) <= 1:
        return dict(used[0][0]) if used else {}
    result: dict[int, int] = {}
    for weights, energy in used:
        scale = sum(weights.values())
        for pid, weight in weights.items():
            result[pid] = result.get(pid, 0) + max(1, energy * weight // scale)
    return result
