"""Which of the chassis that a controller lists are the machine, so that their power adds up to it once. Pure.

A controller lists the machine's chassis and, beside it, parts of it (GPU trays, modules, storage) and what it is a part
of (an enclosure with other machines, a rack): https://redfish.dmtf.org/schemas/v1/Chassis.json
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from msgspec import Struct

_AROUND_MACHINES = {"Enclosure", "Rack", "RackGroup", "Row", "Pod", "Shelf", "SidecarRack", "PowerStrip"}
_PARTS = {"Component", "Module", "Card", "Zone", "Cartridge", "Expansion", "HeatExchanger", "ImmersionTank"}


class Chassis(Struct, frozen=True):
    """One that states its power, with its ChassisType and the path of what contains it."""

    path: str
    kind: str
    within: str
    power: Sequence[str]  # paths of the resources whose sum it is


def machine(
    found: Sequence[Chassis], all_within: dict[str, str], of_system: Collection[str]
) -> list[Chassis]:
    """Those whose sum is the machine. ``all_within``: path -> what contains it, of every chassis that is listed.

    ``of_system`` are those that the computer system says it stands in.
    """
    kept = [chassis for chassis in found if chassis.path in of_system] or list(found)
    by_path = {chassis.path: chassis for chassis in kept}
    # What holds several machines is none, when there is something in it or beside it that is one.
    machines = [chassis for chassis in kept if chassis.kind not in _AROUND_MACHINES]
    kept = machines or kept
    by_path = {chassis.path: chassis for chassis in kept}
    kept = [chassis for chassis in kept if not _inside(chassis.path, all_within, by_path)]
    whole = [chassis for chassis in kept if chassis.kind not in _PARTS]
    seen: set[tuple[str, ...]] = set()
    once = []
    for chassis in whole or kept:
        power = tuple(chassis.power)
        if power not in seen:  # two chassis may show one resource
            seen.add(power)
            once.append(chassis)
    return once


def _inside(path: str, all_within: dict[str, str], others: Collection[str]) -> bool:
    """Whether one of the others contains it, directly or not."""
    passed = set()
    while path in all_within and path not in passed:
        passed.add(path)
        path = all_within[path]
        if path in others:
            return True
    return False
