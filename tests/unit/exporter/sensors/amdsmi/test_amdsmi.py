"""AMD GPUs: the real package amdsmi over a stand-in for AMD's library."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import amd_smi
import gramwatt_exporter
import pytest
from amdsmi_world import (
    ADDRESS,
    APU,
    BUSY,
    GPU,
    NO_PERMISSION,
    OLD_PACKAGE,
    OTHER,
    UNKNOWN_32,
    UNKNOWN_64,
    World,
    only,
    seen,
)
from gramwatt_exporter.config.schema import Config
from gramwatt_exporter.errors import Denied, Fatal, NotHere, TryAgain
from gramwatt_exporter.model import EnergyReading, PowerReading
from gramwatt_exporter.sensors.drivers.amd.amdsmi import AmdSmi
from gramwatt_exporter.sensors.registry import build
from gramwatt_exporter.sensors.sensor_set import SensorSet
from msgspec.structs import replace
from simulation import SECOND


@pytest.mark.slow
def test_the_energy_counter_in_its_own_resolution(world: World) -> None:
    world.set(GPU, "gpu 0 energy 1000000000000 15.3", "gpu 0 average 95", "gpu 0 cap 300000000")
    reading = only(world.sensor(idle_watts=12.0))
    assert isinstance(reading, EnergyReading)
    assert reading.microjoules == 15_300_000_000_000  # and not what 15.3 is as a C float
    assert (reading.of.name, reading.of.max_watts) == (ADDRESS, 300.0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cap", "watts"), [("750000000", 750), ("750", 750), ("0", 1500), (UNKNOWN_64, 1500), (None, 1500)]
)
def test_limits_in_watts_or_microwatts_or_none(world: World, cap: object, watts: float) -> None:
    world.set(GPU, "gpu 0 energy 1 1", *([] if cap is None else [f"gpu 0 cap {cap}"]))
    assert only(world.sensor()).of.max_watts == watts


@pytest.mark.parametrize(
    ("facts", "watts"),
    [
        (["current 500", "generic 500"], 500),  # MI300
        (["average 95", "generic 95"], 95),  # Radeon, MI200
        (["average 95", "generic 0"], 95),
        (["average 95", "generic 95000000"], 95),
        (["generic 95"], 95),
        ([f"current {UNKNOWN_32}", "average 95"], 95),
        (["current 0", "average 95"], 95),
        (["average 0"], 0),  # asleep
    ],
)
def test_power_where_there_is_no_counter(world: World, facts: list[str], watts: int) -> None:
    world.set(GPU, *(f"gpu 0 {fact}" for fact in facts))
    reading = only(world.sensor())
    assert isinstance(reading, PowerReading)
    assert reading.microwatts == watts * 1_000_000


@pytest.mark.parametrize("counter", [f"gpu 0 energy {UNKNOWN_64} 15.3", "gpu 0 energy_error 2"])
def test_a_counter_without_a_value_is_none(world: World, counter: str) -> None:
    world.set(GPU, counter, "gpu 0 average 95")
    assert isinstance(only(world.sensor()), PowerReading)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("joules_a_second", "believed"), [(100, True), (80, True), (0, False), (1500, False)]
)
def test_a_counter_that_disagrees_with_power_is_dropped(
    world: World, clock: Any, joules_a_second: int, believed: bool
) -> None:
    sensor = None
    for second in range(15):
        world.set(GPU, f"gpu 0 energy {second * joules_a_second * 1_000_000} 1", "gpu 0 current 100")
        sensor = sensor or world.sensor()
        reading = only(sensor)
        clock.advance(1)
    assert isinstance(reading, EnergyReading) is believed
    assert bool(sensor and sensor.notes) is not believed


@pytest.mark.parametrize(("asleep", "clocks"), [(8, 2), (3600, 2), (3600, 1)])
def test_a_counter_is_compared_with_power_anew_after_a_suspend(
    world: World, clock: Any, asleep: int, clocks: int
) -> None:
    """It stands still meanwhile, and power was not drawn as at either end. Some machines have one clock only."""
    slept = 0
    joules = 0

    def awake_ns() -> int:
        return int(clock()) - slept

    def go_on() -> None:
        world.set(GPU, f"gpu 0 energy {joules * 1_000_000} 1", "gpu 0 current 20")

    go_on()
    sensor = world.sensor(awake_ns=awake_ns if clocks == 2 else None)
    for second in range(30):
        go_on()
        assert isinstance(only(sensor), EnergyReading)
        clock.advance(1)
        joules += 20
        if second == 5:
            clock.advance(asleep)
            slept = asleep * SECOND
    assert sensor.notes == []


@pytest.mark.slow
def test_a_counter_that_is_wrong_is_dropped_after_a_suspend_too(world: World, clock: Any) -> None:
    sensor = None
    for second in range(25):
        world.set(GPU, f"gpu 0 energy {second} 1", "gpu 0 current 20")
        sensor = sensor or world.sensor()
        reading = only(sensor)
        clock.advance(3600 if second == 5 else 1)
    assert isinstance(reading, PowerReading)


@pytest.mark.slow
def test_a_counter_that_stops_after_it_was_checked_gives_way_to_power(world: World, clock: Any) -> None:
    sensor = None
    for second in range(120):
        world.set(GPU, f"gpu 0 energy {min(second, 60) * 100 * 1_000_000} 1", "gpu 0 current 100")
        sensor = sensor or world.sensor()
        reading = only(sensor)
        assert isinstance(reading, EnergyReading) or second > 60
        clock.advance(1)
    assert isinstance(reading, PowerReading)
    assert sensor is not None
    (note,) = sensor.notes
    assert "never below 100 W" in note


def test_a_counter_that_fails_for_a_moment_goes_on(world: World) -> None:
    counts = (GPU, "gpu 0 energy 7000000 1", "gpu 0 average 95")
    fails = (*counts, f"gpu 0 energy_error {BUSY}")
    world.set(*counts)
    sensor = world.sensor()
    for _ in range(2):
        world.set(*fails)
        with pytest.raises(TryAgain):  # it is the only GPU
            sensor.read()
    world.set(*counts)
    assert isinstance(only(sensor), EnergyReading)
    world.set(*fails)
    for _ in range(2):
        with pytest.raises(TryAgain):
            sensor.read()
    assert isinstance(only(sensor), PowerReading)  # for good


def test_the_counter_as_releases_before_6_3_named_it(
    fresh: None, tmp_path: Path, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "amdsmi.py").write_text(OLD_PACKAGE)
    monkeypatch.syspath_prepend(str(tmp_path))
    sensor = AmdSmi("/sys", clock)
    sensor.open()
    reading = only(sensor)
    assert isinstance(reading, EnergyReading)
    assert reading.microjoules == 15_300


def test_processes_of_which_only_a_handle_is_told_are_somebody(
    fresh: None, tmp_path: Path, clock: Any, monkeypatch: pytest.MonkeyPatch, world: World
) -> None:
    """As releases before 6 do: who it is cannot be said, but not that the GPU is quiet."""
    (tmp_path / "amdsmi.py").write_text(OLD_PACKAGE.replace("return []", "return [object()]"))
    monkeypatch.syspath_prepend(str(tmp_path))
    sensor = world.sensor()
    for _ in range(2):
        (use,) = sensor.read().uses
        assert use.holders == frozenset()
        assert seen(use) == ("holder", {0: 1})
        clock.advance(1)


# --- which GPUs


def test_gpus_that_share_a_socket_or_do_not(world: World) -> None:
    facts = [GPU, f"gpu 1 bdf {OTHER}", "gpu 1 socket 0", "gpu 5 bdf 0001:0a:1f.0"]
    world.set(*facts, *(f"gpu {index} energy 1 1" for index in (0, 1, 5)))
    assert [reading.of.name for reading in world.sensor().read().readings] == [ADDRESS, OTHER, "0001:0a:1f.0"]


def test_one_broken_gpu(world: World) -> None:
    good = (GPU, "gpu 0 energy 1 1", f"gpu 1 bdf {OTHER}", "gpu 1 energy 2 1")
    world.set(*good)
    sensor = world.sensor()
    world.set(*good, f"gpu 0 error {BUSY}")
    sample = sensor.read()
    assert [reading.of.name for reading in sample.readings] == [OTHER]
    assert sample.failures == {ADDRESS: "error"}
    world.set(*good, f"gpu 0 error {BUSY}", f"gpu 1 error {BUSY}")
    with pytest.raises(TryAgain):
        sensor.read()
    world.set(*good)
    assert all(isinstance(reading, EnergyReading) for reading in sensor.read().readings)


def test_a_gpu_that_does_not_even_say_who_it_is(world: World) -> None:
    world.set(GPU, "gpu 0 energy 1 1", f"gpu 1 bdf {OTHER}", f"gpu 1 error {BUSY}")
    sample = world.sensor().read()
    assert [reading.of.name for reading in sample.readings] == [ADDRESS]
    assert sample.failures == {"index-1": "error"}
    world.set(GPU, f"gpu 0 error {BUSY}")
    with pytest.raises(TryAgain, match="no AMD GPU answers"):
        world.sensor()


def test_a_gpu_that_says_later_who_it_is_is_measured_then(world: World, clock: Any) -> None:
    good = (GPU, "gpu 0 energy 1 1", f"gpu 1 bdf {OTHER}", "gpu 1 energy 2 1")
    world.set(*good, f"gpu 1 error {BUSY}")
    sensor = world.sensor()
    for _ in range(2):
        clock.advance(61)
        assert sensor.read().failures == {"index-1": "error"}
    world.set(*good)
    clock.advance(61)
    sample = sensor.read()
    assert [reading.of.name for reading in sample.readings] == [ADDRESS, OTHER]
    assert sample.failures == {}
    world.set(*good, f"gpu 0 error {BUSY}")
    for _ in range(2):
        clock.advance(61)
        assert sensor.read().failures == {ADDRESS: "error"}  # and not by its index, too


def test_a_gpu_plugged_in_later_is_found_and_what_is_left_out_is_said_once(world: World, clock: Any) -> None:
    first = (f"gpu 1 bdf {OTHER}", "gpu 1 energy 2 1", "gpu 2 bdf 0000:c4:00.2")
    world.set(*first)
    sensor = world.sensor()
    world.set(GPU, "gpu 0 energy 1 1", *first)
    clock.advance(61)
    assert [reading.of.name for reading in sensor.read().readings] == [OTHER, ADDRESS]
    assert sensor.notes == ["0000:c4:00.2 reports neither energy nor power: it is not measured"]


# --- APUs


@pytest.mark.slow
@pytest.mark.parametrize(("hwmon", "source"), [(True, "hwmon"), (False, "amdsmi")])
def test_the_graphics_of_an_apu_is_one_meter_and_no_device(
    world: World, clock: Any, log: Any, sysfs: Any, hwmon: bool, source: str
) -> None:
    world.set(
        GPU, "gpu 0 average 95",
        f"gpu 1 bdf {APU}", "gpu 1 average 12", "gpu 1 process 7 1000",
    )  # fmt: skip
    config = Config()
    config = replace(
        config,
        path=replace(config.path, sysfs=str(sysfs("gpus").root)),
        sensors=replace(config.sensors, hwmon=replace(config.sensors.hwmon, enabled=hwmon)),
    )
    sensor_set = SensorSet([s for s in build(config, clock) if s.name in ("hwmon", "amdsmi")], clock, log)
    sensor_set.open()
    deadline = time.monotonic() + 10
    while not sensor_set.read().sensors[1].up:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    clock.advance(10)
    sample = sensor_set.read()
    gpus = {step.device.name: step.device.source for step in sample.steps}
    assert {name: gpus[name] for name in gpus if name in (ADDRESS, APU)} == {ADDRESS: source}
    (apu,) = [step for step in sample.meters if "0a:00" in step.meter.name]
    assert (apu.meter.name, apu.meter.part_of) == (f"apu-{APU}", "package-0")
    assert (apu.meter.source, apu.microjoules) == (source, 120_000_000)
    assert [use.device.name for use in sample.uses] == [ADDRESS]


def test_with_nothing_but_an_apu_that_hwmon_shows_it_is_absent(world: World, sysfs: Any) -> None:
    tree = sysfs("gpus")
    world.sysfs = str(tree.root)
    world.set(f"gpu 1 bdf {APU}", "gpu 1 average 12")
    with pytest.raises(NotHere, match="part of the CPU's package"):
        world.sensor(hwmon_shows_apus=True)
    (tree.root / "class/hwmon/hwmon1/power1_input").unlink()  # nothing for hwmon to read
    assert only(world.sensor(hwmon_shows_apus=True)).of.name == f"apu-{APU}"


def test_a_partition_without_readings_of_its_own_is_said_and_left_out(world: World) -> None:
    world.set(GPU, "gpu 0 energy 1 1", f"gpu 1 bdf {OTHER}", "gpu 1 socket 0")
    sensor = world.sensor()
    sample = sensor.read()
    assert [reading.of.name for reading in sample.readings] == [ADDRESS]
    assert sample.failures == {}
    assert sensor.notes == [f"{OTHER} reports neither energy nor power: it is not measured"]
    world.set(GPU)
    with pytest.raises(NotHere, match="neither energy nor power"):
        world.sensor()


# --- package, library and driver


@pytest.mark.parametrize(
    ("fact", "outcome", "words"),
    [
        ("init 18", TryAgain, "AMDSMI_STATUS_INIT_ERROR - Initialization error"),
        (f"sockets {BUSY}", TryAgain, "Device busy"),
        ("init 34", NotHere, "Driver not loaded"),
        (f"init {NO_PERMISSION}", Denied, "Permission Denied"),
        ("", NotHere, "no AMD GPU"),
    ],
)
def test_what_the_driver_says_at_the_start(
    world: World, fact: str, outcome: type[Exception], words: str
) -> None:
    world.set(fact, *([GPU, "gpu 0 energy 1 1"] if fact else []))
    with pytest.raises(outcome, match=words) as caught:
        world.sensor()
    assert "\n" not in str(caught.value)
    world.set(GPU, "gpu 0 energy 3000000 1")
    assert only(world.sensor()).of.name == ADDRESS


def test_it_is_shut_down_and_opened_again(world: World) -> None:
    world.set(GPU, "gpu 0 energy 1 1")
    sensor = world.sensor()
    sensor.close()
    with pytest.raises(TryAgain, match="not open"):
        sensor.read()
    sensor.open()
    assert only(sensor).of.name == ADDRESS


@pytest.mark.slow
def test_without_the_library_it_is_absent_until_there_is_one(
    world: World, rocm: Path, tmp_path: Path, capfd: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    try:
        ctypes.CDLL("libamd_smi.so")
    except OSError:
        pass
    else:
        pytest.skip("ROCm is installed here")
    later = tmp_path / "rocm"
    monkeypatch.setenv("ROCM_PATH", str(later))
    world.set(GPU, "gpu 0 energy 1 1")
    for _ in range(2):
        with pytest.raises(NotHere, match=r"libamd_smi\.so cannot be loaded: .*No such file") as caught:
            world.sensor()
        assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")  # the package prints it
    (later / "lib").mkdir(parents=True)
    shutil.copy(rocm / "lib" / "libamd_smi.so", later / "lib")
    assert only(world.sensor()).of.name == ADDRESS


@pytest.mark.slow
def test_a_library_of_another_release_is_said_with_the_fix(
    world: World, tmp_path: Path, capfd: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = "amdsmi_get_lib_version"
    monkeypatch.setenv("ROCM_PATH", str(amd_smi.build(tmp_path / "rocm", without=missing)))
    world.set(GPU, "gpu 0 energy 1 1")
    with pytest.raises(Fatal, match=f"undefined symbol: {missing}") as caught:
        world.sensor()
    assert "ROCm release" in caught.value.fix
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
def test_without_the_package_it_is_absent() -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); sys.modules['amdsmi'] = None\n"  # as if not installed
        "from gramwatt_exporter.sensors.drivers.amd.amdsmi import AmdSmi\n"
        "try: AmdSmi('/sys', lambda: 0).open()\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )
    root = Path(gramwatt_exporter.__file__).parents[1]
    done = subprocess.run([sys.executable, "-I", "-c", code, root], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("NotHere the package amdsmi is not installed\n", "")
