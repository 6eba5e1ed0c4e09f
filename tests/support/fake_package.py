"""CPU packages whose power follows the CPU time of a simulated machine, watched by the exporter's real bookkeeping."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

from gramwatt_exporter.config import Config
from gramwatt_exporter.idle import IdleBook, Learner
from gramwatt_exporter.idle.classes import IdleClass
from gramwatt_exporter.log import FieldLogger
from gramwatt_exporter.model import Device
from gramwatt_exporter.sensors.sensor_set import SensorSet
from scripted_sensor import J, Scripted
from simulation import SECOND, Machine, rig

TICK = 0.01
Curve = Callable[[float], float]
"""Watts by the number of busy CPUs of the package."""


class OneClass:
    """Every CPU package is of this class; None: nothing is known of any."""

    def __init__(self, of: IdleClass | None) -> None:
        self._of = of

    def of(self, device: Device) -> IdleClass | None:
        return self._of if device.component == "cpu" else None


class Watched:
    """A machine with ``cpus`` CPUs in each of its packages. Programs run in one package each and use so many CPUs."""

    def __init__(
        self,
        curves: Mapping[str, Curve],
        cpus: int,
        of: IdleClass | None,
        interval: float = 5.0,
        by_package: bool = False,
    ) -> None:
        self.machine = Machine(cpus=cpus * len(curves))
        self.interval = interval
        self._cpus = cpus
        self._curves = {Device("cpu", name, "rapl", 0.05): curve for name, curve in curves.items()}
        self._busy = [0.0] * len(curves)
        sensor = Scripted("rapl", lambda: self.machine.now_ns)
        sensor.microjoules = dict.fromkeys(self._curves, 0)
        self._sensor = sensor
        sensor_set = SensorSet([sensor], lambda: self.machine.now_ns, FieldLogger("test"))
        sensor_set.open()
        self.idle = IdleBook(OneClass(of), lambda: self.machine.wall)
        packages = {
            number: frozenset(range(number * cpus, number * cpus + cpus)) for number in range(len(curves))
        }
        learner = Learner(self.idle, self.machine.cpus, packages if by_package else None)
        self.sampler = rig(self.machine, Config(), sensor_set, self.idle, learner).sampler
        self._by_package = by_package
        self._running: dict[int, tuple[float, int]] = {}  # pid -> CPUs, package
        self._energy = dict.fromkeys(self._curves, 0.0)
        self.truth: dict[int, float] = {}  # pid -> joules above idle, by its share of the busy CPUs
        self._sample()

    def run(self, cpus: float, package: int = 0) -> int:
        """A program starts; its process id."""
        process = self.machine.fork(1, command=f"load{len(self._running)}")
        assert process is not None
        self._running[process.pid] = (cpus, package)
        self.truth[process.pid] = 0.0
        return process.pid

    def change(self, pid: int, cpus: float) -> None:
        """A program uses so many CPUs from now on."""
        self._running[pid] = (cpus, self._running[pid][1])

    def pass_time(self, seconds: float) -> None:
        """Samples at the interval, and one at the end."""
        left = seconds
        while left > 1e-9:
            step = min(left, self.interval)
            self.advance(step)
            self._sample()
            left -= step

    def advance(self, seconds: float) -> None:
        """Time passes without a sample."""
        for number, (device, curve) in enumerate(self._curves.items()):
            users = {pid: used for pid, (used, where) in self._running.items() if where == number}
            busy = sum(users.values())
            assert busy <= self._cpus
            watts = curve(busy)
            self._energy[device] += watts * seconds
            self._busy[number] += busy * seconds
            for pid, used in users.items():
                self.machine.work(pid, round(used * seconds * SECOND))
                self.truth[pid] += (watts - curve(0)) * seconds * used / busy if busy else 0.0
        self.machine.advance(round(seconds * SECOND))

    def _sample(self) -> None:
        for device, energy in self._energy.items():
            self._sensor.microjoules[device] = round(energy * J)
        if self._by_package:  # by timer ticks, as /proc/stat counts
            self.machine.package_busy_ns = [round(busy / TICK) * round(TICK * SECOND) for busy in self._busy]
        self.sampler.sample()

    def joules(self, pid: int) -> float:
        """What a program has been charged."""
        row = self.sampler.table.find(pid)
        assert row is not None
        return sum(row.microjoules) / J

    def charged(self, pid: int, before: tuple[float, float] = (0.0, 0.0)) -> float:
        """What a program was charged over what is true, since ``before`` (see :meth:`mark`)."""
        return (self.joules(pid) - before[0]) / (self.truth[pid] - before[1])

    def mark(self, pid: int) -> tuple[float, float]:
        """Charged and true joules so far."""
        return self.joules(pid), self.truth[pid]


def line(busy: float) -> float:
    """15 W, and 12.5 W a busy CPU."""
    return 15 + 12.5 * busy


def vary(watched: Watched, pid: int, chance: random.Random, most: float, seconds: int = 60) -> None:
    """A load that changes every few seconds, and never is nothing."""
    left = seconds
    while left > 0:
        step = min(left, chance.randrange(1, 8))
        watched.change(pid, chance.uniform(0.1, 1) * most)
        watched.pass_time(step)
        left -= step
