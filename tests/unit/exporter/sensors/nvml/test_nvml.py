"""NVIDIA GPUs: the real pynvml over a stand-in for the driver's library."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from gramwatt_exporter.errors import Denied, Fatal, NotHere, TryAgain
from gramwatt_exporter.model import Device, Meter
from gramwatt_exporter.sensors.drivers.nvidia.nvml import Nvml
from gramwatt_exporter.sensors.sensor_set import SensorSet
from nvml_world import (
    World,
    _wait_until_up,
    drawn,
    energies,
    powers,
)


@pytest.mark.slow
def test_two_gpus_by_their_uuid(world: World) -> None:
    world.set(
        "gpu 0 uuid GPU-a", "gpu 0 energy_mj 1000", "gpu 0 limit_mw 700000",
        "gpu 1 uuid GPU-b", "gpu 1 energy_mj 2000",
    )  # fmt: skip
    sample = world.sensor(idle_watts=60.0).read()
    assert energies(sample) == {"GPU-a": 1_000_000, "GPU-b": 2_000_000}
    assert sample.readings[0].of == Device("gpu", "GPU-a", "nvml", 0.05, 60.0, 700.0)
    assert sample.failures == {}


@pytest.mark.parametrize(
    ("facts", "microwatts"),
    [
        (["gpu 0 field 185 0 0 150000", "gpu 0 field 186 0 0 170000", "gpu 0 power_mw 1"], 170_000_000),
        (["gpu 0 field 185 0 0 150000", "gpu 0 power_mw 1"], 150_000_000),
        (
            ["gpu 0 field 186 0 999 170000", "gpu 0 field 185 0 0 150000"],
            150_000_000,
        ),  # the call is OK, the value not
        (["gpu 0 power_mw 90000"], 90_000_000),
    ],
)
def test_without_a_counter_power_by_the_best_door(world: World, facts: list[str], microwatts: int) -> None:
    world.set("gpu 0 uuid GPU-a", "gpu 0 util_error 3", *facts)
    sensor = world.sensor()
    first = sensor.read()
    world.clock.advance(1)
    assert drawn(first, sensor.read()) == {"GPU-a": microwatts}


def test_a_gpu_without_any_reading_is_said_and_left_out(world: World) -> None:
    world.set("gpu 0 uuid GPU-a", "gpu 1 uuid GPU-b", "gpu 1 energy_mj 5")
    sensor = world.sensor()
    assert energies(sensor.read()) == {"GPU-b": 5000}
    assert "GPU-a reports neither energy nor power" in sensor.notes[0]


def test_grace_hopper_counts_the_gpu_and_shows_the_module_beside_it(world: World) -> None:
    world.set(
        "gpu 0 uuid GPU-a", "gpu 0 energy_mj 1000",
        "gpu 0 field 185 0 0 300000", "gpu 0 field 185 1 0 500000", "gpu 0 util_error 3",
    )  # fmt: skip
    sensor = world.sensor()
    first = sensor.read()
    world.clock.advance(1)
    sample = sensor.read()
    assert drawn(first, sample) == {"GPU-a": 300_000_000}
    assert powers(sample) == {"module-GPU-a": 500_000_000}
    (module,) = [r.of for r in sample.readings if r.of.name == "module-GPU-a"]
    assert isinstance(module, Meter)
    assert module.covers == ()  # never makes a device "other", never added to the CPU's own meter


# --- errors


@pytest.mark.parametrize(("code", "reason"), [(15, "lost"), (16, "reset_required"), (999, "error")])
def test_a_broken_gpu_is_frozen_alone(world: World, clock: Any, log: Any, code: int, reason: str) -> None:
    def both(one: int, two: int, *more: str) -> None:
        world.set(
            "gpu 0 uuid GPU-a", f"gpu 0 energy_mj {one}", "gpu 0 util_error 3",
            "gpu 1 uuid GPU-b", f"gpu 1 energy_mj {two}", "gpu 1 util_error 3", *more
        )  # fmt: skip

    both(1000, 1000)
    sensor_set = SensorSet([world.sensor(opened=False)], clock, log)
    sensor_set.open()
    _wait_until_up(sensor_set)
    clock.advance(1)
    both(1000, 2000, f"gpu 0 error {code}")
    sample = sensor_set.read()
    assert {s.device.name: s.microjoules for s in sample.steps} == {"GPU-b": 1_000_000}
    assert sample.sensors[0].up
    assert sample.sensors[0].failures == {reason: 1}
    clock.advance(61)
    both(3000, 3000)
    steps = {s.device.name: s for s in sensor_set.read().steps}
    assert steps["GPU-a"].microjoules == 2_000_000
    assert steps["GPU-a"].nanoseconds == 62_000_000_000
    assert steps["GPU-a"].missed
    assert steps["GPU-b"].microjoules == 1_000_000


@pytest.mark.parametrize(
    ("code", "kind"), [(9, TryAgain), (999, TryAgain), (12, NotHere), (18, Fatal), (4, Denied)]
)
def test_failures_of_init(world: World, code: int, kind: type[Exception]) -> None:
    world.set(f"init {code}", "gpu 0 uuid GPU-a", "gpu 0 energy_mj 1")
    sensor = world.sensor(opened=False)
    with pytest.raises(kind):
        sensor.open()
    with pytest.raises(TryAgain):
        sensor.read()
    world.set("gpu 0 uuid GPU-a", "gpu 0 energy_mj 1")  # the driver is there now
    sensor.open()
    assert energies(sensor.read()) == {"GPU-a": 1000}


def test_a_replaced_driver_asks_for_a_restart(world: World) -> None:
    world.set("init 18")
    with pytest.raises(Fatal) as caught:
        world.sensor()
    assert "restart the exporter" in caught.value.fix


def test_a_library_without_gpus_is_normal(world: World) -> None:
    world.set("init 0")
    with pytest.raises(NotHere, match="no NVIDIA GPU"):
        world.sensor()


def test_a_gpu_lost_at_the_start_does_not_hide_the_others(world: World) -> None:
    world.set("gpu 0 uuid GPU-a", "gpu 0 error 15", "gpu 1 uuid GPU-b", "gpu 1 energy_mj 7")
    sample = world.sensor().read()
    assert energies(sample) == {"GPU-b": 7000}
    assert sample.failures == {"index-0": "lost"}


def test_a_gpu_lost_at_the_start_is_measured_once_it_answers(world: World, clock: Any, log: Any) -> None:
    def second(now: int, *more: str) -> None:
        world.set(
            "gpu 0 uuid GPU-a", f"gpu 0 energy_mj {now * 1000}",
            "gpu 1 uuid GPU-b", f"gpu 1 energy_mj {now * 2000}", *more
        )  # fmt: skip

    second(0, "gpu 1 error 15")
    sensor_set = SensorSet([world.sensor(opened=False)], clock, log)
    sensor_set.open()
    _wait_until_up(sensor_set)
    for now in range(10, 130, 10):
        clock.advance(10)
        second(now, *(["gpu 1 error 15"] if now < 50 else []))
        sample = sensor_set.read()
    assert {step.device.name: step.microjoules for step in sample.steps} == {
        "GPU-a": 10_000_000,
        "GPU-b": 20_000_000,
    }
    failures = sample.sensors[0].failures
    clock.advance(10)
    second(130)
    assert sensor_set.read().sensors[0].failures == failures  # nothing is amiss any more


def test_a_gpu_that_is_still_lost_is_looked_for_every_minute_and_told_once(world: World, clock: Any) -> None:
    good = ("gpu 0 uuid GPU-a", "gpu 0 energy_mj 7", "gpu 1 uuid GPU-b", "gpu 1 energy_mj 7")
    world.set(*good, "gpu 1 error 15")
    sensor = world.sensor()
    for _ in range(3):
        clock.advance(61)
        assert sensor.read().failures == {"index-1": "lost"}
    world.set(*good)
    clock.advance(61)
    assert energies(sensor.read()) == {"GPU-a": 7000, "GPU-b": 7000}
    world.set(*good, "gpu 0 error 15")
    for _ in range(3):
        clock.advance(61)
        assert sensor.read().failures == {"GPU-a": "lost"}  # and not by its index, too


def test_a_gpu_plugged_in_later_is_found_whatever_its_index(world: World, clock: Any) -> None:
    world.set("gpu 0 uuid GPU-a", "gpu 0 energy_mj 1")
    sensor = world.sensor()
    world.set("gpu 0 uuid GPU-b", "gpu 0 energy_mj 2", "gpu 1 uuid GPU-a", "gpu 1 energy_mj 1")
    clock.advance(61)
    sample = sensor.read()
    assert energies(sample) == {"GPU-a": 1000, "GPU-b": 2000}
    assert sample.failures == {}


def test_a_look_that_takes_long_is_made_less_often(world: World, clock: Any) -> None:
    class SlowDriver:
        """Two seconds pass at every call, as with a GPU that the driver tries to wake in vain."""

        def __call__(self) -> int:
            clock.advance(2)
            return int(clock.ns)

    good = ("gpu 0 uuid GPU-a", "gpu 0 energy_mj 1", "gpu 1 uuid GPU-b", "gpu 1 energy_mj 2")
    world.set(*good, "gpu 1 error 999")
    # So patient that each read waits for its look.
    sensor = Nvml("/proc", SlowDriver(), world.wall_us, patience_seconds=10_000, background=False)
    sensor.open()
    clock.advance(61)
    assert sensor.read().failures == {"index-1": "error"}
    world.set(*good)
    clock.advance(600)
    assert sensor.read().failures == {"index-1": "error"}
    clock.advance(600)
    assert energies(sensor.read()) == {"GPU-a": 1000, "GPU-b": 2000}


def test_a_gpu_without_readings_at_first_is_asked_again_unless_it_has_none(world: World, clock: Any) -> None:
    good = ("gpu 0 uuid GPU-a", "gpu 0 energy_mj 1", "gpu 1 uuid GPU-b", "gpu 1 energy_mj 2")
    world.set(*good, "gpu 1 energy_error 999")
    sensor = world.sensor()
    sample = sensor.read()
    assert energies(sample) == {"GPU-a": 1000}
    assert sample.failures == {"index-1": "error"}
    assert sensor.notes == []
    clock.advance(61)
    world.set(*good)
    assert energies(sensor.read()) == {"GPU-a": 1000, "GPU-b": 2000}


def test_a_driver_reload_is_survived_and_its_counter_taken_as_reset(
    world: World, clock: Any, log: Any
) -> None:
    gpu = ("gpu 0 uuid GPU-a", "gpu 0 util_error 3")
    world.set(*gpu, "gpu 0 energy_mj 5000000")
    sensor_set = SensorSet([world.sensor(opened=False)], clock, log)
    sensor_set.open()
    _wait_until_up(sensor_set)
    for _ in range(4):  # unloaded: every call fails, then init does
        clock.advance(1)
        world.set("init 9", "gpu 0 uuid GPU-a", "gpu 0 error 9")
        sample = sensor_set.read()
        assert sample.steps == []
        assert not sample.sensors[0].up
    world.set(*gpu, "gpu 0 energy_mj 100")
    _wait_until_up(sensor_set, clock)
    assert sensor_set.read().resets == {("gpu", "GPU-a"): 1}
    clock.advance(1)
    world.set(*gpu, "gpu 0 energy_mj 300")
    assert [step.microjoules for step in sensor_set.read().steps] == [200_000]


def test_the_counter_is_the_integral_of_true_power(world: World, clock: Any, log: Any) -> None:
    """A square wave between 80 and 400 W: what the sensor set books is the wave's energy to the millijoule."""
    sensor_set = SensorSet([world.sensor(opened=False)], clock, log)

    def at(second: int) -> None:
        world.set(
            f"now_us {second * 1_000_000}", "gpu 0 uuid GPU-a", "gpu 0 util_error 3", "gpu 0 watts 80 400 3"
        )

    at(0)
    sensor_set.open()
    _wait_until_up(sensor_set)
    booked = 0
    for second in range(1, 61):
        clock.advance(1)
        at(second)
        booked += sum(step.microjoules for step in sensor_set.read().steps)
    assert booked == (80 + 400) * 30 * 1_000_000


@pytest.mark.slow
def test_pynvml_is_not_imported_where_there_is_no_library() -> None:
    code = (
        "import sys\n"
        "from gramwatt_exporter.errors import NotHere\n"
        "from gramwatt_exporter.sensors.drivers.nvidia import nvml\n"
        "nvml.LIBRARY = 'libnvidia-ml-that-is-not-there.so.1'\n"
        "try:\n"
        "    nvml.Nvml('/proc', lambda: 0, lambda: 0).open()\n"
        "except NotHere:\n"
        "    print('pynvml' in sys.modules)\n"
    )
    env = {key: value for key, value in os.environ.items() if key != "LD_LIBRARY_PATH"}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    assert run.stdout.strip() == "False"


@pytest.mark.slow
def test_a_daemon_finds_the_stand_in_by_its_library_path(world: World, library: Path) -> None:
    world.set("gpu 0 uuid GPU-a", "gpu 0 watts 100")
    code = (
        "import time\n"
        "from gramwatt_exporter.sensors.drivers.nvidia.nvml import Nvml\n"
        "sensor = Nvml('/proc', time.monotonic_ns, lambda: time.time_ns() // 1000)\n"
        "sensor.open()\n"
        "print([reading.of.name for reading in sensor.read().readings])\n"
    )
    env = {**os.environ, "LD_LIBRARY_PATH": str(library.parent)}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    assert run.stdout.strip() == "['GPU-a']"
