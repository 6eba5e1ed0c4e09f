"""The few global numbers of procfs a sample needs: last pid, forks, busy time, memory in use."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct

_PAGE = 4096


class KernelCounters(Struct, frozen=True):
    """``busy_ns`` is the time all CPUs together were not idle since boot; ``last_pid`` the last id handed out.

    ``stolen_ns`` is the time they were ready to run while the hypervisor ran another guest.
    """

    last_pid: int
    forks: int
    busy_ns: int
    used_pages: int
    capacity_pages: int
    stolen_ns: int = 0
    package_busy_ns: Sequence[int] = ()  # busy time of each CPU package, where there are several


class Kernel:
    """Reads PROCFS/{loadavg,stat,meminfo} through descriptors kept open: 30 us a sample."""

    def __init__(self, procfs: str, packages: Mapping[int, frozenset[int]] | None = None) -> None:
        """``packages`` are the CPUs of each package. One package alone is the machine: nothing is added up for it."""
        several = packages if packages is not None and len(packages) > 1 else {}
        self._package_of = {cpu: at for at, cpus in enumerate(several.values()) for cpu in cpus}
        self._packages = len(several)
        self._loadavg = os.open(f"{procfs}/loadavg", os.O_RDONLY | os.O_CLOEXEC)
        self._stat = os.open(f"{procfs}/stat", os.O_RDONLY | os.O_CLOEXEC)
        self._meminfo = os.open(f"{procfs}/meminfo", os.O_RDONLY | os.O_CLOEXEC)
        self._tick = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
        self._page_kib = os.sysconf("SC_PAGE_SIZE") // 1024
        self.pid_max = self._read_pid_max(procfs)
        self._stat_bytes = _PAGE

    @property
    def cpus(self) -> int:
        """CPUs online at this moment."""
        return max(1, self._whole_stat().count(b"\ncpu"))

    @staticmethod
    def _read_pid_max(procfs: str) -> int:
        try:
            return int(Path(procfs, "sys/kernel/pid_max").read_text())
        except (OSError, ValueError):
            return 32768

    def read(self) -> KernelCounters:
        """Raises OSError when procfs went away."""
        stat = self._whole_stat()
        # After the fork count: a fork in between may then only widen the interval of ids to probe.
        last_pid = int(os.pread(self._loadavg, 128, 0).rsplit(None, 1)[1])
        # user nice system (idle iowait) irq softirq; steal is time of other guests.
        cpu = stat[: stat.find(b"\n")].split()
        ticks = int(cpu[1]) + int(cpu[2]) + int(cpu[3]) + int(cpu[6]) + int(cpu[7])
        at = stat.find(b"\nprocesses ") + len(b"\nprocesses ")
        forks = int(stat[at : stat.find(b"\n", at)])
        total, free = self._memory()
        return KernelCounters(
            last_pid=last_pid,
            forks=forks,
            busy_ns=ticks * self._tick,
            used_pages=(total - free) // self._page_kib,
            capacity_pages=total // self._page_kib,
            stolen_ns=int(cpu[8]) * self._tick if len(cpu) > 8 else 0,
            package_busy_ns=self._busy_by_package(stat) if self._packages else (),
        )

    def _busy_by_package(self, stat: bytes) -> Sequence[int]:
        busy = [0] * self._packages
        for line in stat[stat.find(b"\n") + 1 : stat.find(b"\nintr")].split(b"\n"):
            fields = line.split(None, 8)
            at = self._package_of.get(int(fields[0][3:]))
            if at is not None:
                busy[at] += int(fields[1]) + int(fields[2]) + int(fields[3]) + int(fields[6]) + int(fields[7])
        return [ticks * self._tick for ticks in busy]

    def _whole_stat(self) -> bytes:
        """The size of the read buffer. A buffer much longer than the file would be new memory from the system every
        time."""
        while len(text := os.pread(self._stat, self._stat_bytes, 0)) == self._stat_bytes:
            self._stat_bytes *= 2
        return text

    def _memory(self) -> tuple[int, int]:
        """Installed and free memory in KiB."""
        text = os.pread(self._meminfo, 512, 0)
        total = free = 0
        for line in text.split(b"\n", 3)[:3]:
            name, _, rest = line.partition(b":")
            if name == b"MemTotal":
                total = int(rest.split()[0])
            elif name == b"MemFree":
                free = int(rest.split()[0])
        return total, free

    def close(self) -> None:
        """Give the descriptors back."""
        for descriptor in (self._loadavg, self._stat, self._meminfo):
            os.close(descriptor)
