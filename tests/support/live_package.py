"""A powercap tree whose packages draw by what the CPUs of this machine really do, for an exporter that runs."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

PERIOD = 0.05
_WIDTH = 20


class _Package:
    """One zone; its counter is written in place, as the kernel's changes."""

    def __init__(
        self, root: Path, number: int, cpus: frozenset[int], watts: Callable[[float], float]
    ) -> None:
        self.cpus, self.watts, self.joules = cpus, watts, 0.0
        zone = root / f"class/powercap/intel-rapl:{number}"
        zone.mkdir(parents=True)
        (zone / "name").write_text(f"package-{number}\n")
        (zone / "max_energy_range_uj").write_text("262143328850\n")
        self._counter = zone / "energy_uj"
        self.write()
        for cpu in cpus:
            topology = root / f"devices/system/cpu/cpu{cpu}/topology"
            topology.mkdir(parents=True)
            (topology / "physical_package_id").write_text(f"{number}\n")

    def write(self) -> None:
        """Show what it has counted."""
        descriptor = os.open(self._counter, os.O_WRONLY | os.O_CREAT, 0o644)
        os.pwrite(descriptor, f"{round(self.joules * 1e6):>{_WIDTH}}\n".encode(), 0)
        os.close(descriptor)


def cpu_numbers() -> list[int]:
    """Of this machine."""
    return sorted(_busy_ticks())


def _busy_ticks() -> dict[int, int]:
    """Ticks each CPU was not idle."""
    busy = {}
    for line in Path("/proc/stat").read_text().splitlines()[1:]:
        if not line.startswith("cpu"):
            break
        name, *fields = line.split()
        user, nice, system, _, _, irq, softirq = map(int, fields[:7])
        busy[int(name[3:])] = user + nice + system + irq + softirq
    return busy


@contextmanager
def live_packages(root: Path, *packages: tuple[frozenset[int], Callable[[float], float]]) -> Iterator[Path]:
    """Each is its CPUs, and watts by how many of them are busy. The tree is a sysfs for ``--path.sysfs``."""
    zones = [_Package(root, number, *package) for number, package in enumerate(packages)]
    possible = root / "devices/system/cpu/possible"
    possible.write_text(Path("/sys/devices/system/cpu/possible").read_text())
    over = threading.Event()
    second = os.sysconf("SC_CLK_TCK")

    def advance() -> None:
        before, at = _busy_ticks(), time.monotonic()
        while not over.wait(PERIOD):
            busy, now = _busy_ticks(), time.monotonic()
            for zone in zones:
                used = sum(max(0, busy[cpu] - before[cpu]) for cpu in zone.cpus) / second / (now - at)
                zone.joules += zone.watts(min(used, len(zone.cpus))) * (now - at)
                zone.write()
            before, at = busy, now

    thread = threading.Thread(target=advance)
    thread.start()
    try:
        yield root
    finally:
        over.set()
        thread.join()
