"""Scenarios of the stand-in for AMD's library, and what to ask of a sample."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from gramwatt_exporter.model import COMPONENTS, DeviceUse, Reading
from gramwatt_exporter.sensors.drivers.amd.amdsmi import AmdSmi
from gramwatt_exporter.sensors.sensor_set import SensorSet
from simulation import SECOND, Machine, rig

ADDRESS, OTHER = "0000:03:00.0", "0000:c4:00.1"
GPU = f"gpu 0 bdf {ADDRESS}"
BUSY, NO_PERMISSION = 30, 10  # amdsmi_status_t
UNKNOWN_32, UNKNOWN_64 = 2**32 - 1, 2**64 - 1


class World:
    """The scenario file, and sensors that see it."""

    def __init__(self, file: Path, clock: Any) -> None:
        self.file = file
        self.clock = clock
        self.sysfs = str(file.parent / "sys")
        self.procfs = file.parent / "proc"
        (self.procfs / "1/fdinfo").mkdir(parents=True)  # which root may list
        (self.procfs / "self/ns").mkdir(parents=True)
        (self.procfs / "self/ns/pid").touch()
        self.pid_namespace = (self.procfs / "self/ns/pid").stat().st_ino

    def set(self, *facts: str) -> None:
        self.file.write_bytes("".join(f"{fact}\n" for fact in facts).encode("utf-8", "surrogateescape"))

    def sensor(self, opened: bool = True, **settings: Any) -> AmdSmi:
        settings = {"procfs": str(self.procfs), "initial_pid_namespace": self.pid_namespace, **settings}
        sensor = AmdSmi(self.sysfs, self.clock, **settings)
        if opened:
            sensor.open()
        return sensor


def forget_package() -> None:
    """The next sensor imports it anew, from the library of its own environment."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "amdsmi"]:
        del sys.modules[name]


def only(sensor: AmdSmi) -> Reading:
    (reading,) = sensor.read().readings
    return reading


OLD_PACKAGE = f"""
class AmdSmiException(Exception): pass
def amdsmi_init(): pass
def amdsmi_shut_down(): pass
def amdsmi_get_processor_handles(): return [1]
def amdsmi_get_gpu_device_bdf(handle): return "{ADDRESS}"
def amdsmi_get_energy_count(handle): return {{"power": 1000, "counter_resolution": 15.3, "timestamp": 0}}
def amdsmi_get_power_info(handle): return {{"average_socket_power": 95}}
def amdsmi_get_power_cap_info(handle): return {{"max_power_cap": 300000000}}
def amdsmi_get_gpu_process_list(handle): return []
"""


def use_after(world: World, sensor: AmdSmi, *processes: tuple[int, int], also: str = "") -> DeviceUse:
    """One second later. ``processes``: (PID, nanoseconds on the graphics engine since they began)."""
    world.clock.advance(1)
    world.set(
        GPU, "gpu 0 energy 1 1", also, *(f"gpu 0 process {pid} {spent}" for pid, spent in processes)
    )  # fmt: skip
    (use,) = sensor.read().uses
    return use


def seen(use: DeviceUse) -> tuple[str, dict[int, int]]:
    assert use.quiet == ((use.method, dict(use.weights)) == QUIET)
    return use.method, dict(use.weights)


QUIET: tuple[str, dict[int, int]] = ("utilisation", {})  # nobody used it: what it draws is its idle draw
UNCLEAR: tuple[str, dict[int, int]] = ("none", {})


class Desk:
    """The GPU above in a simulated machine, with the exporter's real sensor set and bookkeeping."""

    def __init__(self, world: World, log: Any) -> None:
        self.world = world
        self.machine = Machine()
        world.clock = lambda: self.machine.now_ns
        world.set(GPU, "gpu 0 energy 0 1", "gpu 0 current 15")
        self.joules = 0
        sensor = world.sensor()
        sensor.slow_open = sensor.may_hang = False  # no threads
        sensor_set = SensorSet([sensor], world.clock, log)
        sensor_set.open()
        self.sampler = rig(self.machine, sensor_set=sensor_set).sampler
        self.sampler.sample()

    def start(self, command: str) -> int:
        process = self.machine.fork(1, command=command)
        assert process is not None
        return process.pid

    def pass_time(self, watts: int, *processes: tuple[int, int]) -> None:
        """Five seconds."""
        self.machine.advance(5 * SECOND)
        self.joules += 5 * watts
        self.world.set(
            GPU, f"gpu 0 energy {self.joules * 1_000_000} 1", f"gpu 0 current {watts}",
            *(f"gpu 0 process {pid} {spent}" for pid, spent in processes),
        )  # fmt: skip
        self.sampler.sample()

    def joules_of(self, pid: int) -> float:
        row = self.sampler.table.find(pid)
        assert row is not None
        return row.microjoules[COMPONENTS.index("gpu")] / 1_000_000

    def idle_watts(self) -> float | None:
        ((_, device),) = [(key, account.device) for key, account in self.sampler.accounts.devices.items()]
        microwatts, _ = self.sampler.baseline.of(device)
        return None if microwatts is None else microwatts / 1_000_000


APU = "0000:0a:00.0"  # in the tree gpus, beside the card at ADDRESS
