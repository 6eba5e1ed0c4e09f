"""NVIDIA GPUs: the real pynvml over a stand-in for the driver's library."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from gramwatt_exporter.errors import Denied, Fatal, NotHere, TryAgain
from gramwatt_exporter.model import COMPONENTS, Device, DeviceUse, EnergyReading, Meter, PowerReading, Sample
from gramwatt_exporter.sensors.bank import Bank
from gramwatt_exporter.sensors.nvml import Nvml
from simulation import SECOND, Machine, rig

SOURCE = Path(__file__).parents[3] / "fixtures" / "nvml" / "nvml_stand_in.c"
WALL_US = 1_700_000_000_000_000


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compile the stand-in and load it, so that its SONAME answers for libnvidia-ml.so.1 in this process."""
    if shutil.which("gcc") is None:
        pytest.skip("no gcc to build the stand-in for libnvidia-ml.so.1")
    path = tmp_path_factory.mktemp("nvml") / "libnvidia-ml.so.1"
    subprocess.run(
        ["gcc", "-shared", "-fPIC", "-Wl,-soname,libnvidia-ml.so.1", "-o", str(path), str(SOURCE)], check=True
    )
    ctypes.CDLL(str(path))
    return path


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
        sensor = Nvml("/proc", self.clock, self.wall_us, initial_pid_namespace=first, **settings)
        if opened:
            sensor.open()
        return sensor


@pytest.fixture
def world(library: Path, tmp_path: Path, clock: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    world = World(tmp_path, clock)
    monkeypatch.setenv("NVML_STAND_IN_SCENARIO", str(world.file))
    world.set("init 9")
    return world


def energies(sample: Sample) -> dict[str, int]:
    return {r.of.name: r.microjoules for r in sample.readings if isinstance(r, EnergyReading)}


def powers(sample: Sample) -> dict[str, int]:
    return {r.of.name: r.microwatts for r in sample.readings if isinstance(r, PowerReading)}


def use_of(sample: Sample, uuid: str = "GPU-a") -> DeviceUse:
    return next(use for use in sample.uses if use.device.name == uuid)


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
        (["gpu 0 field 185 0 0 150000", "gpu 0 field 186 0 0 170000", "gpu 0 power_mw 1"], 150_000_000),
        (["gpu 0 field 186 0 0 170000", "gpu 0 power_mw 1"], 170_000_000),
        (
            ["gpu 0 field 185 0 999 150000", "gpu 0 field 186 0 0 170000"],
            170_000_000,
        ),  # the call is OK, the value not
        (["gpu 0 power_mw 90000"], 90_000_000),
    ],
)
def test_without_a_counter_power_by_the_best_door(world: World, facts: list[str], microwatts: int) -> None:
    world.set("gpu 0 uuid GPU-a", *facts)
    assert powers(world.sensor().read()) == {"GPU-a": microwatts}


def test_a_gpu_without_any_reading_is_said_and_left_out(world: World) -> None:
    world.set("gpu 0 uuid GPU-a", "gpu 1 uuid GPU-b", "gpu 1 energy_mj 5")
    sensor = world.sensor()
    assert energies(sensor.read()) == {"GPU-b": 5000}
    assert "GPU-a tells neither energy nor power" in sensor.notes[0]


def test_grace_hopper_counts_the_gpu_and_shows_the_module_beside_it(world: World) -> None:
    world.set(
        "gpu 0 uuid GPU-a", "gpu 0 energy_mj 1000",
        "gpu 0 field 185 0 0 300000", "gpu 0 field 185 1 0 500000",
    )  # fmt: skip
    sample = world.sensor().read()
    assert powers(sample) == {"GPU-a": 300_000_000, "module-GPU-a": 500_000_000}
    (module,) = [r.of for r in sample.readings if r.of.name == "module-GPU-a"]
    assert isinstance(module, Meter)
    assert module.covers == ()  # never makes a device "other", never added to the CPU's own meter


# --- who used it


def busy(*rows: str) -> list[str]:
    return [
        "gpu 0 uuid GPU-a",
        "gpu 0 energy_mj 1",
        "gpu 0 compute 10",
        "gpu 0 graphics 11",
        "gpu 0 mps 12",
        *rows,
    ]


def test_use_is_by_rows_newer_than_the_last(world: World, clock: Any) -> None:
    world.set(*busy(f"gpu 0 util 10 {WALL_US - 500} 90"))
    sensor = world.sensor()
    first = use_of(sensor.read())
    # From before the first reading. That is not "nobody": what it draws would be learned as its idle draw.
    assert (first.weights, first.method) == ({}, "none")
    assert first.holders == {10, 11, 12}
    clock.advance(1)
    rows = (
        f"gpu 0 util 10 {WALL_US - 500} 90",
        f"gpu 0 util 10 {WALL_US + 9} 60",
        f"gpu 0 util 11 {WALL_US + 9} 20",
    )
    world.set(*busy(*rows))
    assert use_of(sensor.read()).weights == {10: 60, 11: 20}
    clock.advance(1)
    later = use_of(sensor.read())
    assert (later.weights, later.method) == ({}, "utilisation")  # nobody ran: a zero, not an error
    assert (first.quiet, later.quiet) == (False, True)


def test_a_read_sooner_than_the_counter_refreshes_keeps_users_for_the_next(world: World, clock: Any) -> None:
    world.set(*busy())
    sensor = world.sensor()
    first = sensor.read()
    clock.advance(0.01)
    world.set(*busy(f"gpu 0 util 10 {WALL_US + 5} 60"))
    soon = sensor.read()
    assert soon.readings == first.readings  # the bank sees that no time has passed
    assert soon.uses == ()
    clock.advance(1)
    assert use_of(sensor.read()).weights == {10: 60}


def test_rows_that_cannot_be_are_left_out(world: World, clock: Any) -> None:
    world.set(*busy())
    sensor = world.sensor()
    sensor.read()
    clock.advance(1)
    new = WALL_US + 10
    world.set(
        *busy(
            f"gpu 0 util 0 {new} 50",
            f"gpu 0 util 10 {new} 0",
            f"gpu 0 util 11 {new} 4000",
            f"gpu 0 util 12 {new} 5",
        )
    )
    assert use_of(sensor.read()).weights == {12: 5}


@pytest.mark.parametrize(
    ("row", "method"), [("0 {} 50", "none"), ("11 {} 4000", "none"), ("10 {} 0", "utilisation")]
)
def test_only_rows_that_can_be_say_that_nobody_ran(world: World, clock: Any, row: str, method: str) -> None:
    world.set(*busy())
    sensor = world.sensor()
    sensor.read()
    clock.advance(1)
    world.set(*busy("gpu 0 util " + row.format(WALL_US + 10)))
    use = use_of(sensor.read())
    assert (use.weights, use.method, use.quiet) == ({}, method, method == "utilisation")


def test_a_gpu_that_is_back_while_a_job_runs_does_not_look_quiet(world: World, clock: Any) -> None:
    """Who ran before its first reading is not known; one process is there, so it was that one."""
    lone = ("gpu 0 uuid GPU-a", "gpu 0 energy_mj 1", "gpu 0 compute 10")
    world.set(*lone, f"gpu 0 util 10 {WALL_US - 500} 90")
    sensor = world.sensor()
    sensor.read()
    clock.advance(1)
    sensor.open()
    use = use_of(sensor.read())
    assert (use.weights, use.method) == ({10: 1}, "holder")


def test_time_goes_on_while_nobody_runs(world: World, clock: Any) -> None:
    world.set(*busy())
    sensor = world.sensor()
    for _ in range(10):
        clock.advance(1)
        assert use_of(sensor.read()).weights == {}
    clock.advance(1)
    # A row of four seconds ago, though newer than any row seen, is of the pause and not of this tick.
    world.set(*busy(f"gpu 0 util 10 {WALL_US + 7_000_000} 80"))
    assert use_of(sensor.read()).weights == {}
    clock.advance(1)
    world.set(*busy(f"gpu 0 util 10 {world.wall_us() - 200_000} 80"))
    assert use_of(sensor.read()).weights == {10: 80}


@pytest.mark.parametrize(
    ("code", "method"), [(3, "none"), (0, "utilisation"), (6, "utilisation"), (7, "none")]
)
def test_errors_of_the_utilisation_call(world: World, clock: Any, code: int, method: str) -> None:
    facts = busy(f"gpu 0 util_error {code}") if code else busy()
    world.set(*facts)
    sensor = world.sensor()
    sensor.read()
    clock.advance(1)
    use = use_of(sensor.read())
    assert (use.weights, use.method) == ({}, method)  # three holders: no equal split
    assert use.quiet == (method == "utilisation")


def test_without_utilisation_a_single_holder_is_the_user(world: World) -> None:
    world.set("gpu 0 uuid GPU-a", "gpu 0 energy_mj 1", "gpu 0 compute 10", "gpu 0 util_error 3")
    use = use_of(world.sensor().read())
    assert (use.weights, use.method) == ({10: 1}, "holder")


def test_mig_is_split_by_slices_of_instances_in_use(world: World) -> None:
    world.set(
        "gpu 0 uuid GPU-a", "gpu 0 energy_mj 1", "gpu 0 mig",
        "gpu 0 instance 0 3", "gpu 0 holder 0 100",
        "gpu 0 instance 1 2", "gpu 0 holder 1 101", "gpu 0 holder 1 102",
        "gpu 0 instance 2 1",
    )  # fmt: skip
    sample = world.sensor().read()
    assert energies(sample) == {"GPU-a": 1000}  # power is the parent's
    use = use_of(sample)
    assert use.weights == {100: 3, 0: 2}  # two holders in one instance: nobody knows which
    assert use.holders == {100, 101, 102}
    assert use.method == "slices"


def test_compute_instances_of_one_gpu_instance_weigh_their_own_slices(world: World) -> None:
    """1c.4g, 3c.4g and 3g: seven slices of compute, though each device tells the slices of its GPU instance, too."""
    shared = ("gpu 0 uuid GPU-a", "gpu 0 energy_mj 1", "gpu 0 mig",
        "gpu 0 instance 0 4 1", "gpu 0 instance 1 4 3", "gpu 0 instance 2 3",
        "gpu 0 holder 0 100", "gpu 0 holder 2 102",
    )  # fmt: skip
    world.set(*shared, "gpu 0 holder 1 101")
    sensor = world.sensor()
    assert use_of(sensor.read()).weights == {100: 1, 101: 3, 102: 3}
    world.clock.advance(1)
    world.set(*shared)  # 3c.4g idles: its neighbour inherits nothing
    assert use_of(sensor.read()).weights == {100: 1, 102: 3}


def test_in_another_pid_namespace_gpus_are_measured_and_not_split(world: World) -> None:
    world.set(*busy())
    sensor = world.sensor(pids=False)
    sample = sensor.read()
    assert energies(sample) == {"GPU-a": 1000}
    assert sample.uses == []
    assert "not split" in sensor.notes[0]


def test_where_there_is_no_namespace_to_see_gpus_are_not_split(world: World, clock: Any) -> None:
    world.set(*busy())
    sensor = Nvml(str(world.proc), clock, world.wall_us)
    sensor.open()
    assert sensor.read().uses == []


# --- whether nobody did

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


@pytest.mark.parametrize("nobody", [ALONE, MIG, (*ALONE[:2], "gpu 0 mig")])
def test_where_no_list_has_anybody_it_is_quiet(world: World, nobody: tuple[str, ...]) -> None:
    use = second_use(world, nobody, *nobody)
    assert (use.weights, use.method, use.quiet) == ({}, "none", True)


@pytest.mark.parametrize(
    ("nobody", "somebody"),
    [(ALONE, f"gpu 0 {kind} 10") for kind in ("compute", "graphics", "mps")]
    + [
        (ALONE, "gpu 0 compute 0"),
        (MIG, "gpu 0 holder 0 10"),
        (MIG, "gpu 0 holder 1 10"),
        (MIG, "gpu 0 holder 1 0"),
    ]
    # An instance that the container does not show: the lists of the whole GPU have its processes.
    + [(MIG, "gpu 0 compute 10")],
)
def test_it_is_quiet_only_when_nobody_is_there_and_nobody_was_at_the_last_read(
    world: World, nobody: tuple[str, ...], somebody: str
) -> None:
    assert not second_use(world, nobody, *nobody, somebody).quiet
    sensor = world.sensor()
    for facts, quiet in (((somebody,), False), ((), False), ((), True)):
        world.set(*nobody, *facts)
        assert use_of(sensor.read()).quiet is quiet
        world.clock.advance(1)


@pytest.mark.parametrize(
    ("nobody", "trouble", "quiet"),
    [
        (ALONE, "list_error -1 0 4", False),  # no permission
        (ALONE, "list_error -1 0 3", False),  # the one list that every GPU has
        (ALONE, "list_error -1 1 999", False),
        (ALONE, "list_error -1 2 999", False),
        (ALONE, "list_error -1 1 3", True),  # a GPU without graphics
        (ALONE, "list_error -1 2 3", True),  # and without MPS
        (MIG, "list_error 1 0 4", False),
        (MIG, "list_error 1 0 3", False),
        (MIG, "list_error 1 1 3", True),
        (MIG, "list_error -1 0 4", False),  # told to privileged callers only
        (MIG, "instance_error 1 4", False),
    ],
)
def test_a_list_that_could_not_be_read_is_not_empty(
    world: World, nobody: tuple[str, ...], trouble: str, quiet: bool
) -> None:
    facts = (*nobody, f"gpu 0 {trouble}")
    assert second_use(world, facts, *facts).quiet is quiet


@pytest.mark.parametrize(("code", "quiet"), [(3, True), (4, True), (13, True), (999, False), (7, False)])
def test_lists_speak_only_where_utilisation_never_will(world: World, code: int, quiet: bool) -> None:
    facts = ("gpu 0 uuid GPU-a", "gpu 0 energy_mj 1", f"gpu 0 util_error {code}")
    assert second_use(world, facts, *facts).quiet is quiet


def test_rows_of_nobody_on_a_list_say_that_somebody_ran(world: World) -> None:
    facts = ("gpu 0 uuid GPU-a", "gpu 0 energy_mj 1")
    assert not second_use(world, facts, *facts, f"gpu 0 util 0 {WALL_US + 10} 50").quiet


def test_who_was_there_while_it_could_not_be_read_is_not_known(world: World, clock: Any) -> None:
    other = ("gpu 1 uuid GPU-b", "gpu 1 energy_mj 1")
    world.set(*ALONE, *other)
    sensor = world.sensor()
    for facts, quiet in (((), False), (("gpu 0 error 999",), None), ((), False), ((), True)):
        world.set(*ALONE, *other, *facts)
        sample = sensor.read()
        assert [use.quiet for use in sample.uses if use.device.name == "GPU-a"] == (
            [] if quiet is None else [quiet]
        )
        clock.advance(1)


@pytest.mark.parametrize(
    ("always", "job"), [(MIG, "gpu 0 holder 0"), (ALONE, "gpu 0 compute")], ids=["mig", "no utilisation"]
)
def test_a_job_does_not_pay_for_what_the_gpu_draws_without_it(
    world: World, log: Any, always: tuple[str, ...], job: str
) -> None:
    machine = Machine()
    world.clock = lambda: machine.now_ns
    world.wall_us = lambda: WALL_US  # type: ignore[method-assign]
    joules = 0

    def pass_time(watts: int, *facts: str) -> None:
        nonlocal joules
        machine.advance(5 * SECOND)
        joules += 5 * watts
        world.set(
            *(fact for fact in always if "energy" not in fact), f"gpu 0 energy_mj {joules * 1000}", *facts
        )

    pass_time(60)
    sensor = world.sensor()
    sensor.slow_open = sensor.may_hang = False  # no threads
    bank = Bank([sensor], world.clock, log)
    bank.open()
    sampler = rig(machine, bank=bank).sampler
    sampler.sample()
    for _ in range(3):
        pass_time(60)
        sampler.sample()
    process = machine.fork(1, command="train")
    assert process is not None
    for _ in range(4):
        pass_time(80, f"{job} {process.pid}")
        sampler.sample()
    row = sampler.table.find(process.pid)
    assert row is not None
    assert row.energy[COMPONENTS.index("gpu")] == 4 * 5 * (80 - 60) * 1_000_000


# --- errors


@pytest.mark.parametrize(("code", "reason"), [(15, "lost"), (16, "reset_required"), (999, "error")])
def test_a_broken_gpu_is_frozen_alone(world: World, clock: Any, log: Any, code: int, reason: str) -> None:
    def both(one: int, two: int, *more: str) -> None:
        world.set(
            "gpu 0 uuid GPU-a", f"gpu 0 energy_mj {one}", "gpu 1 uuid GPU-b", f"gpu 1 energy_mj {two}", *more
        )

    both(1000, 1000)
    bank = Bank([world.sensor(opened=False)], clock, log)
    bank.open()
    _wait_until_up(bank)
    clock.advance(1)
    both(1000, 2000, f"gpu 0 error {code}")
    sample = bank.read()
    assert {s.device.name: s.microjoules for s in sample.steps} == {"GPU-b": 1_000_000}
    assert sample.sensors[0].up
    assert sample.sensors[0].failures == {reason: 1}
    clock.advance(61)
    both(3000, 3000)
    steps = {s.device.name: s for s in bank.read().steps}
    assert steps["GPU-a"].microjoules == 2_000_000
    assert steps["GPU-a"].nanoseconds == 62_000_000_000
    assert steps["GPU-a"].missed
    assert steps["GPU-b"].microjoules == 1_000_000


def _wait_until_up(bank: Bank, clock: Any = None) -> None:
    """The sensor opens on a thread of its own; with a clock, let its pauses between attempts pass."""
    deadline = time.monotonic() + 10
    while not bank.read().sensors[0].up:
        assert time.monotonic() < deadline
        time.sleep(0.005)
        if clock is not None:
            clock.advance(1)


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
    bank = Bank([world.sensor(opened=False)], clock, log)
    bank.open()
    _wait_until_up(bank)
    for now in range(10, 130, 10):
        clock.advance(10)
        second(now, *(["gpu 1 error 15"] if now < 50 else []))
        sample = bank.read()
    assert {step.device.name: step.microjoules for step in sample.steps} == {
        "GPU-a": 10_000_000,
        "GPU-b": 20_000_000,
    }
    failures = sample.sensors[0].failures
    clock.advance(10)
    second(130)
    assert bank.read().sensors[0].failures == failures  # nothing is amiss any more


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
    sensor = Nvml("/proc", SlowDriver(), world.wall_us)
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
    world.set("gpu 0 uuid GPU-a", "gpu 0 energy_mj 5000000")
    bank = Bank([world.sensor(opened=False)], clock, log)
    bank.open()
    _wait_until_up(bank)
    for _ in range(4):  # unloaded: every call fails, then init does
        clock.advance(1)
        world.set("init 9", "gpu 0 uuid GPU-a", "gpu 0 error 9")
        sample = bank.read()
        assert sample.steps == []
        assert not sample.sensors[0].up
    world.set("gpu 0 uuid GPU-a", "gpu 0 energy_mj 100")
    _wait_until_up(bank, clock)
    assert bank.read().resets == {("gpu", "GPU-a"): 1}
    clock.advance(1)
    world.set("gpu 0 uuid GPU-a", "gpu 0 energy_mj 300")
    assert [step.microjoules for step in bank.read().steps] == [200_000]


def test_the_counter_is_the_integral_of_true_power(world: World, clock: Any, log: Any) -> None:
    """A square wave between 80 and 400 W: what the bank books is the wave's energy to the millijoule."""
    bank = Bank([world.sensor(opened=False)], clock, log)

    def at(second: int) -> None:
        world.set(f"now_us {second * 1_000_000}", "gpu 0 uuid GPU-a", "gpu 0 watts 80 400 3")

    at(0)
    bank.open()
    _wait_until_up(bank)
    booked = 0
    for second in range(1, 61):
        clock.advance(1)
        at(second)
        booked += sum(step.microjoules for step in bank.read().steps)
    assert booked == (80 + 400) * 30 * 1_000_000


def test_pynvml_is_not_imported_where_there_is_no_library() -> None:
    code = (
        "import sys\n"
        "from gramwatt_exporter.errors import NotHere\n"
        "from gramwatt_exporter.sensors import nvml\n"
        "nvml.LIBRARY = 'libnvidia-ml-that-is-not-there.so.1'\n"
        "try:\n"
        "    nvml.Nvml('/proc', lambda: 0, lambda: 0).open()\n"
        "except NotHere:\n"
        "    print('pynvml' in sys.modules)\n"
    )
    env = {key: value for key, value in os.environ.items() if key != "LD_LIBRARY_PATH"}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    assert run.stdout.strip() == "False"


def test_a_daemon_finds_the_stand_in_by_its_library_path(world: World, library: Path) -> None:
    world.set("gpu 0 uuid GPU-a", "gpu 0 watts 100")
    code = (
        "import time\n"
        "from gramwatt_exporter.sensors.nvml import Nvml\n"
        "sensor = Nvml('/proc', time.monotonic_ns, lambda: time.time_ns() // 1000)\n"
        "sensor.open()\n"
        "print([reading.of.name for reading in sensor.read().readings])\n"
    )
    env = {**os.environ, "LD_LIBRARY_PATH": str(library.parent)}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    assert run.stdout.strip() == "['GPU-a']"
