"""A machine with RAPL counters that tests can move, as a sysfs tree for the real exporter."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

FIXTURES = Path(__file__).parents[2] / "fixtures"
WIDTH = 20


class RaplTree:
    """tests/fixtures/sysfs/dual-socket.tree in a directory; counters change in place, as the kernel's do."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.microjoules: dict[str, int] = {}
        for line in (FIXTURES / "sysfs" / "dual-socket.tree").read_text().splitlines():
            if line and not line.startswith("#"):
                name, content = line.split(" = ", 1)
                file = root / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(f"{content}\n")
                if name.endswith("energy_uj"):
                    self.microjoules[file.parent.name] = int(content)
                    self.set(file.parent.name, int(content))
        online = root / "devices/system/cpu/possible"
        online.parent.mkdir(parents=True, exist_ok=True)
        online.write_text(Path("/sys/devices/system/cpu/possible").read_text())

    def set(self, zone: str, microjoules: int) -> None:
        """The counter of a zone, e.g. intel-rapl:0."""
        self.microjoules[zone] = microjoules
        file = self.root / "class/powercap" / zone / "energy_uj"
        descriptor = os.open(file, os.O_WRONLY)
        os.pwrite(descriptor, f"{microjoules:>{WIDTH}}\n".encode(), 0)
        os.close(descriptor)

    def add(self, microjoules: int) -> None:
        """Every zone draws this much."""
        for zone, shown in list(self.microjoules.items()):
            self.set(zone, shown + microjoules)


@pytest.fixture
def rapl(tmp_path: Path) -> RaplTree:
    """Two packages and their DRAM."""
    return RaplTree(tmp_path / "sys")
