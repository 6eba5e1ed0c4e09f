"""A process stays the same row whoever adopts it, keeps its budgets over an exec, and pays for memory till it ends."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from gramwatt_exporter.budgets import BudgetBook
from gramwatt_exporter.config import Config, Period
from gramwatt_exporter.config.scalars import Mass
from gramwatt_exporter.config.schema import Budget, Process
from gramwatt_exporter.model import Device, Identity, Intensity, IntensityState, Workload
from gramwatt_exporter.processes.row import Row
from gramwatt_exporter.snapshot import Snapshot
from gramwatt_exporter.units import grams
from gramwatt_exporter.windows import OpenRequest, Peer
from simulation import DRAM, SECOND, Machine, Rig, rig

BUSY = Device("cpu", "package-0", "rapl", 0.05, idle_watts=0.0)
JOULE = 1_000_000


def sample(simulated: Rig, joules: int = 50) -> Snapshot:
    simulated.machine.advance(5 * SECOND)
    simulated.meters.draw(BUSY, joules * JOULE, 5 * SECOND)
    simulated.sampler.sample()
    return simulated.sampler.freeze()


def with_budget(match: dict[Any, str], machine: Machine | None = None) -> Rig:
    budget = Budget(name="one", match=match, limit=Mass(1000.0), period=Period.parse("1h"))
    simulated = rig(machine, msgspec.structs.replace(Config(), budgets=[budget]))
    simulated.intensity[0] = IntensityState(
        average=Intensity(1000.0, "FR", "static", "average", "measured", "lifecycle", 0.0)
    )
    return simulated


def recorded(simulated: Rig, pid: int) -> Row:
    """A process, from now on in a window of the model llama."""
    sampler = simulated.sampler
    row = sampler.table.find(pid)
    assert row is not None
    request = OpenRequest(name="t", phase="training", model="llama", pid=pid)
    window = sampler.windows.open(request, Peer(1000, pid, "alice"))
    sampler.windows.add_process(window.id, (pid, row.identity.start))
    sampler.membership.attach(window.id, row)
    return row


def test_a_series_goes_on_when_init_adopts_its_process() -> None:
    simulated = rig()
    machine = simulated.machine
    shell = machine.fork(1, command="bash", unit="u.service")
    assert shell is not None
    long = machine.fork(shell.pid, command="long")
    assert long is not None
    sample(simulated)
    for number in range(12):
        if number == 3:
            machine.exit(shell.pid)
        machine.work(long.pid, SECOND)
        snapshot = sample(simulated)
        (view,) = [view for view in snapshot.processes if view.pid == long.pid]
        assert view.microjoules[0] == number * 50 * JOULE  # from its first sample on
    assert snapshot.departed.microjoules[0] == 0
    row = simulated.sampler.table.find(long.pid)
    assert row is not None
    assert row.identity.parent == 1


def test_a_budget_of_a_window_is_charged_after_an_exec_in_it() -> None:
    simulated = with_budget({"model": "llama"})
    machine = simulated.machine
    shell = machine.fork(1, command="bash")
    assert shell is not None
    sample(simulated)
    row = recorded(simulated, shell.pid)
    for number in range(8):
        if number == 3:
            shell.command = "python3"
        machine.work(shell.pid, SECOND)
        snapshot = sample(simulated, 3600)
    assert row.identity.command == "python3"
    assert grams(snapshot.budgets[0].emission_units) == pytest.approx(8.0)


def test_budgets_of_a_window_are_charged_for_children_nobody_saw_alive() -> None:
    simulated = with_budget({"model": "llama"}, Machine(by_age=True))
    machine = simulated.machine
    make = machine.fork(1, command="make")
    assert make is not None
    sample(simulated)
    recorded(simulated, make.pid)
    for _ in range(5):
        child = machine.fork(make.pid, command="cc1")
        assert child is not None
        machine.work(child.pid, SECOND)
        machine.exit(child.pid)
        snapshot = sample(simulated, 3600)
    (view,) = snapshot.windows
    assert snapshot.budgets[0].emission_units == view.emission_units["cpu"]
    assert grams(snapshot.budgets[0].emission_units) == pytest.approx(5.0)


def test_who_ended_before_a_reload_may_still_name_a_budget_that_is_gone() -> None:
    simulated = with_budget({"user": "alice"}, Machine(coarse_ns=10_000_000))
    machine, sampler = simulated.machine, simulated.sampler
    sample(simulated)
    make = machine.fork(1, command="make")
    assert make is not None
    sample(simulated)

    def child(nanoseconds: int) -> None:
        process = machine.fork(make.pid, command="cc1")
        assert process is not None
        machine.work(process.pid, nanoseconds)
        machine.exit(process.pid)

    child(19_000_000)
    for _ in range(5):
        sample(simulated)
    sampler.replace_budgets(BudgetBook([], lambda: machine.wall))
    machine.stale_ns = 9_000_000
    for _ in range(6):
        child(39_000_000)
        snapshot = sample(simulated)
        used = sum(sum(device.partition[1:3]) for device in snapshot.devices)
        assert sum(sum(view.microjoules) for view in snapshot.workloads) == used
    assert snapshot.sample_failures == 0


def test_a_zombie_pays_for_no_memory() -> None:
    simulated = rig()
    machine = simulated.machine
    careless = machine.fork(1, command="careless", pages=100)
    train = machine.fork(careless.pid if careless else 1, command="train", pages=30_000)
    assert train is not None
    for _ in range(2):
        simulated.meters.draw(DRAM, 10 * JOULE, 5 * SECOND)
        machine.work(train.pid, SECOND)
        sample(simulated)
    row = simulated.sampler.table.find(train.pid)
    assert row is not None
    assert row.microjoules[1] > 0
    machine.work(train.pid, SECOND)
    machine.exit(train.pid, zombie=True)
    sample(simulated)
    paid = row.microjoules[1]
    for _ in range(3):
        simulated.meters.draw(DRAM, 10 * JOULE, 5 * SECOND)
        sample(simulated)
    assert row.microjoules[1] == paid


@pytest.mark.parametrize("watts", [0.14, 0.4, 1.2])
def test_rows_of_constant_power_do_not_change_places(watts: float) -> None:
    simulated = rig(config=Config(process=Process(series=1)))
    machine = simulated.machine
    machine.processes[1].pages = 0
    simulated.sampler.sample()
    store = machine.fork(1, command="redis", pages=25_000)  # idle, with half of the used memory: 2 W
    job = machine.fork(1, command="job", pages=0)
    assert store is not None
    assert job is not None
    shown = []
    for _ in range(60):
        simulated.meters.draw(DRAM, 40 * JOULE, 5 * SECOND)
        simulated.meters.draw(BUSY, round(watts * 5 * JOULE), 5 * SECOND)
        machine.work(job.pid, SECOND // 2)
        machine.advance(5 * SECOND)
        simulated.sampler.sample()
        shown.append([view.command for view in simulated.sampler.freeze().processes])
    assert all(names == ["redis"] for names in shown[24:])


@pytest.mark.parametrize(("owner", "user"), [(1000, "alice"), (None, "root")])
def test_who_nobody_saw_alive_counts_for_the_owner_of_its_job(owner: int | None, user: str) -> None:
    simulated = rig(Machine(by_age=True))
    machine = simulated.machine
    task = machine.fork(1, command="task", unit="job", owner=owner)
    assert task is not None
    sample(simulated)
    sudo = machine.fork(task.pid, command="sudo", uid=0)
    assert sudo is not None
    machine.work(sudo.pid, SECOND)
    machine.exit(sudo.pid)
    snapshot = sample(simulated)
    (view,) = [view for view in snapshot.workloads if view.microjoules[0]]
    assert (view.name, view.user) == ("job", user)


@pytest.mark.parametrize("busy_watts", [7.0, 8.0, 9.5])
def test_a_window_that_opens_does_not_move_the_hottest(busy_watts: float) -> None:
    simulated = rig(config=Config(process=Process(series=1)))
    machine = simulated.machine
    machine.processes[1].pages = 0
    simulated.sampler.sample()
    cache = machine.fork(1, command="cache", pages=25_000)
    busy = machine.fork(1, command="busy", pages=0)
    assert cache is not None
    assert busy is not None
    shown = []
    for number in range(120):
        # Opening and stopping a window takes a sample of its own, of milliseconds.
        for seconds in (2.5, 0.01, 2.49) if number % 6 == 0 else (5,):
            nanoseconds = round(seconds * SECOND)
            machine.advance(nanoseconds)
            machine.work(busy.pid, nanoseconds)
            simulated.meters.draw(
                DRAM, round(40 * JOULE * seconds), nanoseconds
            )  # a quarter of it is the cache's
            simulated.meters.draw(BUSY, round(busy_watts * JOULE * seconds), nanoseconds)
            simulated.sampler.sample()
            shown += [view.command for view in simulated.sampler.freeze().processes]
    assert set(shown[60:]) == {shown[-1]}


class SlurmNode(Machine):
    """All its processes but init are in job 42, whose owner is not known while root's alone are alive."""

    def identity(self, pid: int) -> Identity | None:
        found = super().identity(pid)
        if found is None or pid == 1:
            return found
        workload = Workload("42", "slurm", self.user_name(found.uid))
        return msgspec.structs.replace(found, workload=workload, owner=found.uid)


def test_tasks_nobody_saw_alive_count_for_the_owner_of_the_job_they_make_known() -> None:
    simulated = rig(SlurmNode(by_age=True))
    machine = simulated.machine
    daemon = machine.fork(1, command="slurmstepd", uid=0)
    assert daemon is not None
    sample(simulated)
    task = machine.fork(daemon.pid, command="task", uid=1000)
    assert task is not None
    machine.work(task.pid, SECOND)
    machine.exit(task.pid)
    snapshot = sample(simulated)
    (view,) = [view for view in snapshot.workloads if view.microjoules[0]]
    assert (view.name, view.kind, view.user) == ("42", "slurm", "alice")
