"""How many CPU packages the kernel knows of."""

from __future__ import annotations

import re
from pathlib import Path

_PACKAGE = re.compile(r"^physical id\s*:\s*(\d+)", re.MULTILINE)
_GUEST = re.compile(r"^flags\s*:.*\bhypervisor\b", re.MULTILINE)


def packages(procfs: str) -> int | None:
    """By ``cpuinfo``: 0 in a guest, whose packages are not the host's; None where it does not say."""
    try:
        text = Path(procfs, "cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    if _GUEST.search(text):
        return 0
    return len(set(_PACKAGE.findall(text))) or None
