"""HPE Cray pm_counters."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gramwatt_exporter.errors import NotHere, TryAgain
from gramwatt_exporter.model import Device, EnergyReading, Meter
from gramwatt_exporter.sensors.drivers.cray import Cray
from gramwatt_exporter.sensors.sensor_set import SensorSet
from scripted_sensor import J, Scripted, booked, cpu, state_of

COUNTERS = "cray/pm_counters"


def test_the_node_its_parts_and_its_accelerators(sysfs: Callable[[str], Any], clock: Any) -> None:
    sensor = Cray(str(sysfs("cray-ex").root), clock)
    sensor.open()
    readings = {r.of.name: r for r in sensor.read().readings if isinstance(r, EnergyReading)}
    assert {name: r.microjoules // 1_000_000 for name, r in readings.items()} == {
        "node": 900_000, "node-cpu": 200_000, "node-memory": 50_000, "accel-0": 300_000, "accel-1": 310_000,
    }  # fmt: skip
    assert {name for name, r in readings.items() if isinstance(r.of, Device)} == {"node-cpu", "node-memory"}
    node, accelerator = readings["node"].of, readings["accel-0"].of
    assert isinstance(node, Meter)
    assert node.covers == ("cpu", "dram", "gpu")
    assert isinstance(accelerator, Meter)
    assert accelerator.part_of == "node"


def test_the_node_is_its_devices_and_the_rest(sysfs: Callable[[str], Any], clock: Any, log: Any) -> None:
    tree = sysfs("cray-ex")
    sensor_set = SensorSet([Cray(str(tree.root), clock)], clock, log)
    sensor_set.open()
    sensor_set.read()
    clock.advance(10)
    for name, joules in [
        ("energy", 909_000),
        ("cpu_energy", 202_000),
        ("memory_energy", 50_500),
        ("freshness", 5100),
    ]:
        tree.write(f"{COUNTERS}/{name}", f"{joules} J 1650000010000000 us")
    steps = {step.device.name: step.microjoules // 1_000_000 for step in sensor_set.read().steps}
    assert steps == {"node-cpu": 2000, "node-memory": 500, "node": 6500}


def test_counters_that_stopped_are_not_believed(sysfs: Callable[[str], Any], clock: Any) -> None:
    tree = sysfs("cray-ex")
    sensor = Cray(str(tree.root), clock)
    sensor.open()
    sensor.read()
    clock.advance(4)
    sensor.read()
    clock.advance(2)
    with pytest.raises(TryAgain, match="freshness stays 5000"):
        sensor.read()
    tree.write(f"{COUNTERS}/freshness", 5001)
    assert sensor.read().readings


@pytest.mark.parametrize("content", ["", "900 W 1650000000000000 us", "not available"])
def test_garbage_fails_that_counter_only(sysfs: Callable[[str], Any], clock: Any, content: str) -> None:
    tree = sysfs("cray-ex")
    sensor = Cray(str(tree.root), clock)
    sensor.open()
    tree.write(f"{COUNTERS}/cpu_energy", content)
    sample = sensor.read()
    assert sample.failures == {"node-cpu": "garbage"}
    assert len(sample.readings) == 4


def test_no_cray_is_normal(tmp_path: Path, clock: Any) -> None:
    with pytest.raises(NotHere):
        Cray(str(tmp_path), clock).open()


@pytest.mark.slow
def test_counters_that_stopped_are_given_up_once_and_taken_up_again(
    sysfs: Callable[[str], Any], clock: Any, log: Any
) -> None:
    tree = sysfs("cray-ex")
    estimate = Scripted("estimate", clock)
    estimate.microjoules = {cpu("estimate"): 0}
    sensor_set = SensorSet([Cray(str(tree.root), clock), estimate], clock, log)
    sensor_set.open()
    joules, freshness = 200_000, 5000

    def run(seconds: int, moving: bool) -> tuple[list[bool], dict[str, list[int]]]:
        """Whether the sensor was up in each second, and what was booked to the CPU, in joules, by source."""
        nonlocal joules, freshness
        up: list[bool] = []
        steps: dict[str, list[int]] = {}
        for _ in range(seconds):
            clock.advance(1)
            estimate.microjoules = {cpu("estimate"): estimate.microjoules[cpu("estimate")] + 90 * J}
            if moving:
                joules, freshness = joules + 100, freshness + 10
                tree.write(f"{COUNTERS}/cpu_energy", f"{joules} J 1650000000000000 us")
                tree.write(f"{COUNTERS}/freshness", freshness)
            sample = sensor_set.read()
            up.append(state_of(sample, "cray").up)
            for (component, _, source), energy in booked(sample).items():
                if component == "cpu":
                    steps.setdefault(source, []).append(energy // J)
        return up, steps

    run(1, moving=True)
    assert run(20, moving=True) == ([True] * 20, {"cray": [100] * 20})
    up, steps = run(600, moving=False)
    assert up == [True] * 4 + [False] * 596
    assert steps["cray"] == [0] * 4  # within what may be a late update
    assert set(steps["estimate"]) == {90}
    assert 530 <= len(steps["estimate"]) <= 540
    up, steps = run(120, moving=True)
    assert up == sorted(up)  # up once, and it stays
    assert sum(up) >= 60
    assert set(steps["cray"]) == {100}
    assert 115 <= len(steps["cray"]) + len(steps["estimate"]) <= 119  # none counted twice
    assert len([line for line in log.warnings() if line.get("sensor") == "cray" and "error" in line]) == 1


def test_parts_with_a_number_and_parts_nobody_knows(sysfs: Callable[[str], Any], clock: Any) -> None:
    tree = sysfs("cray-ex")
    for name in ("cpu0_energy", "cpu1_energy", "nic_energy"):
        tree.write(f"{COUNTERS}/{name}", "100 J 1650000000000000 us")
    sensor = Cray(str(tree.root), clock)
    sensor.open()
    found = {r.of.name: r.of for r in sensor.read().readings}
    assert {name for name, of in found.items() if isinstance(of, Device)} == {"node-cpu", "node-memory"}
    assert {"cpu-0", "cpu-1", "nic"} <= found.keys()  # shown, and counted in the node alone
    (tree.root / COUNTERS / "cpu_energy").unlink()
    sensor.open()
    devices = {r.of.name for r in sensor.read().readings if isinstance(r.of, Device)}
    assert devices == {"node-cpu-0", "node-cpu-1", "node-memory"}


def test_a_counter_that_stands_still_gives_way_to_the_power_beside_it(
    sysfs: Callable[[str], Any], make: Callable[..., SensorSet], clock: Any
) -> None:
    tree = sysfs("cray-ex")
    sensor = Cray(str(tree.root), clock)
    sensor_set = make(sensor)
    total = 0
    for second in range(0, 120, 5):  # cpu_power says 200 W all the time
        tree.write(f"{COUNTERS}/freshness", 5000 + second * 10)
        total += sum(step.microjoules for step in sensor_set.read().steps if step.device.name == "node-cpu")
        clock.advance(5)
    assert 90 * 200 * J <= total <= 115 * 200 * J
    # Two of the others have no power to be compared with: they may stand still.
    (note, *_) = [note for note in sensor.notes if note.startswith("node-cpu")]
    assert "never below 200 W" in note
    assert [note for note in sensor.notes if "memory" in note] == []


def test_a_controller_that_started_anew_is_a_reset(
    sysfs: Callable[[str], Any], make: Callable[..., SensorSet], clock: Any
) -> None:
    tree = sysfs("cray-ex")
    sensor_set = make(Cray(str(tree.root), clock))
    sensor_set.read()
    for name, text in (("cpu_energy", "12 J"), ("startup", "2"), ("freshness", "3"), ("generation", "9")):
        tree.write(f"{COUNTERS}/{name}", text)
    clock.advance(5)
    sample = sensor_set.read()
    assert [step.device.name for step in sample.steps if step.device.component == "cpu"] == []
    assert sample.resets == {("cpu", "node-cpu"): 1}
    tree.write(f"{COUNTERS}/cpu_energy", "1012 J")
    tree.write(f"{COUNTERS}/freshness", "53")
    clock.advance(5)
    assert [s.microjoules for s in sensor_set.read().steps if s.device.component == "cpu"] == [1000 * J]


def test_counters_that_move_are_believed_whatever_their_freshness_says(
    sysfs: Callable[[str], Any], clock: Any
) -> None:
    tree = sysfs("cray-ex")
    sensor = Cray(str(tree.root), clock)
    sensor.open()
    for second in range(60):
        tree.write(f"{COUNTERS}/energy", f"{900_000 + second * 900} J")
        clock.advance(1)
        assert sensor.read().readings
