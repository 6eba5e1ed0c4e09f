"""The power of a device is of now: it ends with the device, and that of a slow meter stands until its next reading."""

from __future__ import annotations

from gramwatt_exporter.errors import NotHere, TryAgain
from gramwatt_exporter.log import FieldLogger
from gramwatt_exporter.model import Component, Device, Meter, PowerReading, Sample
from gramwatt_exporter.sensors.sensor_set import SensorSet
from scripted_sensor import J, Scripted
from simulation import SECOND, Machine, rig

ALL: tuple[Component, ...] = ("cpu", "dram", "gpu")
CPU = Device("cpu", "package-0", "rapl", 0.05, max_watts=400.0)
NODE_CPU = Device("cpu", "node-cpu", "cray", 0.05)
MODEL = Device("cpu", "package-0", "estimate", 0.5, 20.0)
GPU = Device("gpu", "GPU-a", "nvml", 0.05)
ACCELERATOR = Device("gpu", "GPU-b", "replay", 0.05)
IPMI = Meter("ipmi", "ipmi", None, ALL, 0.1, 20_000.0)


class Node:
    """A simulated machine with scripted sensors, sampled every 5 s."""

    def __init__(self, *names: str) -> None:
        self.machine = Machine()
        self.sensors = {name: Scripted(name, lambda: self.machine.now_ns) for name in names}
        self.watts: dict[Device, float] = {}
        self.sensor_set = SensorSet(
            list(self.sensors.values()), lambda: self.machine.now_ns, FieldLogger("test")
        )
        self.sampler = rig(self.machine, sensor_set=self.sensor_set).sampler

    def begin(self, **watts: tuple[Device, float]) -> None:
        """Every device counts from 0 with so many watts."""
        for name, (device, power) in watts.items():
            self.sensors[name].microjoules = {device: 0}
            self.watts[device] = power
        self.sensor_set.open()
        self.sampler.sample()

    def pass_time(self, samples: int = 1, seconds: int = 5) -> dict[str, float]:
        for _ in range(samples):
            self.machine.advance(seconds * SECOND)
            for sensor in self.sensors.values():
                for device in sensor.microjoules:
                    assert isinstance(device, Device)
                    sensor.microjoules[device] += round(self.watts[device] * seconds * J)
            self.sampler.sample()
        return self.power()

    def answer(self, name: str, watts: float) -> None:
        """A slow sensor took a reading now, and tells it until it has another."""
        of = IPMI if name == "ipmi" else ACCELERATOR
        self.sensors[name].answer = Sample([PowerReading(of, round(watts * J), self.machine.now_ns)])

    def power(self) -> dict[str, float]:
        devices = self.sampler.freeze().devices
        return {d.name: d.power_microwatts / J for d in devices if d.power_microwatts is not None}


def test_a_device_that_is_gone_has_no_power_any_more() -> None:
    node = Node("rapl", "nvml")
    node.begin(rapl=(CPU, 50), nvml=(GPU, 300))
    assert node.pass_time(3) == {"package-0": 50, "GPU-a": 300}
    node.sensors["nvml"].microjoules = {}
    node.sensors["nvml"].failures = {"GPU-a": "lost"}
    assert node.pass_time() == {"package-0": 50}


def test_a_device_that_another_one_stands_for_now_is_not_in_the_sum_any_more() -> None:
    node = Node("cray", "estimate")
    node.begin(cray=(NODE_CPU, 200), estimate=(MODEL, 150))
    assert node.pass_time(3) == {"node-cpu": 200}
    node.sensors["cray"].reading = node.sensors["cray"].opening = NotHere("gone")
    assert node.pass_time() == {}
    assert node.pass_time(5) == {"package-0": 150}


def test_a_device_that_returns_has_power_again_after_the_gap() -> None:
    node = Node("rapl")
    node.begin(rapl=(CPU, 50))
    assert node.pass_time() == {"package-0": 50}
    node.sensors["rapl"].reading = TryAgain("busy")
    assert node.pass_time() == {}
    node.sensors["rapl"].reading = None
    assert node.pass_time() == {}  # a step of two intervals, of which nobody saw the first
    assert node.pass_time() == {"package-0": 50}


def test_energy_seen_too_late_is_no_power_where_the_processes_could_not_be_read() -> None:
    node = Node("rapl")
    node.begin(rapl=(CPU, 50))
    node.sensors["rapl"].reading = TryAgain("busy")
    node.pass_time(2)
    node.sensors["rapl"].reading = None
    node.machine.advance(5 * SECOND)
    node.sensors["rapl"].microjoules = {CPU: 1000 * J}
    node.sampler.booking.book_missed(node.sensor_set.read(), None)
    assert node.power() == {}


def test_the_power_of_a_slow_meter_stands_until_its_next_reading() -> None:
    node = Node("rapl", "ipmi")
    node.answer("ipmi", 200)
    node.begin(rapl=(CPU, 50))
    node.pass_time()
    for _ in range(5):
        node.pass_time()
        node.answer("ipmi", 200)
        node.pass_time()
        assert node.pass_time().keys() == {"package-0", "ipmi"}
        assert node.power()["package-0"] == 50
        assert abs(node.power()["ipmi"] - 150) <= 50  # one reading's doubt: read a little before or after


def test_a_slow_meter_that_tells_the_same_for_ever_has_no_power_after_a_minute() -> None:
    node = Node("rapl", "ipmi")
    node.answer("ipmi", 200)
    node.begin(rapl=(CPU, 50))
    node.pass_time(2)
    node.answer("ipmi", 200)
    for _ in range(12):
        assert node.pass_time().keys() == {"package-0", "ipmi"}
    assert node.pass_time() == {"package-0": 50}


def test_one_failed_call_does_not_interrupt_the_power_of_a_slow_meter() -> None:
    node = Node("rapl", "ipmi")
    for _ in range(3):
        node.answer("ipmi", 200)
        if not node.watts:
            node.begin(rapl=(CPU, 50))
        node.pass_time(2)
    node.sensors["ipmi"].reading = TryAgain("no answer within 20 s")
    for _ in range(2):
        assert node.pass_time().keys() == {"package-0", "ipmi"}
    node.sensors["ipmi"].reading = None
    node.answer("ipmi", 200)
    assert node.pass_time().keys() == {"package-0", "ipmi"}
    node.sensors["ipmi"].reading = node.sensors["ipmi"].opening = NotHere("driver unloaded")
    assert node.pass_time().keys() == {"package-0", "ipmi"}  # lost, and opened again at once
    assert node.pass_time() == {"package-0": 50}


def test_a_meter_read_every_two_minutes_has_power_all_the_time() -> None:
    node = Node("rapl", "ipmi")
    node.answer("ipmi", 200)
    node.begin(rapl=(CPU, 50))
    for turn in range(4):
        for _ in range(24):
            power = node.pass_time()
            assert turn == 0 or power.keys() == {"package-0", "ipmi"}
        node.answer("ipmi", 200)


def test_the_power_of_a_device_with_a_slow_sensor_stands_too() -> None:
    node = Node("replay")
    node.answer("replay", 100)
    node.begin()
    node.pass_time(2)
    node.answer("replay", 100)
    for _ in range(12):
        assert node.pass_time() == {"GPU-b": 100}
    assert node.pass_time() == {}
