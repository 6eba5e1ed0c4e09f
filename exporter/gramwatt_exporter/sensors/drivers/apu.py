"""The graphics of an AMD APU: no device but a part of the CPU's package, whichever sensor meets it.

The kernel shows it by its voltages: only APUs have a northbridge rail, "vddnb". MI300A has none there (amdgpu_pm.c
excepts it) and is a device. API: https://docs.kernel.org/gpu/amdgpu/thermal.html (in1_label).
"""

from __future__ import annotations

from pathlib import Path

PACKAGE = "package-0"  # an APU is the only package of its machine


def meter_name(address: str) -> str:
    """The meter of the graphics at this PCI address (0000:c4:00.0), the same from every sensor."""
    return f"apu-{address}"


def is_apu(chip: Path) -> bool:
    """Whether the hwmon directory of the driver amdgpu is that of an APU."""
    return any(_text(chip / f"in{number}_label") == "vddnb" for number in range(3))


def chip_at(sysfs: str, address: str) -> Path | None:
    """The hwmon directory of the amdgpu at this PCI address; None where there is none."""
    try:
        chips = sorted((Path(sysfs) / "class" / "hwmon").iterdir())
    except OSError:
        return None
    for chip in chips:
        if (chip / "device").resolve().name == address and _text(chip / "name") == "amdgpu":
            return chip
    return None


def has_power(chip: Path) -> bool:
    """Whether hwmon can measure it."""
    return any((chip / f"power1_{kind}").exists() for kind in ("average", "input"))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
