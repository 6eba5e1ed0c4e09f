"""Share a GPU's energy of one step: by the weights of processes, and of groups that cannot be distinguished.

Pure, in microjoules: idle + users + unattributed == energy.
"""

from __future__ import annotations

from collections.abc import Callable
from math import lcm

from msgspec import Struct

from ..model import DeviceUse, Group
from ..processes.row import Row
from .attribution import attribute

Find = Callable[[int], tuple[Row, bool] | None]


class GpuShares(Struct, frozen=True):
    """Parts of one step. ``users`` are (row, whether it lives, microjoules); ``context`` is the part of their energy
    that the GPU drew for open contexts while no process worked."""

    idle: int
    users: list[tuple[Row, bool, int]]
    unattributed: int
    context: int = 0


def share(microjoules: int, idle: int, use: DeviceUse | None, find: Find) -> GpuShares:
    """``find(pid)`` gives the row of a recent process and whether it still lives."""
    weights = use.weights if use is not None else {}
    groups = [(group.weight, _together(group, find)) for group in use.groups] if use is not None else []
    # Members of a group get equal parts, because nothing better is known; the scale keeps these whole numbers.
    scale = lcm(*(len(members) or 1 for _, members in groups))
    users: list[tuple[Row, bool]] = []
    scaled: list[int] = []
    residual = 0
    for weight, found in zip(weights.values(), map(find, weights), strict=True):
        if found is None:
            residual += weight * scale
        else:
            users.append(found)
            scaled.append(weight * scale)
    for weight, members in groups:
        users += members
        scaled += [weight * scale // len(members)] * len(members) if members else []
        residual += 0 if members else weight * scale
    shares = attribute(microjoules, idle, scaled, residual)
    charged = [(row, lives, part) for (row, lives), part in zip(users, shares.users, strict=True)]
    context = sum(shares.users) if use is not None and use.method == "context" else 0
    return GpuShares(shares.idle, charged, shares.unattributed, context)


def _together(group: Group, find: Find) -> list[tuple[Row, bool]]:
    """The members, if all are known and belong to the same windows or, outside of windows, to one workload."""
    members = []
    for pid in sorted(group.pids):
        found = find(pid)
        if found is None:
            return []
        members.append(found)
    if len(members) <= 1:
        return members
    rows = [row for row, _ in members]
    windows = frozenset.intersection(*(row.windows for row in rows))
    if windows:
        # For a window with only some of them the part is not known.
        return members if all(row.windows == windows for row in rows) else []
    alike = all(row.account is rows[0].account and not row.windows for row in rows)
    return members if alike else []
