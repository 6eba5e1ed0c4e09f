"""Whether settings files have changed on disk, by their device, inode, time and size.

An editor, a ConfigMap or `git pull` puts a new file in the place of the old one.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

Stamp = tuple[int, int, int, int] | None


class ChangedFiles:
    """Checked with every sample. A change counts when two checks see the same: a file may still be being written."""

    def __init__(self, files: Iterable[str]) -> None:
        self._files = tuple(file for file in files if file)
        self._known = self._last = self._stamps()

    def look(self) -> bool:
        """Whether the files differ from those last reported (or from those at the start)."""
        now = self._stamps()
        settled = now == self._last
        self._last = now
        if now == self._known or not settled:
            return False
        self._known = now
        return True

    def _stamps(self) -> tuple[Stamp, ...]:
        return tuple(_stamp(file) for file in self._files)


def _stamp(file: str) -> Stamp:
    """Device, inode, modification time and size of the file behind the name; None where there is none."""
    try:
        status = os.stat(file)  # noqa: PTH116 - through links, as a ConfigMap is changed by one
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size
