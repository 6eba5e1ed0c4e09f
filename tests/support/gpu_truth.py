"""A GPU whose true draw is known, told through the stand-in for NVIDIA's library, and what the exporter books of it.

Time is virtual. True power is the idle draw, a part for open contexts, and a part for work in proportion to the
multiprocessors in use. The energy of each process is the integral of its part: computed here, never asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from gramwatt_exporter.model import COMPONENTS
from gramwatt_exporter.sensors.sensor_set import SensorSet
from gramwatt_exporter.windows.model import OpenRequest, Peer
from nvml_world import World
from simulation import SECOND, Machine, Process, Rig, rig

GPU = COMPONENTS.index("gpu")
US = 1_000_000
TOP_WATTS = 400.0
PEER = Peer(1000, 1000, "alice")


@dataclass
class Job:
    """A process that uses the GPU. Times in seconds, ``sm`` in percent, draws in watts."""

    command: str
    start: float
    end: float
    sm: float = 0.0
    encoder: int = 0
    encoder_watts: float = 0.0
    context_watts: float = 0.0
    bursts: tuple[float, float] | None = None  # works for the first seconds of every so many
    kind: str = "compute"  # which list it is on
    rows: bool = True  # its work is told by rows of its own
    parent: str = ""
    stays: bool = False  # it lives and holds its context beyond its work
    process: Process | None = None

    def works(self, t: float) -> bool:
        """Whether it works at that moment."""
        if not self.start <= t < self.end:
            return False
        return self.bursts is None or (t - self.start) % self.bursts[1] < self.bursts[0]

    def lives(self, t: float) -> bool:
        """Whether it is there."""
        return self.start <= t and (self.stays or t < self.end)


@dataclass
class Scenario:
    """One GPU and its driver."""

    jobs: list[Job]
    seconds: float = 40.0
    interval: float = 1.0
    row_period: float = 1 / 6
    rows_late: float = 0.0
    idle_watts: float = 50.0
    counter: bool = True
    power: bool = True  # and of power
    rows: bool = True  # the driver has rows at all
    mig: bool = False
    forced: float = 0.0  # somebody asks for a sample so often, besides
    stamp_seconds: Callable[[float], float] = lambda _: 0.0  # added to the rows' stamps at that time
    counter_joules: Callable[[float], float] = lambda _: 0.0  # added to the counter at that time
    lost: tuple[float, float] = (0.0, 0.0)
    limit_watts: float = 700.0
    facts: Callable[[float, int], Iterable[str]] = (
        lambda *_: ()
    )  # more lines at that time, with the stamp of now


@dataclass
class Booked:
    """What the exporter said at the end, in joules."""

    device: float
    parts: dict[str, float]
    workloads: dict[str, float]
    idle_watts: float | None
    uncertainty: float
    context: float
    unknown: float = 0.0  # of the window of a process that never uses a GPU
    unknown_of_jobs: float = 0.0  # of a window that holds every job
    rig: Rig | None = None
    log: Any = None


class GpuTruth:
    """Runs a scenario against the sensor, the sensor set and the ledger. A subclass is another maker's driver."""

    STEP = 0.05  # seconds: the truth is constant for so long
    name = "GPU-a"

    def __init__(self, scenario: Scenario, world: Any, log: Any) -> None:
        self.scenario = scenario
        self.world = world
        self.machine = Machine()
        self.t = 0.0
        self.wall_us = round(self.machine.wall * US)
        self.joules = {job.command: 0.0 for job in scenario.jobs}
        self.drawn = 0.0
        self._rows: list[tuple[float, int, float, int]] = []  # (when taken, pid, sm, encoder)
        self._sums: dict[str, list[float]] = {}
        self._period = 0
        self.watts = scenario.idle_watts
        self.with_window = False  # open all the time, of a process that never uses a GPU
        self.with_job_windows = False  # a window that holds every job, open all the time
        self.window = self.job_window = ""
        self.job_parent = 1
        world.clock = lambda: self.machine.now_ns
        self._write()
        self.sensor = self._sensor()
        sensor_set = SensorSet(self._sensors(), world.clock, log)
        sensor_set.open()
        for slot in sensor_set.slots:  # on a busy machine an open takes longer than the exporter waits for it
            slot.await_open(60.0, world.clock())
        self.rig = rig(self.machine, sensor_set=sensor_set)
        self.log = log

    def _sensor(self) -> Any:
        """The sensor under test, not open yet."""
        world: World = self.world
        sensor = world.sensor(opened=False)
        sensor._wall_us = lambda: round(self.machine.wall * US)
        sensor.slow_open = False
        return sensor

    def _sensors(self) -> list[Any]:
        """All that are in use, in order of preference."""
        return [self.sensor]

    def _between(self) -> None:
        """What the sensor does on a thread of its own."""
        self.sensor.count()

    def run(self, each: Callable[[GpuTruth], None] = lambda _: None) -> Booked:
        """Let the time pass; ``each`` is called after every sample."""
        scenario, sampler = self.scenario, self.rig.sampler
        sampler.sample()
        if self.with_window:
            self.window, _ = self._open_window()
        if self.with_job_windows:
            self.job_window, self.job_parent = self._open_window()
        due = {"sample": scenario.interval, "forced": scenario.forced or 1e9, "count": 1.0}
        pause = {"sample": scenario.interval, "forced": scenario.forced or 1e9, "count": 1.0}
        if not scenario.counter:
            due["count"] = pause["count"] = 0.1
        for _ in range(round(scenario.seconds / self.STEP)):
            self._pass()
            ripe = [what for what, at in due.items() if self.t >= at - 1e-9]
            if not ripe:
                continue
            self._write()
            for what in ripe:
                due[what] += pause[what]
            if "count" in ripe:
                self._between()
            if "sample" in ripe or "forced" in ripe:
                sampler.sample()
                each(self)
        return self._booked()

    # --- the truth

    def _pass(self) -> None:
        """One step of the truth."""
        middle = self.t + self.STEP / 2
        alive = [job for job in self.scenario.jobs if job.start <= middle < job.end or job.lives(middle)]
        for job in self.scenario.jobs:
            if job in alive and job.process is None:
                parent = next(
                    (j.process.pid for j in self.scenario.jobs if j.command == job.parent and j.process),
                    self.job_parent,
                )
                job.process = self.machine.fork(parent, command=job.command)
            elif job not in alive and job.process is not None and job.process.pid in self.machine.processes:
                self.machine.exit(job.process.pid)
        working = [job for job in alive if job.works(middle)]
        total = sum(job.sm for job in working)
        watts = self.scenario.idle_watts
        for job in alive:
            watts += job.context_watts
            self.joules[job.command] += job.context_watts * self.STEP
        dynamic = (TOP_WATTS - self.scenario.idle_watts) * min(total, 100.0) / 100
        for job in working:
            own = (dynamic * job.sm / total if total else 0.0) + job.encoder_watts
            self.joules[job.command] += own * self.STEP
            watts += job.encoder_watts
            sums = self._sums.setdefault(job.command, [0.0, 0.0])
            sums[0] += job.sm * self.STEP
            sums[1] += job.encoder * self.STEP
        self.watts = watts + dynamic
        self.drawn += self.watts * self.STEP
        self.t = round(self.t + self.STEP, 6)
        self.machine.advance(round(self.STEP * SECOND))
        period = int(self.t / self.scenario.row_period + 1e-6)
        if period > self._period:
            self._end_period(period)

    def _end_period(self, period: int) -> None:
        length = (period - self._period) * self.scenario.row_period
        self._period = period
        for job in self.scenario.jobs:
            sm, encoder = self._sums.pop(job.command, (0.0, 0.0))
            if (sm or encoder) and job.process is not None and job.rows:
                at = period * self.scenario.row_period
                self._rows.append((at, job.process.pid, sm / length, round(encoder / length)))
        self._rows = self._rows[-500:]

    # --- what the driver says

    def _write(self) -> None:
        scenario, t = self.scenario, self.t
        facts = ["gpu 0 uuid GPU-a", f"gpu 0 limit_mw {round(scenario.limit_watts * 1000)}"]
        if scenario.counter:
            facts.append(f"gpu 0 energy_mj {round((self.drawn + scenario.counter_joules(t)) * 1000)}")
        if scenario.power:
            facts.append(f"gpu 0 power_mw {round(self.watts * 1000)}")
        if scenario.lost[0] <= t < scenario.lost[1]:
            facts.append("gpu 0 error 15")
        alive = [job for job in scenario.jobs if job.process is not None and job.lives(t - 1e-6)]
        if not scenario.rows:
            facts.append("gpu 0 util_error 3")
        else:
            facts.append(f"gpu 0 mean_us {round(scenario.row_period * US)}")
            for at, pid, sm, encoder in self._rows:
                if t - 16 < at <= t - scenario.rows_late:
                    stamp = self.wall_us + round((at + scenario.stamp_seconds(at)) * US)
                    facts.append(f"gpu 0 util {pid} {stamp} {round(sm)} {encoder}")
        if scenario.mig:
            facts += ["gpu 0 mig", "gpu 0 instance 0 3", "gpu 0 instance 1 4"]
            facts += [f"gpu 0 holder 0 {job.process.pid}" for job in alive if job.process]
        facts += [f"gpu 0 {job.kind} {job.process.pid}" for job in alive if job.process]
        working = [job for job in alive if job.works(t - 1e-6)]
        sm, encoder = (
            min(100, round(sum(j.sm for j in working))),
            max((j.encoder for j in working), default=0),
        )
        facts.append(f"gpu 0 gauge {sm} 0 {encoder}")
        facts += scenario.facts(t, self.wall_us + round(t * US))
        self.world.set(*facts)

    def _booked(self) -> Booked:
        sampler = self.rig.sampler
        account = sampler.accounts.devices["gpu", self.name]
        idle, _ = sampler.baseline.of(account.device)
        names = ("idle", "live", "exited", "unattributed")
        parts = {name: uj / 1e6 for name, uj in zip(names, account.partition, strict=True)}
        assert sum(account.partition) == sum(account.microjoules.values())
        workloads: dict[str, float] = {}
        for key, workload in sampler.accounts.workloads.items():
            workloads[key.name] = workloads.get(key.name, 0.0) + workload.microjoules[GPU] / 1e6
        return Booked(
            sum(account.microjoules.values()) / 1e6,
            parts,
            workloads,
            None if idle is None else idle / 1e6,
            account.device.uncertainty_ratio,
            account.context / 1e6,
            unknown=self._unknown(self.window),
            unknown_of_jobs=self._unknown(self.job_window),
            rig=self.rig,
            log=self.log,
        )

    def _open_window(self) -> tuple[str, int]:
        """A window of a new process and its descendants, and that process."""
        sampler = self.rig.sampler
        other = self.machine.fork(1, command="other")
        assert other is not None
        sampler.sample()
        row = sampler.table.find(other.pid)
        assert row is not None
        window = sampler.windows.open(OpenRequest(name="w", phase="training", pid=other.pid), PEER).id
        sampler.windows.add_process(window, (other.pid, row.identity.start))
        sampler.membership.attach(window, row)
        return window, other.pid

    def _unknown(self, window: str) -> float:
        """Joules of unknown owner that the window may have used."""
        if not window:
            return 0.0
        book = self.rig.sampler.windows
        return book.view(book.get(window)).unknown_microjoules.get("gpu", 0) / 1e6


def report(sensor: str, name: str, truth: GpuTruth, booked: Booked) -> None:
    """One row of the tables in docs/sensors.md; pytest -rP shows them."""
    true, known = sum(truth.joules.values()), sum(booked.workloads.values())
    unknown = max(booked.unknown, booked.unknown_of_jobs)
    error = f"{(known / true - 1) * 100:+.1f} %" if true else "-"
    print(f"| {sensor} | {name} | {true:.0f} | {known:.0f} | {error} | {unknown:.0f} |")
