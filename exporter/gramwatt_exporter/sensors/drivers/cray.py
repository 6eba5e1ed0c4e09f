"""HPE Cray EX and XC power counters of a node: /sys/cray/pm_counters, ten updates a second, in joules.

A file holds a value, its unit and, on EX, the time of its measurement: ``31543 J 1650000000000000 us``.
https://cray-hpe.github.io/docs-csm/en-15/operations/power_management/user_access_to_compute_node_power_data
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec import Struct

from ...errors import Denied, NotHere, TryAgain
from ...model import Component, Device, EnergyReading, Meter, PowerReading, Reading, Sample
from ..failures import nothing_readable
from ..standing_still import CounterCheck

# HPE states no figure: taken as for other hardware counters. The node's energy includes conversion losses on its board.
UNCERTAINTY_RATIO = 0.05
# The counters' own update, at 10 Hz, is shown by `freshness`; a value that stays this long is stale.
STALE_NS = 5_000_000_000
MAX_WATTS = 5000.0

_JOULES = re.compile(rb"^\s*(\d+)\s*J\b")
_WATTS = re.compile(rb"^\s*(\d+)\s*W\b")
_CPU = re.compile(r"^cpu(\d*)_energy$")
_MEMORY = re.compile(r"^(?:memory|mem)(\d*)_energy$")
_ACCELERATOR = re.compile(r"^accel(\d+)_energy$")
_PART = re.compile(r"^([a-z][a-z0-9_]*)_energy$")


class _Counter(Struct):
    path: Path
    of: Device | Meter
    power: Path  # the same thing's power
    check: CounterCheck
    counts: bool = True  # a counter that its power refutes gives way to it


class Cray:
    """The node's energy as a meter around it, CPU and memory as devices, accelerators and the rest as meters within.

    Accelerators are no devices here: their own sensors (nvml, amdsmi, hwmon) know which GPU they are. After a restart
    of the node's controller (``startup``) the counters begin at 0: a step backwards, which is not booked. A new power
    cap (``generation``) does not touch them.
    Raises NotHere, Denied, TryAgain (nothing readable, or the counters have stopped).
    """

    name = "cray"

    def __init__(self, sysfs: str, boottime_ns: Callable[[], int]) -> None:
        self._root = Path(sysfs) / "cray" / "pm_counters"
        self._now = boottime_ns
        self._counters: list[_Counter] = []
        # freshness and the counters as they were seen last, and when that was new
        self._freshness: tuple[tuple[bytes, list[int]], int] | None = None
        self.notes: list[str] = []

    def open(self) -> None:
        """Find the counters. What was known of their freshness stays: opening sets no stopped counter going."""
        try:
            names = sorted(entry.name for entry in self._root.iterdir())
        except FileNotFoundError:
            raise NotHere(f"{self._root} does not exist") from None
        except PermissionError:
            raise Denied(f"no permission to list {self._root}", "let the exporter's user read it") from None
        nouns = {name: noun for name in names if (noun := self._noun(name, names)) is not None}
        known = {counter.path.name: counter for counter in self._counters}
        self._counters = [
            _Counter(self._root / name, of, self._root / name.replace("energy", "power"), CounterCheck())
            for name, of in nouns.items()
        ]
        for counter in self._counters:
            before = known.get(counter.path.name)
            counter.counts = before is None or before.counts
        if not self._counters:
            raise NotHere(f"no energy counter under {self._root}")

    def _noun(self, name: str, names: Sequence[str]) -> Device | Meter | None:
        """What a file counts; None for none, or for a part of what another file counts."""
        if name == "energy":
            return Meter("node", self.name, None, ("cpu", "dram", "gpu"), UNCERTAINTY_RATIO, 2 * MAX_WATTS)
        cpu, memory, accelerator = _CPU.match(name), _MEMORY.match(name), _ACCELERATOR.match(name)
        if cpu is not None:
            return self._device("cpu", "node-cpu", cpu[1], "cpu_energy" in names)
        if memory is not None:
            return self._device("dram", "node-memory", memory[1], "memory_energy" in names)
        if accelerator is not None:
            return self._part(f"accel-{accelerator[1]}")
        part = _PART.match(name)
        return None if part is None else self._part(part[1].replace("_", "-"))

    def _device(self, component: Component, name: str, number: str, whole: bool) -> Device | Meter:
        """CPU or memory; those with a number are parts where there is a file of all of them."""
        if number and whole:
            return self._part(f"{name.removeprefix('node-')}-{number}")
        suffix = f"-{number}" if number else ""
        return Device(component, f"{name}{suffix}", self.name, UNCERTAINTY_RATIO, None, MAX_WATTS)

    def _part(self, name: str) -> Meter:
        return Meter(name, self.name, "node", (), UNCERTAINTY_RATIO, MAX_WATTS)

    def read(self) -> Sample:
        """One reading per counter."""
        shown: list[tuple[_Counter, int]] = []
        failures: dict[str, str] = {}
        for counter in self._counters:
            try:
                shown.append((counter, self._value(counter)))
            except OSError as error:
                failures[counter.of.name] = "denied" if isinstance(error, PermissionError) else "lost"
            except ValueError:
                failures[counter.of.name] = "garbage"
        if not shown:
            raise nothing_readable("counter", self._root, failures)
        self._check_freshness([value for counter, value in shown if counter.counts])
        return Sample([self._reading(counter, value) for counter, value in shown], failures=failures)

    def close(self) -> None:
        """Nothing stays open."""

    @staticmethod
    def _value(counter: _Counter) -> int:
        """Microjoules, or microwatts of one whose power is read instead. Raises OSError, ValueError."""
        pattern, path = (_JOULES, counter.path) if counter.counts else (_WATTS, counter.power)
        return _number(pattern, path) * 1_000_000

    def _reading(self, counter: _Counter, value: int) -> Reading:
        now = self._now()
        if not counter.counts:
            return PowerReading(counter.of, value, now)
        self._judge(counter, value, now)
        return EnergyReading(counter.of, value, now)

    def _judge(self, counter: _Counter, microjoules: int, at_ns: int) -> None:
        """Leave a counter for the power beside it where that says that it does not count."""
        if not counter.check.wants_power(microjoules, at_ns):
            return
        try:
            power = _number(_WATTS, counter.power) * 1_000_000
        except (OSError, ValueError):
            return
        against = counter.check.refuted_by(power)
        if against:
            counter.counts = False
            self.notes.append(f"{counter.of.name}: {against}: measured by power from now on")

    def _check_freshness(self, shown: list[int]) -> None:
        """Raises TryAgain where nothing has moved for a while: neither ``freshness`` nor any counter."""
        try:
            text = (self._root / "freshness").read_bytes()
        except OSError:
            return
        now, seen = self._now(), (text, shown)
        if self._freshness is None or self._freshness[0] != seen:
            self._freshness = (seen, now)
        elif now - self._freshness[1] >= STALE_NS:
            raise TryAgain(
                f"the counters under {self._root} have stopped:"
                f" freshness stays {text.decode(errors='replace').strip()}"
            )


def _number(pattern: re.Pattern[bytes], path: Path) -> int:
    match = pattern.match(path.read_bytes())
    if match is None:
        raise ValueError(f"{path} shows no figure")
    return int(match[1])
