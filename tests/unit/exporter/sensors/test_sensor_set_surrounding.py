"""Which meter around the machine makes "other", when it goes away, and who then takes its place."""

from __future__ import annotations

import json
from typing import Any

import pytest
from gramwatt_exporter.errors import NotHere, TryAgain
from gramwatt_exporter.model import Component, Device, Meter
from gramwatt_exporter.sensors.disabled import Disabled
from gramwatt_exporter.sensors.sensor_set import SensorSet
from scripted_sensor import J, Scripted, booked, cpu

ALL: tuple[Component, ...] = ("cpu", "dram", "gpu")
PSYS = Meter("psys", "rapl", None, ALL, 0.1, 4000.0)
IPMI = Meter("ipmi", "ipmi", None, ALL, 0.1, 20_000.0)


class Node:
    """A CPU at 50 W in a machine at 200 W by psys and at 80 W by the management controller, which sees less of it."""

    def __init__(self, clock: Any) -> None:
        self.clock = clock
        self.rapl = Scripted("rapl", clock)
        self.ipmi = Scripted("ipmi", clock)
        self.estimate = Scripted("estimate", clock)
        self.rapl.microjoules = {cpu("rapl"): 0, PSYS: 0}
        self.ipmi.power = {IPMI: 80 * J}
        self.estimate.microjoules = {cpu("estimate"): 0}

    def other(self, sensor_set: SensorSet, seconds: int) -> dict[str, int]:
        """Joules of "other" by the meter that shows them, over so many seconds."""
        joules: dict[str, int] = {}
        for _ in range(seconds):
            self.clock.advance(1)
            for scripted, around in ((self.rapl, 200), (self.estimate, 50)):
                for of in scripted.microjoules:
                    scripted.microjoules[of] += (around if of == PSYS else 50) * J
            for (component, name, _), energy in booked(sensor_set.read()).items():
                if component == "other":
                    joules[name] = joules.get(name, 0) + energy // J
        return joules


@pytest.fixture
def node(clock: Any) -> Node:
    return Node(clock)


def saved(sensor_set: SensorSet) -> Any:
    return json.loads(json.dumps(sensor_set.state()))


@pytest.mark.slow
@pytest.mark.parametrize("gone", [NotHere("driver unloaded"), TryAgain("bus error")])
def test_a_meter_that_goes_away_is_replaced(make: Any, node: Node, gone: Exception) -> None:
    sensor_set = make(node.rapl, node.ipmi, node.estimate)
    sensor_set.read()
    assert node.other(sensor_set, 100) == {"psys": 15_000}
    node.rapl.reading = node.rapl.opening = gone
    after = node.other(sensor_set, 300)
    waited = 5 if isinstance(gone, NotHere) else 63  # else it may still come back
    assert set(after) == {"ipmi"}
    assert 30 * (300 - waited) <= after["ipmi"] <= 30 * 300
    node.rapl.reading = node.rapl.opening = None
    node.other(sensor_set, 120)
    assert node.other(sensor_set, 10) == {"psys": 1500}  # it shows more of the machine


def test_a_meter_that_comes_back_in_time_loses_nothing(make: Any, node: Node) -> None:
    sensor_set = make(node.rapl, node.ipmi, node.estimate)
    sensor_set.read()
    node.other(sensor_set, 10)
    node.rapl.reading = TryAgain("bus error")
    assert node.other(sensor_set, 30) == {}
    node.rapl.reading = None
    assert node.other(sensor_set, 30) == {"psys": 60 * 150}


def test_a_meter_whose_file_alone_is_gone_is_replaced(make: Any, node: Node) -> None:
    sensor_set = make(node.rapl, node.ipmi, node.estimate)
    sensor_set.read()
    node.other(sensor_set, 10)
    del node.rapl.microjoules[PSYS]
    assert node.other(sensor_set, 60) == {}
    assert node.other(sensor_set, 100)["ipmi"] >= 3000 - 60  # less the moments it begins


def test_the_one_that_takes_over_books_nothing_of_before(make: Any, node: Node) -> None:
    """Its own gap, in which the devices were counted already, is not the rest of the machine."""
    psys = Meter("psys", "rapl", None, ALL, 0.1, 4000.0)
    counted = Meter("node", "cray", None, ALL, 0.05, 10_000.0)
    cray = Scripted("cray", node.clock)
    cray.microjoules = {counted: 0}
    node.rapl.microjoules = {cpu("rapl"): 0, psys: 0}
    sensor_set = make(node.rapl, cray)
    sensor_set.read()
    node.other(sensor_set, 5)
    cray.reading = TryAgain("stopped")
    node.other(sensor_set, 20)
    del node.rapl.microjoules[psys]
    node.other(sensor_set, 70)
    cray.reading, cray.microjoules = None, {counted: 95 * 90 * J}
    total = 0
    for _ in range(70):
        total += node.other(sensor_set, 1).get("node", 0)
        cray.microjoules = {counted: cray.microjoules[counted] + 90 * J}
    assert 30 * 40 <= total <= 70 * 40  # it is tried again within half a minute


def test_a_wider_meter_that_returns_takes_its_place_again(make: Any, node: Node) -> None:
    narrow = Meter("psys", "rapl", None, ("cpu", "dram"), 0.1, 4000.0)
    node.rapl.microjoules = {cpu("rapl"): 0, narrow: 0}
    node.ipmi.power = {IPMI: 200 * J}
    sensor_set = make(node.rapl, node.ipmi)
    sensor_set.read()
    assert node.other(sensor_set, 10) == {"ipmi": 1500}
    node.ipmi.reading = node.ipmi.opening = NotHere("controller restarts")
    node.rapl.microjoules[narrow] = 0
    assert set(node.other(sensor_set, 30)) <= {"psys"}
    node.ipmi.reading = node.ipmi.opening = None
    node.other(sensor_set, 120)
    assert node.other(sensor_set, 10) == {"ipmi": 1500}


@pytest.mark.parametrize("removed", [True, False])
def test_a_meter_switched_off_over_a_restart_is_replaced_at_once(
    make: Any, node: Node, clock: Any, log: Any, removed: bool
) -> None:
    sensor_set = make(node.rapl, node.estimate)
    sensor_set.read()
    node.other(sensor_set, 10)
    state = saved(sensor_set)
    sensors: list[Any] = (
        [node.ipmi, node.estimate] if removed else [Disabled("rapl"), node.ipmi, node.estimate]
    )
    sensor_set = SensorSet(sensors, clock, log)
    sensor_set.restore(state)
    sensor_set.open()
    sensor_set.read()
    assert node.other(sensor_set, 100)["ipmi"] >= 3000 - 30  # less the moment it begins


def test_a_meter_that_is_late_after_a_restart_keeps_its_place(
    make: Any, node: Node, clock: Any, log: Any
) -> None:
    sensor_set = make(node.rapl, node.ipmi, node.estimate)
    sensor_set.read()
    node.other(sensor_set, 10)
    state = saved(sensor_set)
    node.rapl.opening = TryAgain("not yet")
    sensor_set = SensorSet([node.rapl, node.ipmi, node.estimate], clock, log)
    sensor_set.restore(state)
    sensor_set.open()
    assert node.other(sensor_set, 20) == {}
    state = saved(sensor_set)  # and once more before it is there
    node.rapl.opening = None
    sensor_set = SensorSet([node.rapl, node.ipmi, node.estimate], clock, log)
    sensor_set.restore(state)
    sensor_set.open()
    assert node.other(sensor_set, 10) == {"psys": 30 * 150}


def test_a_counter_nobody_has_delivered_for_a_day_is_saved_no_longer(
    make: Any, node: Node, clock: Any, log: Any
) -> None:
    sensor_set = make(node.rapl)
    sensor_set.read()
    state = saved(sensor_set)
    clock.advance(30 * 86_400)  # the exporter was down, which tells nothing about the sensor
    sensor_set = SensorSet([Disabled("rapl"), node.estimate], clock, log)
    sensor_set.restore(state)
    sensor_set.open()
    for hours, kept in ((0, True), (23, True), (2, False)):
        clock.advance(hours * 3600)
        sensor_set.read()
        assert ("meter|rapl|psys" in saved(sensor_set)["counters"]) is kept


# --- energy of a time in which the meter did not count


def late_gpu(clock: Any, log: Any, meters: Any, downtime: int, late: int) -> tuple[SensorSet, Any]:
    """A restart after which the GPU opens ``late`` seconds after the others; CPU 100 W, GPU 500 W, the rest 200 W."""
    gpu = Device("gpu", "GPU-a", "nvml", 0.05, None, 1500.0)
    rapl, nvml = Scripted("rapl", clock), Scripted("nvml", clock)
    rapl.microjoules, nvml.microjoules = {cpu("rapl"): 0}, {gpu: 0}
    watts = {cpu("rapl"): 100, gpu: 500, PSYS: 800}

    def draw(seconds: int) -> None:
        clock.advance(seconds)
        for sensor in (rapl, nvml, meters):
            for of in sensor.microjoules:
                sensor.microjoules[of] += watts[of] * seconds * J

    def pass_time(sensor_set: SensorSet, seconds: int) -> dict[str, int]:
        joules: dict[str, int] = {}
        for _ in range(seconds // 5):
            draw(5)
            for (component, _, _), energy in booked(sensor_set.read()).items():
                joules[component] = joules.get(component, 0) + energy // J
        return joules

    sensors = [rapl, meters, nvml]
    sensor_set = SensorSet(sensors, clock, log)
    sensor_set.open()
    sensor_set.read()
    assert pass_time(sensor_set, 600)["other"] == 200 * 600
    state = saved(sensor_set)
    draw(downtime)
    sensor_set = SensorSet(sensors, clock, log)
    sensor_set.restore(state)
    nvml.opening = TryAgain("driver not ready")
    sensor_set.open()
    sensor_set.read()
    pass_time(sensor_set, late)
    nvml.opening = None
    return sensor_set, pass_time


@pytest.mark.slow
def test_what_a_late_device_drew_before_a_power_meter_began_does_not_silence_the_rest(
    clock: Any, log: Any
) -> None:
    meters = Scripted("hwmon", clock)
    meters.power = {IPMI: 800 * J}
    sensor_set, pass_time = late_gpu(clock, log, meters, downtime=1800, late=0)
    after = pass_time(sensor_set, 1800)
    assert after["gpu"] == 500 * 3600
    assert after["other"] == 200 * 1800


@pytest.mark.slow
def test_what_a_late_device_drew_while_the_meter_counted_is_not_the_rest_s(clock: Any, log: Any) -> None:
    """Until it is there, the rest waits: else it would be taken to be 500 W more."""
    meters = Scripted("hwmon", clock)
    meters.power = {IPMI: 800 * J}
    sensor_set, pass_time = late_gpu(clock, log, meters, downtime=1800, late=40)
    after = pass_time(sensor_set, 1800)
    assert after["other"] == 200 * (1800 + 40)


@pytest.mark.slow
def test_a_counter_around_the_machine_counts_through_a_restart(clock: Any, log: Any) -> None:
    meters = Scripted("hwmon", clock)
    meters.microjoules = {PSYS: 0}
    sensor_set, pass_time = late_gpu(clock, log, meters, downtime=1800, late=0)
    # The rest waits for the GPU and its half hour.
    assert pass_time(sensor_set, 3600 * 2)["other"] == 200 * (7200 + 1800)


def test_a_state_from_before_is_taken_up(make: Any, node: Node, clock: Any, log: Any) -> None:
    sensor_set = make(node.rapl, node.estimate)
    sensor_set.read()
    node.other(sensor_set, 10)
    state = saved(sensor_set)
    state["around"] = state["around"][:4]  # it did not say since when the meter counts
    sensor_set = SensorSet([node.rapl, node.estimate], clock, log)
    sensor_set.restore(state)
    sensor_set.open()
    assert node.other(sensor_set, 10) == {"psys": 1500}


def test_the_account_of_an_older_version_goes_on_with_its_debt(
    make: Any, node: Node, clock: Any, log: Any
) -> None:
    sensor_set = make(node.rapl, node.estimate)
    sensor_set.read()
    node.other(sensor_set, 10)
    state = saved(sensor_set)
    # It kept totals: meter, devices, booked, and the devices' at the beginning. 400 J were booked too much.
    state["around"][3] = [2000 * J, 500 * J, 1900 * J, 0]
    sensor_set = SensorSet([node.rapl, node.estimate], clock, log)
    sensor_set.restore(state)
    sensor_set.open()
    assert node.other(sensor_set, 10) == {"psys": 1500 - 400}


def test_beside_a_meter_around_the_machine_no_rest_is_modelled(make: Any, node: Node) -> None:
    """Nor while it is away: it counts on, and brings that energy when it is back."""
    node.estimate.microjoules[Device("other", "machine-0", "estimate", 0.3)] = 0
    sensor_set = make(node.rapl, node.estimate)
    sensor_set.read()
    assert set(node.other(sensor_set, 10)) == {"psys"}
    node.rapl.reading = node.rapl.opening = NotHere("driver unloaded")
    assert node.other(sensor_set, 120) == {}


def test_without_a_meter_around_the_machine_the_rest_may_be_modelled(make: Any, node: Node) -> None:
    node.estimate.microjoules[Device("other", "machine-0", "estimate", 0.3)] = 0
    sensor_set = make(node.estimate)
    sensor_set.read()
    assert node.other(sensor_set, 10) == {"machine-0": 500}
