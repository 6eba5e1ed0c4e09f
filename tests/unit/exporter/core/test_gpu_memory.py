"""Memory of GPUs in use, from what sensors say to /metrics."""

from __future__ import annotations

from dataclasses import dataclass, field

from gramwatt_exporter.config import Config
from gramwatt_exporter.config.schema import Process
from gramwatt_exporter.metrics.exposition import Exposition
from gramwatt_exporter.model import DeviceMemory, MergedSample
from msgspec.structs import replace
from running import parse, select
from simulation import GPU, SECOND, Machine, Meters, Rig, rig

GIB = 2**30


@dataclass
class WithMemory(Meters):
    """Sensors that also say whose the memory is."""

    memory: DeviceMemory = field(default_factory=DeviceMemory)

    def read(self) -> MergedSample:
        self.draw(GPU, 1_000_000, SECOND)
        return replace(super().read(), memory={GPU.name: self.memory})


def text_of(simulated: Rig) -> str:
    simulated.machine.advance(SECOND)
    simulated.sampler.sample()
    exposition = Exposition()
    exposition.publish(simulated.sampler.freeze())
    return (exposition.scrape() or b"").decode()


def test_of_the_gpu_and_of_processes_that_do_not_work() -> None:
    machine, meters = Machine(), WithMemory()
    simulated = rig(machine, sensor_set=meters)
    first = machine.fork(1, command="train")
    second = machine.fork(1, command="forgotten")
    assert first is not None
    assert second is not None
    gone = 99_999
    meters.memory = DeviceMemory(30 * GIB, {first.pid: 4 * GIB, second.pid: 20 * GIB, gone: GIB})
    series = parse(text_of(simulated))
    assert list(select(series, "gramwatt_gpu_memory_used_bytes", device=GPU.name).values()) == [30 * GIB]
    held = {
        dict(labels)["command"]: value
        for labels, value in select(series, "gramwatt_process_gpu_memory_bytes", device=GPU.name).items()
    }
    assert held == {"forgotten": 20 * GIB, "train": 4 * GIB}


def test_no_more_processes_than_may_have_series_the_largest_first() -> None:
    machine, meters = Machine(), WithMemory()
    simulated = rig(machine, Config(process=Process(series=2)), sensor_set=meters)
    pids = [process.pid for _ in range(5) if (process := machine.fork(1, command="train")) is not None]
    meters.memory = DeviceMemory(None, {pid: (1 + index) * GIB for index, pid in enumerate(pids)})
    held = select(parse(text_of(simulated)), "gramwatt_process_gpu_memory_bytes")
    assert sorted(held.values()) == [4 * GIB, 5 * GIB]


def test_not_said_is_no_series() -> None:
    text = text_of(rig(Machine(), sensor_set=WithMemory()))
    assert "gpu_memory_used_bytes{" not in text
    assert "process_gpu_memory_bytes{" not in text
