"""A GPU that shows neither energy nor power (consumer cards on old drivers, WSL, virtual GPUs): board limit times use.

A board at rest draws about an eighth of its limit, one whose multiprocessors never pause about four fifths of it. The
gauge says how often a kernel ran, not how many of the units it used, so the same 100 % draws from half the limit to all
of it: hence the wide sigma. The device's source is ``estimate``.
"""

from __future__ import annotations

import contextlib
import re
from typing import Any

SOURCE = "utilisation"
UNCERTAINTY_RATIO = 0.4
IDLE_SHARE, BUSY_SHARE = 0.12, 0.8  # of the board's limit
_LIMITS = ("EnforcedPowerLimit", "PowerManagementLimit", "PowerManagementDefaultLimit")
# Board power in watts as NVIDIA's product pages state it, for drivers that do not show the limit. Longer names first.
_BOARDS = {
    "RTX 5090": 575, "RTX 5080": 360, "RTX 5070 Ti": 300, "RTX 5070": 250, "RTX 5060": 145,
    "RTX 4090": 450, "RTX 4080": 320, "RTX 4070 Ti": 285, "RTX 4070": 200, "RTX 4060 Ti": 160, "RTX 4060": 115,
    "RTX 3090 Ti": 450, "RTX 3090": 350, "RTX 3080 Ti": 350, "RTX 3080": 320, "RTX 3070 Ti": 290, "RTX 3070": 220,
    "RTX 3060 Ti": 200, "RTX 3060": 170, "RTX 3050": 130, "RTX 2080 Ti": 250, "RTX 2080": 215, "RTX 2070": 175,
    "RTX 2060": 160, "GTX 1660": 120, "GTX 1650": 75, "GTX 1080 Ti": 250, "GTX 1080": 180, "GTX 1070": 150,
    "GTX 1060": 120, "GTX 1050": 75, "GTX 980": 165, "GTX 970": 145, "GTX 960": 120, "GTX 950": 90, "GTX 750": 55,
    "GT 1030": 30, "GT 730": 38, "GT 710": 19, "L40S": 350, "L40": 300, "L4": 72, "A100": 300, "A40": 300,
    "A30": 165, "A16": 250, "A10": 150, "A2": 60, "T4": 70, "V100": 250, "P100": 250, "P40": 250, "P4": 75,
    "M60": 300, "M10": 225, "K80": 300,
}  # fmt: skip


def possible(lib: Any, handle: Any) -> bool:
    """Whether both are known: how busy it is, and what its board may draw."""
    try:
        lib.nvmlDeviceGetUtilizationRates(handle)
    except (lib.NVMLError, AttributeError):
        return False
    return board_watts(lib, handle) is not None


def board_watts(lib: Any, handle: Any) -> float | None:
    """The limit in force, else that of boards of this name; None where neither is known."""
    for name in _LIMITS:
        with contextlib.suppress(lib.NVMLError, AttributeError):
            watts = int(getattr(lib, f"nvmlDeviceGet{name}")(handle)) / 1000
            if 1 <= watts <= 3000:
                return watts
    with contextlib.suppress(lib.NVMLError, AttributeError):
        watts = int(lib.nvmlDeviceGetPowerManagementLimitConstraints(handle)[1]) / 1000
        if 1 <= watts <= 3000:
            return watts
    with contextlib.suppress(lib.NVMLError, AttributeError, UnicodeDecodeError):
        name = str(lib.nvmlDeviceGetName(handle))
        for board, stated in _BOARDS.items():
            if re.search(rf"\b{board}\b", name):
                return float(stated)
    return None


def microwatts(lib: Any, handle: Any) -> int | None:
    """What it is taken to draw now. Raises NVMLError."""
    limit = board_watts(lib, handle)
    if limit is None:
        return None
    busy = min(100, max(0, int(lib.nvmlDeviceGetUtilizationRates(handle).gpu))) / 100
    return round(limit * 1e6 * (IDLE_SHARE + (BUSY_SHARE - IDLE_SHARE) * busy))
