"""AMD GPUs: the real package amdsmi over a stand-in for AMD's library."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import amd_smi
import gramwatt_exporter
import pytest
from gramwatt_exporter.config.schema import Config
from gramwatt_exporter.errors import Denied, Fatal, NotHere, TryAgain
from gramwatt_exporter.model import COMPONENTS, DeviceUse, EnergyReading, PowerReading, Reading
from gramwatt_exporter.sensors.amdsmi import AmdSmi
from gramwatt_exporter.sensors.bank import Bank
from gramwatt_exporter.sensors.registry import build
from msgspec.structs import replace
from simulation import SECOND, Machine, rig

ADDRESS, OTHER = "0000:03:00.0", "0000:c4:00.1"
GPU = f"gpu 0 bdf {ADDRESS}"
BUSY, NO_PERMISSION = 30, 10  # amdsmi_status_t
UNKNOWN_32, UNKNOWN_64 = 2**32 - 1, 2**64 - 1


@pytest.fixture(scope="session")
def rocm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ROCM_PATH with the stand-in in it."""
    if shutil.which("gcc") is None:
        pytest.skip("no gcc to build the stand-in for libamd_smi.so")
    return amd_smi.build(tmp_path_factory.mktemp("rocm"))


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

    def sensor(self, **settings: Any) -> AmdSmi:
        settings = {"procfs": str(self.procfs), "initial_pid_namespace": self.pid_namespace, **settings}
        sensor = AmdSmi(self.sysfs, self.clock, **settings)
        sensor.open()
        return sensor


def forget_package() -> None:
    """The next sensor imports it anew, from the library of its own environment."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "amdsmi"]:
        del sys.modules[name]


@pytest.fixture
def fresh() -> Iterator[None]:
    forget_package()
    yield
    forget_package()


@pytest.fixture
def world(rocm: Path, fresh: None, tmp_path: Path, clock: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.delenv("ROCM_HOME", raising=False)
    monkeypatch.setenv("ROCM_PATH", str(rocm))
    monkeypatch.setenv("AMD_SMI_STAND_IN_SCENARIO", str(tmp_path / "scenario"))
    return World(tmp_path / "scenario", clock)


def only(sensor: AmdSmi) -> Reading:
    (reading,) = sensor.read().readings
    return reading


# --- energy and power


def test_the_energy_counter_in_its_own_resolution(world: World) -> None:
    world.set(GPU, "gpu 0 energy 1000000000000 15.3", "gpu 0 average 95", "gpu 0 cap 300000000")
    reading = only(world.sensor(idle_watts=12.0))
    assert isinstance(reading, EnergyReading)
    assert reading.microjoules == 15_300_000_000_000  # and not what 15.3 is as a C float
    assert (reading.of.name, reading.of.max_watts) == (ADDRESS, 300.0)


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


def test_a_counter_that_is_wrong_is_dropped_after_a_suspend_too(world: World, clock: Any) -> None:
    sensor = None
    for second in range(25):
        world.set(GPU, f"gpu 0 energy {second} 1", "gpu 0 current 20")
        sensor = sensor or world.sensor()
        reading = only(sensor)
        clock.advance(3600 if second == 5 else 1)
    assert isinstance(reading, PowerReading)


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


# --- who used it


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


@pytest.fixture
def gpu(world: World) -> AmdSmi:
    """A GPU on whose list there was nobody."""
    world.set(GPU, "gpu 0 energy 1 1")
    sensor = world.sensor()
    sensor.read()
    return sensor


QUIET = ("utilisation", {})  # nobody used it: what it draws is its idle draw
UNCLEAR = ("none", {})


def test_use_is_time_on_the_engines_since_the_last_read(world: World, gpu: AmdSmi) -> None:
    first = use_after(world, gpu, (7, 1000), (8, 2000))
    assert seen(first) == UNCLEAR  # what they did before is not of this energy
    assert first.holders == {7, 8}
    assert seen(use_after(world, gpu, (7, 1300), (8, 2100))) == ("utilisation", {7: 300, 8: 100})
    assert seen(use_after(world, gpu, (7, 1300), (8, 2200))) == ("utilisation", {8: 100})


@pytest.mark.parametrize("newcomer", [50, 0])
def test_where_one_has_no_known_time_the_rest_of_the_time_is_unattributed(
    world: World, gpu: AmdSmi, newcomer: int
) -> None:
    """New, or on ROCm's own queues, whose time nobody tells."""
    use_after(world, gpu, (7, 1000))
    use = use_after(world, gpu, (7, 1300), (9, newcomer))
    assert seen(use) == ("utilisation", {7: 300, 0: SECOND - 300})


def test_who_left_may_have_worked_until_then(world: World, gpu: AmdSmi) -> None:
    use_after(world, gpu, (7, 1000), (8, 1000))
    assert seen(use_after(world, gpu, (7, 1300))) == ("utilisation", {7: 300, 0: SECOND - 300})
    assert seen(use_after(world, gpu, (7, 1600))) == ("utilisation", {7: 300})
    assert seen(use_after(world, gpu)) == UNCLEAR
    assert seen(use_after(world, gpu)) == QUIET


def test_time_asleep_is_no_time_in_which_somebody_may_have_worked(world: World, clock: Any) -> None:
    slept = 0
    world.set(GPU, "gpu 0 energy 1 1")
    sensor = world.sensor(awake_ns=lambda: clock() - slept)
    use_after(world, sensor, (7, 1000), (8, 0))
    clock.advance(3600)
    slept = 3600 * SECOND
    assert use_after(world, sensor, (7, 1300), (8, 0)).weights == {7: 300, 0: SECOND - 300}


def test_a_process_number_used_again_never_weighs_less_than_nothing(world: World, gpu: AmdSmi) -> None:
    use_after(world, gpu, (7, 5000), (8, 100))
    assert seen(use_after(world, gpu, (7, 10), (8, 150))) == ("utilisation", {8: 50, 0: SECOND - 50})
    assert seen(use_after(world, gpu, (7, 30), (8, 150))) == ("utilisation", {7: 20})


def test_without_engine_times_the_only_holder_or_nobody(world: World, gpu: AmdSmi) -> None:
    for _ in range(2):
        assert seen(use_after(world, gpu, (7, 0))) == ("holder", {7: 1})
    for _ in range(2):
        assert seen(use_after(world, gpu, (7, 0), (8, 0))) == UNCLEAR


def test_the_first_sample_of_a_lone_process_is_its_own(world: World, gpu: AmdSmi) -> None:
    assert seen(use_after(world, gpu, (7, 1000))) == ("holder", {7: 1})


def test_a_lone_process_whose_graphics_stand_still_works_on_a_gpu_that_works(
    world: World, gpu: AmdSmi
) -> None:
    """ROCm's own queues are not counted: having drawn something once does not mean that it does nothing now."""
    works, rests = "gpu 0 activity 100", "gpu 0 activity 0"
    use_after(world, gpu, (7, 1000), also=works)
    assert seen(use_after(world, gpu, (7, 5000), also=works)) == ("utilisation", {7: 4000})
    for _ in range(2):
        assert seen(use_after(world, gpu, (7, 5000), also=works)) == ("holder", {7: 1})
    assert seen(use_after(world, gpu, (7, 5000), also=rests)) == QUIET
    assert seen(use_after(world, gpu, (7, 5000), (8, 10), also=works)) == UNCLEAR
    assert seen(use_after(world, gpu, (7, 5000), also=works)) == UNCLEAR  # it may have been the one that left
    assert seen(use_after(world, gpu, (7, 5000), also=works)) == ("holder", {7: 1})


def test_the_exporter_itself_is_nobody(world: World, gpu: AmdSmi) -> None:
    """On an MI300 the library opens /dev/kfd: then the list has who asks for it."""
    assert seen(use_after(world, gpu, (7, 0), (os.getpid(), 0))) == ("holder", {7: 1})
    use_after(world, gpu, (os.getpid(), 0))
    assert seen(use_after(world, gpu, (os.getpid(), 0))) == QUIET


def test_it_is_quiet_when_nobody_is_there_or_all_who_are_did_nothing(world: World, gpu: AmdSmi) -> None:
    assert seen(use_after(world, gpu)) == QUIET
    use_after(world, gpu, (7, 1000), (8, 2000))
    assert seen(use_after(world, gpu, (7, 1000), (8, 2000))) == QUIET
    assert seen(use_after(world, gpu, (7, 1000), (8, 2000), (9, 5))) == UNCLEAR
    assert seen(use_after(world, gpu, (7, 1000), (8, 2000), (9, 0))) == UNCLEAR


def test_whether_it_was_quiet_before_the_first_read_is_not_known(world: World) -> None:
    world.set(GPU, "gpu 0 energy 1 1")
    (use,) = world.sensor().read().uses
    assert seen(use) == UNCLEAR


@pytest.mark.parametrize(("percent", "outcome"), [(0, QUIET), (60, UNCLEAR), (0xFFFF, QUIET)])
def test_a_gpu_that_works_for_nobody_on_the_list_is_not_quiet(
    world: World, gpu: AmdSmi, percent: int, outcome: object
) -> None:
    """The list is of those that opened /dev/kfd: a game is not on it."""
    assert seen(use_after(world, gpu, also=f"gpu 0 activity {percent}")) == outcome


def test_where_processes_may_be_hidden_an_empty_list_is_not_quiet(world: World) -> None:
    """In a PID namespace of its own, or neither root nor CAP_SYS_PTRACE."""
    world.set(GPU, "gpu 0 energy 1 1")
    apart = world.sensor(initial_pid_namespace=1)
    (world.procfs / "1/fdinfo").rmdir()
    for sensor in (apart, world.sensor()):
        sensor.read()
        assert seen(use_after(world, sensor)) == UNCLEAR


class Desk:
    """The GPU above in a simulated machine, with the exporter's real bank and bookkeeping."""

    def __init__(self, world: World, log: Any) -> None:
        self.world = world
        self.machine = Machine()
        world.clock = lambda: self.machine.now_ns
        world.set(GPU, "gpu 0 energy 0 1", "gpu 0 current 15")
        self.joules = 0
        sensor = world.sensor()
        sensor.slow_open = sensor.may_hang = False  # no threads
        bank = Bank([sensor], world.clock, log)
        bank.open()
        self.sampler = rig(self.machine, bank=bank).sampler
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
        return row.energy[COMPONENTS.index("gpu")] / 1_000_000

    def idle_watts(self) -> float | None:
        ((_, device),) = [(key, account.device) for key, account in self.sampler.accounts.devices.items()]
        microwatts, _ = self.sampler.baseline.of(device)
        return None if microwatts is None else microwatts / 1_000_000


@pytest.fixture
def desk(world: World, log: Any) -> Desk:
    return Desk(world, log)


def test_a_job_pays_from_its_first_sample_on_and_teaches_no_idle_draw(desk: Desk) -> None:
    for _ in range(2):
        desk.pass_time(15)
    assert desk.idle_watts() == 15
    job = desk.start("train")
    for sample in range(1, 5):
        desk.pass_time(300, (job, sample * 4 * SECOND))
    assert desk.joules_of(job) == 4 * 5 * (300 - 15)
    desk.pass_time(300)
    desk.pass_time(15)
    assert desk.idle_watts() == 15


def test_a_job_that_was_there_before_the_exporter_teaches_no_idle_draw(desk: Desk) -> None:
    job = desk.start("train")
    for sample in range(1, 5):
        desk.pass_time(300, (job, 1000 * SECOND + sample * 4 * SECOND))
    assert desk.idle_watts() is None
    assert desk.joules_of(job) == 4 * 5 * 300


def test_a_desktop_does_not_pay_for_the_job_whose_time_nobody_tells(desk: Desk) -> None:
    desktop, job = desk.start("kwin"), desk.start("train")
    spent = SECOND
    for drawn in (0, 0, SECOND // 100, SECOND // 100):
        spent += drawn
        desk.pass_time(300, (desktop, spent), (job, 0))
    assert desk.idle_watts() is None
    assert desk.joules_of(desktop) == 2 * 1500 // 500  # its hundredth of a second, of five
    assert desk.joules_of(job) == 0


def test_processes_that_may_not_be_seen_are_said_once_and_get_nothing(world: World) -> None:
    world.set(GPU, "gpu 0 energy 1 1", "gpu 0 process 7 0", f"gpu 0 process_status {NO_PERMISSION}")
    sensor = world.sensor()
    for _ in range(2):
        (use,) = sensor.read().uses
        assert (use.weights, use.holders) == ({}, frozenset())
    assert [note for note in sensor.notes if "root" in note] == sensor.notes
    assert len(sensor.notes) == 1


def test_a_process_name_that_is_no_text_spoils_nothing_but_the_split(world: World) -> None:
    world.set(GPU, "gpu 0 energy 5 1", "gpu 0 process 7 0 \udcff\udcfe")
    sample = world.sensor().read()
    assert [reading.of.name for reading in sample.readings] == [ADDRESS]
    assert sample.failures == {}
    assert sample.uses[0].weights == {}


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
    assert sensor.notes == ["0000:c4:00.2 tells neither energy nor power: it is not measured"]


# --- APUs

APU = "0000:0a:00.0"  # in the tree gpus, beside the card at ADDRESS


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
    bank = Bank([s for s in build(config, clock) if s.name in ("hwmon", "amdsmi")], clock, log)
    bank.open()
    deadline = time.monotonic() + 10
    while not bank.read().sensors[1].up:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    clock.advance(10)
    sample = bank.read()
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
    assert sensor.notes == [f"{OTHER} tells neither energy nor power: it is not measured"]
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


def test_without_the_package_it_is_absent() -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); sys.modules['amdsmi'] = None\n"  # as if not installed
        "from gramwatt_exporter.sensors.amdsmi import AmdSmi\n"
        "try: AmdSmi('/sys', lambda: 0).open()\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )
    root = Path(gramwatt_exporter.__file__).parents[1]
    done = subprocess.run([sys.executable, "-I", "-c", code, root], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("NotHere the package amdsmi is not installed\n", "")
