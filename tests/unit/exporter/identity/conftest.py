"""A /proc tree to put processes into."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


class ProcFs:
    """Writes what the kernel would show of a process."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def add(
        self,
        pid: int,
        comm: bytes = b"python3",
        cgroup: str | None = "0::/\n",
        parent: int = 1,
        start: int = 4711,
        flags: int = 0x400000,
        uid: int | None = None,
    ) -> int:
        directory = self.root / str(pid)
        directory.mkdir(exist_ok=True)
        fields = (
            f" S {parent} {pid} {pid} 0 -1 {flags} 98 0 0 0 7 3 0 0 20 0 1 0 {start} 3133440 390 1844674407\n"
        )
        (directory / "stat").write_bytes(b"%d (%b)%b" % (pid, comm, fields.encode()))
        if cgroup is not None:
            (directory / "cgroup").write_text(cgroup)
        if uid is not None:
            os.chown(directory, uid, uid)
        return pid


@pytest.fixture
def procfs(tmp_path: Path) -> ProcFs:
    root = tmp_path / "proc"
    root.mkdir()
    return ProcFs(root)
