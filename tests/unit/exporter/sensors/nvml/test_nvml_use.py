"""Who used an NVIDIA GPU, and whether nobody did."""

from __future__ import annotations

from typing import Any

import pytest
from gramwatt_exporter.model import COMPONENTS, Group
from gramwatt_exporter.sensors.drivers.nvidia.nvml import Nvml
from gramwatt_exporter.sensors.sensor_set import SensorSet
from nvml_world import (
    ALONE,
    MIG,
    WALL_US,
    World,
    busy,
    energies,
    second_use,
    use_of,
    uses_within,
    weights_within,
)
from simulation import SECOND, Machine, rig


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
    assert use_of(sensor.read()).weights == {10: 600, 11: 200}  # multiprocessors weigh ten times an encoder
    later = uses_within(world, sensor, 4)[-1]
    assert (later.weights, later.method) == ({}, "context")  # nobody ran: a zero, not an error
    assert (first.quiet, later.quiet) == (False, True)


def test_a_read_sooner_than_the_counter_refreshes_keeps_users_for_the_next(world: World, clock: Any) -> None:
    world.set(*busy())
    sensor = world.sensor()
    first = sensor.read()
    clock.advance(0.01)
    world.set(*busy(f"gpu 0 util 10 {WALL_US + 5} 60"))
    soon = sensor.read()
    assert soon.readings == first.readings  # the sensor set sees that no time has passed
    assert soon.uses == ()
    clock.advance(1)
    assert use_of(sensor.read()).weights == {10: 600}


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
    assert use_of(sensor.read()).weights == {12: 50}


@pytest.mark.parametrize(
    ("row", "method"), [("0 {} 50", "none"), ("11 {} 4000", "none"), ("10 {} 0", "context")]
)
def test_only_rows_that_can_be_say_that_nobody_ran(world: World, clock: Any, row: str, method: str) -> None:
    world.set(*busy())
    sensor = world.sensor()
    sensor.read()
    clock.advance(1)
    world.set(*busy("gpu 0 util " + row.format(WALL_US + 10)))
    use = uses_within(world, sensor, 4)[0]
    assert (use.weights, use.method, use.quiet) == ({}, method, method == "context")


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
    sensor.read()
    assert not any(use.weights for use in uses_within(world, sensor, 11, step=1))
    # A row of four seconds ago, though newer than any row seen, is of the pause and not of this tick.
    world.set(*busy(f"gpu 0 util 10 {WALL_US + 7_000_000} 80"))
    assert weights_within(world, sensor, 2) == {}
    world.set(*busy(f"gpu 0 util 10 {world.wall_us() + 200_000} 80"))
    assert weights_within(world, sensor, 2) == {10: 800}


@pytest.mark.parametrize(("code", "method"), [(3, "none"), (0, "context"), (6, "context"), (7, "none")])
def test_errors_of_the_utilisation_call(world: World, clock: Any, code: int, method: str) -> None:
    facts = busy(f"gpu 0 util_error {code}") if code else busy()
    world.set(*facts)
    sensor = world.sensor()
    sensor.read()
    use = uses_within(world, sensor, 4)[0]
    assert (use.weights, use.method) == ({}, method)  # three holders: no equal split
    assert use.quiet == (method == "context")


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
    assert use.weights == {100: 3}
    assert use.groups == (Group(2, frozenset({101, 102})),)  # two holders in one instance: nobody knows which
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
    world.set(*facts)
    sensor = world.sensor()
    sensor.read()
    assert uses_within(world, sensor, 4)[0].quiet is quiet


def test_rows_of_nobody_on_a_list_say_that_somebody_ran(world: World) -> None:
    facts = ("gpu 0 uuid GPU-a", "gpu 0 energy_mj 1")
    world.set(*facts)
    sensor = world.sensor()
    sensor.read()
    world.set(*facts, f"gpu 0 util 0 {WALL_US + 10} 50")
    assert not uses_within(world, sensor, 4)[0].quiet


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
    sensor.slow_open = False  # no threads
    sensor.may_hang = False  # type: ignore[attr-defined]
    sensor_set = SensorSet([sensor], world.clock, log)
    sensor_set.open()
    sampler = rig(machine, sensor_set=sensor_set).sampler
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
    assert row.microjoules[COMPONENTS.index("gpu")] == 4 * 5 * (80 - 60) * 1_000_000


@pytest.mark.parametrize("count", [64, 65, 200])
def test_a_gpu_has_as_many_processes_as_its_driver_lists(world: World, clock: Any, count: int) -> None:
    pids = range(1000, 1000 + count)
    facts = ["gpu 0 uuid GPU-a", "gpu 0 energy_mj 1", *(f"gpu 0 compute {pid}" for pid in pids)]
    world.set(*facts)
    sensor = world.sensor()
    sensor.read()
    clock.advance(1)
    world.set(*facts, *(f"gpu 0 util {pid} {world.wall_us()} 1" for pid in pids))
    use = use_of(sensor.read())
    assert use.holders == frozenset(pids)
    assert use.weights == dict.fromkeys(pids, 10)
