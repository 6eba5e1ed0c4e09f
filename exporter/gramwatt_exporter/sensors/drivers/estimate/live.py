"""What the kernel shows of a CPU's state beside its load: frequency against the base one, time in deep sleep states.

Both correct the curve of a class, which was measured with a usual governor and all sleep states. Only two CPUs of a
package are looked at, and only every few seconds: a file per CPU and sample would cost more than all other sensors.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

SECONDS = 5.0  # between two looks
CPUS_EACH = 2
# Dynamic power goes with frequency times voltage squared; over the upper half of a CPU's frequencies that is about the
# square (E3-1240 v2: 49 W at 3.6 GHz, 14 W at 1.8 GHz and the same share of busy CPUs).
_POWER = 2.0
# With low load the clock of idle cores says nothing: the frequency counts from here on, and fully from there on.
_FROM, _FULLY = 0.3, 0.7
# A package that may not sleep deeper than C1 draws about so much more of its span when it is idle.
_AWAKE_SHARE = 0.25
_IDLE_LOAD = 0.1
_SHALLOW = ("POLL", "C1", "C1E", "C1_ACPI", "C1E_ACPI", "WFI")


class LiveInputs:
    """Of all packages; everything may be missing. ``packages`` are CPU numbers by package."""

    def __init__(
        self,
        sysfs: Path,
        packages: Mapping[int, Iterable[int]],
        base_mhz: float | None,
        seconds: float = SECONDS,
    ) -> None:
        self._cpus = sysfs / "devices/system/cpu"
        self._base_khz = base_mhz * 1000 if base_mhz else None
        self._period_ns = round(seconds * 1e9)
        self._looked_ns: int | None = None
        self._packages = [
            _Package(self._cpus, sorted(members)[:: max(1, len(list(members)) // CPUS_EACH)][:CPUS_EACH])
            for members in packages.values()
        ]
        self.seen = any(package.files for package in self._packages)

    def look(self, now_ns: int) -> None:
        """Read again, if it is time."""
        if not self.seen or (self._looked_ns is not None and now_ns - self._looked_ns < self._period_ns):
            return
        elapsed = now_ns - self._looked_ns if self._looked_ns is not None else 0
        self._looked_ns = now_ns
        for package in self._packages:
            package.look(elapsed)

    def dynamic_factor(self, place: int, load: float) -> float:
        """By how much the part above idle is to be multiplied: below 1 where the CPU runs below its base frequency."""
        khz = self._packages[place].khz
        if not khz or not self._base_khz or load <= _FROM:
            return 1.0
        weight = min(1.0, (load - _FROM) / (_FULLY - _FROM))
        return float(min(1.0, khz / self._base_khz) ** (_POWER * weight))

    def awake_share(self, place: int, load: float) -> float:
        """Of the span from idle to full, what an idle package draws more because it does not sleep deeply."""
        deep = self._packages[place].deep_share
        if deep is None or load >= _IDLE_LOAD:
            return 0.0
        return _AWAKE_SHARE * max(0.0, 1 - deep / max(1e-9, 1 - load)) * (1 - load / _IDLE_LOAD)

    def close(self) -> None:
        """Close all files."""
        for package in self._packages:
            package.close()


class _Package:
    def __init__(self, folder: Path, cpus: Sequence[int]) -> None:
        self.khz: float | None = None
        self.deep_share: float | None = None  # of the time, in sleep states below C1
        self._frequencies: list[int] = []
        self._deep: list[int] = []
        self._sleeps = 0  # CPUs whose sleep states are shown
        self._deep_us: int | None = None
        for cpu in cpus:
            self._frequencies += _opened(folder / f"cpu{cpu}" / "cpufreq/scaling_cur_freq")
            states = sorted((folder / f"cpu{cpu}" / "cpuidle").glob("state*"))
            self._sleeps += bool(states)
            for state in states:
                if _text(state / "name") not in _SHALLOW and _text(state / "disable") != "1":
                    self._deep += _opened(state / "time")

    @property
    def files(self) -> bool:
        return bool(self._frequencies or self._sleeps)

    def look(self, elapsed_ns: int) -> None:
        values = [value for value in map(_read, self._frequencies) if value]
        self.khz = max(values) if values else None
        if not self._sleeps:
            return
        deep = sum(map(_read, self._deep))
        if self._deep_us is not None and elapsed_ns > 0:
            share = (deep - self._deep_us) * 1000 / (elapsed_ns * self._sleeps)
            self.deep_share = min(1.0, max(0.0, share))
        self._deep_us = deep

    def close(self) -> None:
        for file in (*self._frequencies, *self._deep):
            os.close(file)
        self._frequencies, self._deep = [], []


def _opened(path: Path) -> list[int]:
    with suppress(OSError):
        return [os.open(path, os.O_RDONLY | os.O_CLOEXEC)]
    return []


def _read(file: int) -> int:
    with suppress(OSError, ValueError):
        return int(os.pread(file, 32, 0))
    return 0


def _text(path: Path) -> str:
    with suppress(OSError):
        return path.read_text().strip()
    return ""
