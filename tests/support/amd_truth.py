"""A GPU whose true draw is known, shown through the stand-in for AMD's library, see gpu_truth.py.

A job with ``rows`` runs on the graphics queue, whose time the driver counts per process. One without runs on ROCm's own
queues, of which only the list of processes is reported. One of kind "game" is not on that list.
"""

from __future__ import annotations

from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from amdsmi_world import ADDRESS, GPU, World
from gpu_truth import GpuTruth, Job, Scenario
from gramwatt_exporter.sensors.drivers.hwmon.hwmon import Hwmon
from gramwatt_exporter.sensors.threads import Repeater
from hwmon_boards import Board
from simulation import SECOND


class AmdTruth(GpuTruth):
    """AMD's library over a scenario."""

    name = ADDRESS

    def __init__(self, scenario: Scenario, world: World, log: Any, call_seconds: float = 0.0) -> None:
        """``call_seconds`` is what a look at the GPU takes by the sensor's own stopwatch."""
        self._stopwatch = count(step=call_seconds)
        self._spent: dict[str, list[float]] = {}
        super().__init__(scenario, world, log)

    def _sensor(self) -> Any:
        make = partial(Repeater, background=False)
        sensor = self.world.sensor(
            opened=False,
            repeater=make,
            awake_ns=self.world.clock,
            stopwatch=lambda: float(next(self._stopwatch)),
        )
        sensor.slow_open = sensor.may_hang = False
        return sensor

    def _pass(self) -> None:
        super()._pass()
        middle = self.t - self.STEP / 2
        for job in self.scenario.jobs:
            if job.works(middle) and job.process is not None:
                spent = self._spent.setdefault(job.command, [0.0, 0.0])
                spent[0] += job.sm / 100 * self.STEP * job.rows
                spent[1] += job.encoder / 100 * self.STEP

    def _write(self) -> None:
        scenario, t = self.scenario, self.t
        facts = [GPU, f"gpu 0 cap {round(scenario.limit_watts * 1_000_000)}"]
        if scenario.counter:
            joules = max(0.0, self.drawn + scenario.counter_joules(t))
            facts.append(f"gpu 0 energy {round(joules * 1_000_000)} 1")
        facts.append(f"gpu 0 current {round(self.watts)}")
        if scenario.lost[0] <= t < scenario.lost[1]:
            facts.append("gpu 0 error 30")
        alive = [job for job in scenario.jobs if job.process is not None and job.lives(t - 1e-6)]
        for job in alive:
            if job.kind != "game":
                facts += self._process(job)
        working = [job for job in alive if job.works(t - 1e-6)]
        gfx = min(100, round(sum(job.sm for job in working)))
        media = max((job.encoder for job in working), default=0)
        facts.append(f"gpu 0 activity {gfx} {gfx // 2} {media}")
        facts += scenario.facts(t, 0)
        self.world.set(*facts)

    def _process(self, job: Job) -> list[str]:
        assert job.process is not None
        stat = self.world.procfs / str(job.process.pid) / "stat"
        if not stat.exists():
            stat.parent.mkdir(parents=True)
            stat.write_text(f"{job.process.pid} ({job.command}) R" + " 0" * 18 + f" {job.process.start} 0\n")
        gfx, enc = self._spent.get(job.command, (0.0, 0.0))
        pid = job.process.pid
        return [f"gpu 0 process {pid} {round(gfx * SECOND)}", f"gpu 0 encoder {pid} {round(enc * SECOND)}"]


class WithHwmon(AmdTruth):
    """The usual pair: hwmon measures the power of amdgpu, AMD's library says who used it."""

    def _sensors(self) -> list[Any]:
        repeater = partial(Repeater, background=False)
        self._hwmon = Hwmon(self.world.sysfs, self.world.clock, repeater=repeater)
        return [self._hwmon, self.sensor]

    def _between(self) -> None:
        assert self._hwmon.between is not None
        self._hwmon.between.count()
        super()._between()

    def _write(self) -> None:
        super()._write()
        board = Board(Path(self.world.sysfs))
        microwatts = round(self.watts * 1_000_000)
        if (board.root / "class/hwmon/hwmon1").is_dir():
            board.write(1, "power1_average", microwatts)
        else:
            board.chip(1, "amdgpu", ADDRESS, power1_average=microwatts)
