"""A window that ends while a GPU's energy waits for its users ends in time and is closed when they are known."""

from __future__ import annotations

import pytest
from gramwatt_exporter.model import Device, DeviceUse, EnergyStep, MergedSample
from gramwatt_exporter.windows import OpenRequest, Peer
from gramwatt_exporter.windows.settling import LONGEST_NS
from simulation import SECOND, Machine, Rig, rig

GPU = Device("gpu", "GPU-a", "nvml", 0.05)
PEER = Peer(1000, 4711, "alice")


class _SensorSet:
    def __init__(self) -> None:
        self.steps: list[EnergyStep] = []
        self.uses: list[DeviceUse] = []
        self.known_until: dict[str, int] = {}

    def read(self) -> MergedSample:
        steps, self.steps = self.steps, []
        uses, self.uses = self.uses, []
        return MergedSample(steps, (), uses, (), waiting=(GPU,), known_until=dict(self.known_until))


def _open(simulated: Rig, pid: int) -> str:
    sampler = simulated.sampler
    window = sampler.windows.open(OpenRequest(name="w", phase="training"), PEER)
    row = sampler.table.find(pid)
    assert row is not None
    sampler.windows.add_process(window.id, (row.identity.pid, row.identity.start))
    sampler.membership.attach(window.id, row)
    return window.id


@pytest.fixture
def started() -> tuple[Machine, _SensorSet, Rig, str, int]:
    machine, sensor_set = Machine(), _SensorSet()
    simulated = rig(machine, sensor_set=sensor_set)
    process = machine.fork(1, command="train")
    assert process is not None
    machine.advance(SECOND)
    simulated.sampler.sample()
    window = _open(simulated, process.pid)
    sensor_set.known_until = {"GPU-a": machine.now_ns}
    sensor_set.steps = [EnergyStep(GPU, 10, SECOND)]
    sensor_set.uses = [DeviceUse(GPU, {process.pid: 1}, frozenset({process.pid}), "utilisation")]
    machine.advance(2 * SECOND)
    simulated.sampler.sample()
    return machine, sensor_set, simulated, window, process.pid


def test_energy_that_comes_after_the_end_is_in_the_window(
    started: tuple[Machine, _SensorSet, Rig, str, int],
) -> None:
    machine, sensor_set, simulated, window_id, pid = started
    sampler = simulated.sampler
    ended = machine.now_ns
    machine.exit(pid)
    assert not sampler.end_window(window_id, "stop")
    machine.advance(SECOND // 2)
    sensor_set.steps = [EnergyStep(GPU, 1000, SECOND)]
    sensor_set.uses = [DeviceUse(GPU, {pid: 1}, frozenset({pid}), "utilisation")]
    sensor_set.known_until = {"GPU-a": ended}
    sampler.sample()  # its processes are gone: it is closed as soon as its energy is there
    window = sampler.windows.get(window_id)
    assert not window.is_open
    assert window.microjoules == {"gpu": 1010}
    assert window.nanoseconds == ended - window.start_ns
    assert window.unknown_microjoules == {}


def test_a_window_waits_for_a_bounded_time_and_says_what_may_be_missing(
    started: tuple[Machine, _SensorSet, Rig, str, int],
) -> None:
    machine, _, simulated, window_id, _ = started
    sampler = simulated.sampler
    assert not sampler.end_window(window_id, "stop")
    machine.advance(LONGEST_NS)
    sampler.sample()
    assert sampler.end_window(window_id, "stop")
    # Two seconds are not known, and the GPU never drew more than 10 uJ a second.
    assert sampler.windows.get(window_id).unknown_microjoules == {"gpu": 20}
    assert sampler.windows.view(sampler.windows.get(window_id)).unknown_microjoules == {"gpu": 20}


def test_nothing_waits_where_all_is_known(started: tuple[Machine, _SensorSet, Rig, str, int]) -> None:
    _, sensor_set, simulated, window_id, _ = started
    sensor_set.known_until = {}
    simulated.sampler.sample()
    assert simulated.sampler.end_window(window_id, "stop")
