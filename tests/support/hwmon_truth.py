"""A GPU whose true draw is known, shown by a kernel driver's hwmon files, see gpu_truth.py. Nobody says who uses it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from gpu_truth import GpuTruth, Scenario
from gramwatt_exporter.sensors.drivers.hwmon.hwmon import Hwmon
from gramwatt_exporter.sensors.threads import Repeater
from hwmon_boards import Board, unloaded

ADDRESS = "0000:03:00.0"
PACKAGE_PART = 0.98  # of what the card draws


class Files:
    """A /sys, and the clock that the exporter shall use."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.board = Board(root)
        self.clock: Callable[[], int] = lambda: 0


class HwmonTruth(GpuTruth):
    """``driver`` is amdgpu (power), jetson (volts and amperes of a rail), xe (a counter and its power), xe-pkg (a
    counter, and one of the package, which draws 98 % of it) or i915 (a counter alone)."""

    def __init__(self, driver: str, scenario: Scenario, world: Files, log: Any) -> None:
        self.driver = driver
        self.name = "gpu-0" if driver == "jetson" else ADDRESS
        self._there = False
        super().__init__(scenario, world, log)

    def _sensor(self) -> Any:
        make = partial(Repeater, background=False)
        return Hwmon(str(self.world.root), self.world.clock, repeater=make)

    def _between(self) -> None:
        if self.sensor.between is not None:
            self.sensor.between.count()

    def _write(self) -> None:
        board, scenario = self.world.board, self.scenario
        lost = scenario.lost[0] <= self.t < scenario.lost[1]
        if self._there and lost:
            unloaded(self.sensor, *(channel.of.name for channel in self.sensor._channels))
            board.remove(1)
            self._there = False
        if lost:
            return
        files = self._files()
        if not self._there:
            self._there = True
            if self.driver == "jetson":
                board.chip(1, "ina3221", "1-0040", in1_label="VDD_GPU_SOC", in1_enable=1, **files)
            else:
                status = self.world.root / "devices" / ADDRESS / "power/runtime_status"
                status.parent.mkdir(parents=True, exist_ok=True)
                status.write_text("active\n")
                board.chip(1, self.driver.removesuffix("-pkg"), ADDRESS, **files)
            return
        for name, value in files.items():
            board.write(1, name, value)

    def _files(self) -> dict[str, object]:
        microwatts = round(self.watts * 1_000_000)
        if self.driver == "amdgpu":
            return {"power1_average": microwatts, "power1_cap_max": round(self.scenario.limit_watts * 1e6)}
        if self.driver == "jetson":
            return {"in1_input": 5000, "curr1_input": round(self.watts * 1000 / 5)}
        joules = max(0.0, self.drawn + self.scenario.counter_joules(self.t))
        garbage = next(iter(self.scenario.facts(self.t, 0)), "")
        shown: dict[str, object] = {
            "energy1_input": garbage or round(joules * 1_000_000),
            "power1_rated_max": round(self.scenario.limit_watts * 1e6),
        }
        if self.driver == "xe":
            shown["power1_input"] = microwatts
        if self.driver == "xe-pkg":
            package = round(self.drawn * PACKAGE_PART * 1_000_000)
            shown |= {"energy1_label": "card", "energy2_label": "pkg", "energy2_input": package}
        return shown
