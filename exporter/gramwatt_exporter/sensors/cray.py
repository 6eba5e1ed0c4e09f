"""HPE Cray EX and XC power counters of a node: /sys/cray/pm_counters, ten updates a second, in joules.

A file holds a value, its unit and, on EX, the time of its measurement: ``31543 J 1650000000000000 us``.
https://cray-hpe.github.io/docs-csm/en-15/operations/power_management/user_access_to_compute_node_power_data
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from ..errors import Denied, NotHere, TryAgain
from ..model import Device, EnergyReading, Meter, Sample

# HPE states no figure: taken as for other hardware counters. The node's energy includes conversion losses on its board.
UNCERTAINTY_RATIO = 0.05
# The counters' own update, at 10 Hz, is shown by `freshness`; a value that stays this long is stale.
STALE_NS = 5_000_000_000
MAX_WATTS = 5000.0

_VALUE = re.compile(rb"^\s*(\d+)\s*J\b")
_ACCELERATOR = re.compile(r"^accel(\d+)_energy$")


class Cray:
    """The node's energy as a meter around it, CPU and memory as devices, accelerators as meters within.

    Accelerators are no devices here: their own sensors (nvml, amdsmi, hwmon) know which GPU they are.
    Raises NotHere, Denied, TryAgain (nothing readable, or the counters have stopped).
    """

    name = "cray"

    def __init__(self, sysfs: str, boottime_ns: Callable[[], int]) -> None:
        self._root = Path(sysfs) / "cray" / "pm_counters"
        self._now = boottime_ns
        self._counters: list[tuple[Path, Device | Meter]] = []
        self._freshness: tuple[bytes, int] | None = None  # the last one seen, and when it was new

    def open(self) -> None:
        """Find the counters. What was known of their freshness stays: opening sets no stopped counter going."""
        try:
            names = sorted(entry.name for entry in self._root.iterdir())
        except FileNotFoundError:
            raise NotHere(f"{self._root} does not exist") from None
        except PermissionError:
            raise Denied(f"no permission to list {self._root}", "let the exporter's user read it") from None
        self._counters = []
        for name in names:
            of: Device | Meter
            accelerator = _ACCELERATOR.match(name)
            if name == "energy":
                of = Meter("node", self.name, None, ("cpu", "dram", "gpu"), UNCERTAINTY_RATIO, 2 * MAX_WATTS)
            elif name == "cpu_energy":
                of = Device("cpu", "node-cpu", self.name, UNCERTAINTY_RATIO, None, MAX_WATTS)
            elif name == "memory_energy":
                of = Device("dram", "node-memory", self.name, UNCERTAINTY_RATIO, None, MAX_WATTS)
            elif accelerator is not None:
                of = Meter(f"accel-{accelerator[1]}", self.name, "node", (), UNCERTAINTY_RATIO, MAX_WATTS)
            else:
                continue
            self._counters.append((self._root / name, of))
        if not self._counters:
            raise NotHere(f"no energy counter under {self._root}")

    def read(self) -> Sample:
        """One EnergyReading per counter."""
        self._check_freshness()
        readings = []
        failures: dict[str, str] = {}
        for path, of in self._counters:
            try:
                match = _VALUE.match(path.read_bytes())
            except OSError as error:
                failures[of.name] = "denied" if isinstance(error, PermissionError) else "lost"
                continue
            if match is None:
                failures[of.name] = "garbage"
                continue
            readings.append(EnergyReading(of, int(match[1]) * 1_000_000, self._now()))
        if not readings:
            raise TryAgain(f"no counter under {self._root} can be read: {failures}")
        return Sample(readings, failures=failures)

    def close(self) -> None:
        """Nothing stays open."""

    def _check_freshness(self) -> None:
        try:
            text = (self._root / "freshness").read_bytes()
        except OSError:
            return
        now = self._now()
        if self._freshness is None or self._freshness[0] != text:
            self._freshness = (text, now)
        elif now - self._freshness[1] >= STALE_NS:
            raise TryAgain(
                f"the counters under {self._root} have stopped: freshness stays {text.decode().strip()}"
            )
