"""Memory of an amdgpu card, from the files beside its PCI device. Reading them wakes no card.

API: https://docs.kernel.org/gpu/amdgpu/driver-misc.html (mem_info_vram_total, mem_info_vram_used)
"""

from __future__ import annotations

from pathlib import Path


def total_bytes(chip: Path) -> int | None:
    """All memory of the card whose hwmon directory this is; None where its driver does not say."""
    return _bytes(chip / "device" / "mem_info_vram_total") or None


def used_bytes(chip: Path) -> int | None:
    """Its memory in use; None where its driver does not say."""
    return _bytes(chip / "device" / "mem_info_vram_used")


def _bytes(file: Path) -> int | None:
    try:
        return max(0, int(file.read_text()))
    except (OSError, ValueError):
        return None
