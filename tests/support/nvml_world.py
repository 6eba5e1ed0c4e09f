"""Scenarios of the stand-in for NVIDIA's library, and what to ask of a sample."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from gramwatt_exporter.model import DeviceUse, EnergyReading, PowerReading, Sample
from gramwatt_exporter.sensors.drivers.nvidia.nvml import Nvml
from gramwatt_exporter.sensors.sensor_set import SensorSet

SOURCE = Path(__file__).parents[1] / "fixtures" / "nvml" / "nvml_stand_in.c"
WALL_US = 1_700_000_000_000_000


class World:
    """The scenario file, and sensors that see it."""

    def __init__(self, root: Path, clock: Any) -> None:
        self.file = root / "scenario"
        self.proc = root / "proc"
        self.clock = clock
        self.began = clock.ns
        self.wall = WALL_US

    def set(self, *facts: str) -> None:
        self.file.write_text("\n".join(facts) + "\n")

    def wall_us(self) -> int:
        return WALL_US + int(self.clock.ns - self.began) // 1000

    def sensor(self, opened: bool = True, pids: bool = True, **settings: Any) -> Nvml:
        # Tests may run in a container: then the namespace they are in stands for the machine's first one.
        first = Path("/proc/self/ns/pid").stat().st_ino if pids else 1
        sensor = Nvml(
            "/proc",
            self.clock,
            self.wall_us,
            initial_pid_namespace=first,
            patience_seconds=20,
            background=False,
            **settings,
        )
        if opened:
            sensor.open()
        return sensor


def energies(sample: Sample) -> dict[str, int]:
    return {r.of.name: r.microjoules for r in sample.readings if isinstance(r, EnergyReading)}


def powers(sample: Sample) -> dict[str, int]:
    return {r.of.name: r.microwatts for r in sample.readings if isinstance(r, PowerReading)}


def use_of(sample: Sample, uuid: str = "GPU-a") -> DeviceUse:
    return next(use for use in sample.uses if use.device.name == uuid)


def uses_within(world: World, sensor: Nvml, seconds: float, step: float = 0.5) -> list[DeviceUse]:
    """What the sensor reports of GPU-a in the next seconds: users are known some time after they ran."""
    found = []
    for _ in range(round(seconds / step)):
        world.clock.advance(step)
        found += [use for use in sensor.read().uses if use.device.name == "GPU-a"]
    return found


def weights_within(world: World, sensor: Nvml, seconds: float) -> dict[int, int]:
    """The first weights reported in the next seconds."""
    return next((dict(use.weights) for use in uses_within(world, sensor, seconds) if use.weights), {})


def drawn(before: Sample, after: Sample) -> dict[str, int]:
    """Microjoules of each counter between two samples."""
    former = energies(before)
    return {name: value - former[name] for name, value in energies(after).items() if name in former}


def busy(*rows: str) -> list[str]:
    return [
        "gpu 0 uuid GPU-a",
        "gpu 0 energy_mj 1",
        "gpu 0 compute 10",
        "gpu 0 graphics 11",
        "gpu 0 mps 12",
        *rows,
    ]


ALONE = ("gpu 0 uuid GPU-a", "gpu 0 energy_mj 1", "gpu 0 util_error 3")
MIG = ("gpu 0 uuid GPU-a", "gpu 0 energy_mj 1", "gpu 0 mig", "gpu 0 instance 0 1", "gpu 0 instance 1 3")


def second_use(world: World, first: tuple[str, ...], *facts: str) -> DeviceUse:
    """Of a sensor that saw ``first``, a second later."""
    world.set(*first)
    sensor = world.sensor()
    assert not use_of(sensor.read()).quiet  # what went before the first read is not known
    world.clock.advance(1)
    world.set(*facts)
    return use_of(sensor.read())


def _wait_until_up(sensor_set: SensorSet, clock: Any = None) -> None:
    """The sensor opens on a thread of its own; with a clock, let its pauses between attempts pass."""
    deadline = time.monotonic() + 10
    while not sensor_set.read().sensors[0].up:
        assert time.monotonic() < deadline
        time.sleep(0.005)
        if clock is not None:
            clock.advance(1)
