"""Who used an AMD GPU, and whether nobody did."""

from __future__ import annotations

import os
from typing import Any

import pytest
from amdsmi_world import (
    ADDRESS,
    GPU,
    NO_PERMISSION,
    QUIET,
    UNCLEAR,
    Desk,
    World,
    seen,
    use_after,
)
from gramwatt_exporter.model import Group
from gramwatt_exporter.sensors.drivers.amd.amdsmi import AmdSmi
from simulation import SECOND


@pytest.mark.slow
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
    assert seen(use_after(world, gpu)) == ("holder", {7: 1})  # nobody else was there
    assert seen(use_after(world, gpu)) == QUIET


def test_several_that_left_between_two_looks_have_the_time_together(world: World, gpu: AmdSmi) -> None:
    use_after(world, gpu, (7, 1000), (8, 1000))
    use = use_after(world, gpu)
    assert seen(use) == UNCLEAR
    assert use.groups == (Group(1, frozenset({7, 8})),)


def test_a_process_that_began_since_the_last_look_has_all_its_time_since_then(
    world: World, gpu: AmdSmi
) -> None:
    use_after(world, gpu, (7, 1000))
    stat = world.procfs / "9/stat"
    stat.parent.mkdir()
    stat.write_text(f"9 (a) b) R {'0 ' * 18}{world.clock() // 10_000_000} 0\n")
    assert seen(use_after(world, gpu, (7, 1300), (9, 600))) == ("utilisation", {7: 300, 9: 600})


@pytest.mark.parametrize("gauges", ["0 60 0", "0 0 60"])
def test_a_gpu_that_copies_or_encodes_is_not_quiet(world: World, gpu: AmdSmi, gauges: str) -> None:
    assert seen(use_after(world, gpu, also=f"gpu 0 activity {gauges}")) == UNCLEAR


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


@pytest.mark.slow
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
