"""Steps for a package without usable steps, from another sensor's value or a share of its sum. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from ..model import Device, EnergyStep


def substitute(
    component: str, name: str, beside: int, spare: Sequence[EnergyStep], source: str
) -> EnergyStep | None:
    """A step for the device ``name``, of which there are ``beside`` by the sensor that should measure it.

    ``spare`` are the steps of all sensors that measure nothing now; those of ``source`` are taken.
    """
    steps = [
        s for s in spare if s.device.component == component and s.device.source == source and not s.missed
    ]
    if not steps:
        return None
    same = next((step for step in steps if step.device.name == name), None)
    if same is not None:
        return same
    first = steps[0]
    return replace(
        first,
        device=_share(first.device, name, len(steps) / beside),
        microjoules=sum(step.microjoules for step in steps) // beside,
    )


def _share(device: Device, name: str, ratio: float) -> Device:
    idle, most = device.idle_watts, device.max_watts
    return replace(
        device,
        name=name,
        idle_watts=None if idle is None else idle * ratio,
        max_watts=None if most is None else most * ratio,
    )
