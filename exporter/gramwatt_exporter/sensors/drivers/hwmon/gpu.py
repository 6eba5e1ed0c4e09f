"""GPUs of the drivers amdgpu, xe, i915 and nouveau: devices named by their PCI address.

The graphics of an AMD APU is no device: its power is that of the whole package, which measures the CPU where nothing
better does (RAPL that only root may read).
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Sequence

from ....model import Device, DeviceMemory, Meter
from ...standing_still import CounterCheck, PartCheck
from .. import apu, vram
from .bounds import most_watts
from .channel import Channel, Chip, Part
from .files import Source
from .going_on import GoingOn

DRIVERS = ("amdgpu", "xe", "i915", "nouveau")

# One sigma as a share of the value. No maker of a GPU states a figure for these channels: counters are taken as good
# as other counters, power that firmware models as half as good.
UNCERTAINTY_RATIO = {"amdgpu": 0.1, "xe": 0.05, "i915": 0.05, "nouveau": 0.1}
MAX_WATTS = 1500.0
APU_MAX_WATTS = 1000.0

# What a driver says instead of waking its GPU to measure: amdgpu in amdgpu_pm_get_access_if_active (also in a reset),
# nouveau in nouveau_power_read. xe and i915 have energy counters, which need none of this: what was drawn in a gap is
# the counter's next value less its last, however long it stood still.
_REFUSALS = {"amdgpu": errno.EPERM, "nouveau": errno.EINVAL}


def channel(
    chip: Chip, found: Sequence[Source], source_name: str, idle_watts: float | None
) -> Channel | None:
    """The one channel of a GPU; None where it has but voltages and currents."""
    direct = [source for source in found if source.amperes is None]
    if not direct:
        return None
    labels = {source.label: source for source in direct}
    best = labels.get("card") or labels.get("pkg") or labels.get("PPT") or labels.get("") or direct[0]
    address, driver = chip.place, chip.driver
    ratio = UNCERTAINTY_RATIO[driver]
    if driver == "amdgpu" and apu.is_apu(chip.folder):
        limit = most_watts(best.path.parent, APU_MAX_WATTS)
        meter = Meter(apu.meter_name(address), source_name, apu.PACKAGE, (), ratio, limit)
        return Channel(chip, best, meter, Part("amdgpu", "package"), energy=best.energy)
    limit = most_watts(best.path.parent, MAX_WATTS)
    memory = vram.total_bytes(chip.folder) if driver == "amdgpu" else None
    device = Device("gpu", address, source_name, ratio, idle_watts, limit, memory_bytes=memory)
    made = Channel(chip, best, device, energy=best.energy)
    if not best.energy:
        made.refusal = _REFUSALS.get(driver)
        return made
    inner = labels.get("pkg")
    of_part = inner is not None and inner is not best and inner.energy
    made.going_on = GoingOn(limit, of_part)
    if inner is not None and of_part:
        made.inside, made.inner_check = inner.path, PartCheck()
    elif best.witness is not None:
        made.check = CounterCheck()
    return made


def memory_of(channels: Iterable[Channel]) -> dict[str, DeviceMemory]:
    """Memory in use of the cards among the devices of the channels whose driver says it: amdgpu's."""
    memory: dict[str, DeviceMemory] = {}
    for channel in channels:
        of, chip = channel.of, channel.chip
        if chip.driver == "amdgpu" and isinstance(of, Device) and of.memory_bytes is not None:
            used = vram.used_bytes(chip.folder)
            if used is not None:
                memory[of.name] = DeviceMemory(used)
    return memory
