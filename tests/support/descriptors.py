"""Which files of a folder this process holds open; what other tests of the process hold does not count."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path


def open_below(root: Path) -> list[str]:
    """Paths below ``root`` behind the open descriptors of this process, one for each descriptor."""
    held = []
    for link in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            held.append(str(link.readlink()))
    return sorted(path for path in held if path.startswith(f"{root}/"))
