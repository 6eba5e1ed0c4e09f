"""Split a device's energy over the processes that used it, exactly: integers in, integers out, nothing lost. Pure.

For every device and sample, in microjoules::

    energy == idle + sum(live) + sum(exited) + unattributed
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct


class Shares(Struct, frozen=True):
    """One device's energy of one sample, in microjoules; ``users`` are in the order of the weights given."""

    idle: int
    users: Sequence[int]
    unattributed: int


def largest_remainder(total: int, weights: Sequence[int]) -> list[int]:
    """Split ``total`` in proportion to non-negative integer weights; the parts sum to ``total`` exactly.

    Each part is within one unit of its true share and a larger weight never gets less than a smaller one.
    Raises ValueError when there is nothing to split by (no positive weight).
    """
    scale = sum(weights)
    if scale <= 0:
        raise ValueError("no positive weight to split by")
    parts = [total * weight // scale for weight in weights]
    rest = total - sum(parts)
    if rest:
        remainders = [total * weight % scale for weight in weights]
        # In reverse, a sort leaves equals in their order: the first ones get the units.
        order = sorted(range(len(parts)), key=remainders.__getitem__, reverse=True)
        for i in order[:rest]:
            parts[i] += 1
    return parts


def idle_energy(microjoules: int, idle_microwatts: int, nanoseconds: int) -> int:
    """The idle part of ``microjoules`` (uJ): never more than was drawn."""
    return max(0, min(microjoules, idle_microwatts * nanoseconds // 1_000_000_000))


def usual_energy(cpu_nanoseconds: int, charged: int, charged_ns: int) -> int | None:
    """What ``cpu_nanoseconds`` of CPU time cost (uJ) at the mean of all that was charged before: ``charged`` uJ for
    ``charged_ns``, which is 0 where idle draw covered everything. None when no CPU time was seen before."""
    if cpu_nanoseconds <= 0:
        return 0
    return charged * cpu_nanoseconds // charged_ns if charged_ns > 0 else None


def attribute(microjoules: int, idle: int, weights: Sequence[int], residual: int = 0) -> Shares:
    """Split ``microjoules`` (uJ) into idle, users and unattributed.

    ``weights`` are the users' (CPU nanoseconds, GPU utilisation); ``residual`` is use that was measured but whose user
    is unknown, in the same scale. Without any weight all dynamic energy is unattributed: no process is known to have
    drawn it.
    """
    idle = max(0, min(microjoules, idle))
    dynamic = microjoules - idle
    if dynamic == 0 or not any(weights):
        return Shares(idle, [0] * len(weights), dynamic)
    *users, unattributed = largest_remainder(dynamic, [*weights, residual])
    return Shares(idle, users, unattributed)


def attribute_resident(microjoules: int, pages: Sequence[int], used: int, capacity: int) -> Shares:
    """Split a memory's energy (uJ) by resident pages; the share of unused memory is idle.

    ``used`` is all memory in use, ``capacity`` the installed memory, in pages. Used memory that belongs to no
    process (page cache, kernel) and the rounding of the shares (under 1 uJ a process) are unattributed. Shared
    pages are counted by every process that maps them, so the pages may exceed ``used``: then they share it.
    """
    if microjoules <= 0 or capacity <= 0:
        return Shares(0, [0] * len(pages), max(0, microjoules))
    used = max(0, min(used, capacity))
    dynamic = microjoules * used // capacity
    resident = sum(pages)
    scale = max(resident, used)
    if scale == 0 or dynamic == 0:
        return Shares(microjoules - dynamic, [0] * len(pages), dynamic)
    users = [dynamic * count // scale for count in pages]
    return Shares(microjoules - dynamic, users, dynamic - sum(users))
