"""Plays a recorded trace of sensor readings: for tests, and for demonstrations on machines without sensors.

A trace is JSON lines, one sample a line, times in seconds since its beginning::

    {"t": 0.0, "readings": [{"component": "gpu", "device": "GPU-a", "uj": 1000, "max_watts": 700}],
     "uses": [{"component": "gpu", "device": "GPU-a", "weights": {"4711": 60}, "holders": [4711]}]}

A reading has ``uj`` (cumulative microjoules, with ``wraps_at`` where it wraps) or ``uw`` (microwatts). A meter has
``meter`` in place of component and device, with ``part_of`` or ``covers``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...errors import Fatal, NotHere
from ...model import COMPONENTS, Device, DeviceUse, EnergyReading, Meter, PowerReading, Reading, Sample


class Replay:
    """Shows the trace's samples at the pace they were recorded; after the last one nothing changes any more.

    Raises NotHere (no such file) and Fatal (a line that is no sample, by its number).
    """

    def __init__(self, file: str, boottime_ns: Callable[[], int], name: str = "replay") -> None:
        self.name = name
        self._file = Path(file)
        self._now = boottime_ns
        self._lines: list[tuple[int, dict[str, Any]]] = []
        self._start_ns = 0
        self._next = 0
        self._sample = Sample()

    def open(self) -> None:
        """Read the whole trace; its clock starts now."""
        try:
            text = self._file.read_text(encoding="utf-8")
        except OSError as error:
            raise NotHere(f"{self._file}: {error.strerror}") from None
        lines: list[tuple[int, dict[str, Any]]] = []
        for number, line in enumerate(text.splitlines(), 1):
            if not line.strip():
                continue
            try:
                entry = json.loads(line)
                lines.append((round(float(entry["t"]) * 1_000_000_000), entry))
                self._decode(entry, 0)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise Fatal(f"{self._file}, line {number}: {error!r}", "record the trace again") from None
        if not lines:
            raise NotHere(f"{self._file} is empty")
        self._lines = sorted(lines, key=lambda item: item[0])
        self._start_ns = self._now()
        self._next = 0
        self._sample = Sample()

    def read(self) -> Sample:
        """The newest sample whose time has come."""
        elapsed = self._now() - self._start_ns
        while self._next < len(self._lines) and self._lines[self._next][0] <= elapsed:
            at, entry = self._lines[self._next]
            self._sample = self._decode(entry, self._start_ns + at)
            self._next += 1
        return self._sample

    def close(self) -> None:
        """Nothing stays open."""

    def _decode(self, entry: dict[str, Any], at_ns: int) -> Sample:
        readings: list[Reading] = []
        devices: dict[tuple[str, str], Device] = {}
        for item in entry.get("readings", ()):
            of: Device | Meter
            if "meter" in item:
                of = Meter(
                    str(item["meter"]), self.name, item.get("part_of"), tuple(item.get("covers", ())),
                    float(item.get("uncertainty_ratio", 0.05)), item.get("max_watts"),
                )  # fmt: skip
            else:
                if item["component"] not in COMPONENTS:
                    raise ValueError(f"component must be one of {', '.join(COMPONENTS)}")
                of = Device(
                    item["component"], str(item["device"]), self.name,
                    float(item.get("uncertainty_ratio", 0.05)), item.get("idle_watts"), item.get("max_watts"),
                )  # fmt: skip
                devices[of.component, of.name] = of
            if "uj" in item:
                readings.append(EnergyReading(of, int(item["uj"]), at_ns, item.get("wraps_at")))
            else:
                readings.append(PowerReading(of, int(item["uw"]), at_ns))
        uses = [
            DeviceUse(
                devices[item["component"], item["device"]],
                {int(pid): int(weight) for pid, weight in item.get("weights", {}).items()},
                frozenset(int(pid) for pid in item.get("holders", ())),
                item.get("method", "utilisation"),
                bool(item.get("quiet", _is_quiet(item))),
            )
            for item in entry.get("uses", ())
        ]
        return Sample(readings, uses)


def _is_quiet(item: dict[str, Any]) -> bool:
    """Of traces without ``quiet``: where utilisation is known and 0."""
    return item.get("method", "utilisation") == "utilisation" and not item.get("weights")


def record(sample: Sample, seconds: float) -> str:
    """One line of a trace from a sample taken so many seconds after its beginning."""
    readings = []
    for reading in sample.readings:
        of = reading.of
        item: dict[str, Any]
        if isinstance(of, Device):
            item = {"component": of.component, "device": of.name, "idle_watts": of.idle_watts}
        else:
            item = {"meter": of.name, "part_of": of.part_of, "covers": list(of.covers)}
        item |= {"uncertainty_ratio": of.uncertainty_ratio, "max_watts": of.max_watts}
        if isinstance(reading, EnergyReading):
            item |= {"uj": reading.microjoules, "wraps_at": reading.wraps_at}
        else:
            item |= {"uw": reading.microwatts}
        readings.append({key: value for key, value in item.items() if value is not None})
    uses = [
        {
            "component": use.device.component,
            "device": use.device.name,
            "weights": {str(pid): weight for pid, weight in use.weights.items()},
            "holders": sorted(use.holders),
            "method": use.method,
            "quiet": use.quiet,
        }
        for use in sample.uses
    ]
    return json.dumps({"t": seconds, "readings": readings, "uses": uses})
