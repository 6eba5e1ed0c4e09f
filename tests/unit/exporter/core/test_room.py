"""Workloads that ended long ago make room for new ones, and no sum notices."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from gramwatt_exporter.ledger import persistence
from gramwatt_exporter.ledger.accounts import MOST_OTHERS, OTHERS, Accounts, is_others
from gramwatt_exporter.ledger.places import MOST_WORKLOADS, ROOT_PART
from gramwatt_exporter.model import Workload
from gramwatt_exporter.snapshot import Snapshot, WorkloadView
from simulation import CPU, DRAM, SECOND, Machine, Rig, rig

WAVE = 300
MANY = 4500  # of the 5,000 that the simulated machine may hold
FOR_ROOT = MOST_WORKLOADS // ROOT_PART


def run_jobs(simulated: Rig, first: int, count: int, uid: int = 1000) -> None:
    """One sample in which ``count`` units of a user each use 1 ms, and the next, in which they have ended."""
    machine = simulated.machine
    pids = []
    for number in range(first, first + count):
        process = machine.fork(1, uid=uid, command="train", unit=f"job-{number}.service")
        assert process is not None
        machine.work(process.pid, 1_000_000)
        pids.append(process.pid)
    sample(simulated, 1)
    for pid in pids:
        machine.exit(pid)
    sample(simulated, 1)


def sample(simulated: Rig, seconds: int) -> None:
    simulated.machine.advance(seconds * SECOND)
    for device in (CPU, DRAM):
        simulated.meters.draw(device, 10_000_000, seconds * SECOND)
    simulated.sampler.sample()


def by_user(snapshot: Snapshot) -> Counter[str]:
    microjoules: Counter[str] = Counter()
    for view in everything(snapshot):
        microjoules[view.user] += sum(view.microjoules)
    return microjoules


def everything(snapshot: Snapshot) -> list[WorkloadView]:
    return [*snapshot.workloads, *snapshot.departed_workloads]


@pytest.mark.slow
def test_jobs_of_months_leave_room_for_each_new_one_and_no_sum_goes_back() -> None:
    simulated = rig(Machine(pid_max=4_000_000))
    simulated.sampler.sample()
    before: Counter[str] = Counter()
    for wave in range(20):
        run_jobs(simulated, wave * WAVE, WAVE, uid=1000 + wave % 2)
        sample(simulated, 20 * 60)  # the next look sees that they are quiet
        sample(simulated, 20 * 60)
        snapshot = simulated.sampler.freeze()
        names = {view.name for view in snapshot.workloads}
        assert f"job-{wave * WAVE}.service" not in names, "it ended long ago"
        assert len(snapshot.workloads) < WAVE
        assert OTHERS.name not in names
        now = by_user(snapshot)
        assert all(now[user] >= microjoules for user, microjoules in before.items())
        before = now
        used = sum(sum(device.partition[1:3]) for device in snapshot.devices)
        assert sum(now.values()) == used
    assert {(view.kind, view.user) for view in snapshot.departed_workloads} == {
        ("unit", "alice"),
        ("unit", "bob"),
    }
    assert (
        sum(view.cpu_nanoseconds for view in everything(snapshot))
        == simulated.sampler.accounts.used_cpu_nanoseconds
    )


@pytest.mark.slow
def test_who_has_a_process_or_was_busy_a_moment_ago_stays() -> None:
    simulated = rig(Machine(pid_max=4_000_000))
    machine = simulated.machine
    simulated.sampler.sample()
    daemon = machine.fork(1, command="daemon", unit="daemon.service")
    assert daemon is not None
    machine.work(daemon.pid, 1_000_000)
    daemon.pages = 0  # idle from now on, and too small to be charged for memory
    run_jobs(simulated, 0, MANY)
    sample(simulated, 14 * 60)
    assert not simulated.sampler.freeze().departed_workloads
    for _ in range(2):
        sample(simulated, 16 * 60)
    snapshot = simulated.sampler.freeze()
    assert snapshot.departed_workloads
    assert "daemon.service" in {view.name for view in snapshot.workloads}


@pytest.mark.slow
def test_an_end_told_after_its_workload_left_counts_for_the_departed() -> None:
    simulated = rig(Machine(pid_max=4_000_000))
    machine, sampler = simulated.machine, simulated.sampler
    sampler.sample()
    parent = machine.fork(1, command="parent")
    assert parent is not None
    child = machine.fork(parent.pid, command="child", unit="old.service", uid=1000)
    assert child is not None
    machine.work(child.pid, 1_000_000)
    sample(simulated, 1)
    row = sampler.table.find(child.pid)
    assert row is not None
    machine.exit(child.pid)
    run_jobs(simulated, 0, MANY)
    for _ in range(3):
        sample(simulated, 20 * 60)
    assert "old.service" not in {view.name for view in sampler.freeze().workloads}
    assert row.account.heir is not None
    heir, microjoules = row.account.heir, row.account.heir.microjoules[0]
    # As if only now the parent waited for it, with time that no message told.
    assert sampler.table._waited is not None
    sampler.table._waited.settle = lambda _live: [(row, 5_000_000)]  # type: ignore[method-assign,assignment]
    machine.busy_ns += 5_000_000
    simulated.meters.draw(CPU, 2_000_000, 0)  # beyond the idle draw it has learned
    sample(simulated, 1)
    assert heir.microjoules[0] > microjoules
    snapshot = sampler.freeze()
    used = sum(sum(device.partition[1:3]) for device in snapshot.devices)
    assert sum(sum(view.microjoules) for view in everything(snapshot)) == used


def test_one_user_cannot_take_the_places_of_others_nor_those_of_root() -> None:
    accounts = Accounts()
    for number in range(2 * MOST_WORKLOADS):
        accounts.workload(Workload(f"{number}", "command", "mallory")).microjoules[0] += 1
    theirs = [workload for workload in accounts.workloads if workload.user == "mallory"]
    assert len(theirs) <= MOST_WORKLOADS - FOR_ROOT
    assert accounts.workloads[Workload(OTHERS.name, OTHERS.kind, "mallory")].microjoules[0] > MOST_WORKLOADS
    for user in ("alice", "bob", "carol"):
        assert accounts.workload(Workload("train", "unit", user)).workload.name == "train"
    for number in range(FOR_ROOT):
        assert accounts.workload(Workload(f"{number}", "unit", "root")).workload.name == str(number)
    assert sum(account.microjoules[0] for account in accounts.workloads.values()) == 2 * MOST_WORKLOADS


def test_a_thousand_users_with_too_many_workloads_are_bounded_too() -> None:
    accounts = Accounts()
    for number in range(MOST_WORKLOADS):
        accounts.workload(Workload(f"{number}", "unit", "root"))
    for number in range(3 * MOST_OTHERS):
        accounts.workload(Workload("train", "unit", f"user-{number}")).microjoules[0] += 1
    others = [account for workload, account in accounts.workloads.items() if is_others(workload)]
    assert len(others) <= MOST_OTHERS + 1
    assert sum(account.microjoules[0] for account in others) == 3 * MOST_OTHERS


@pytest.mark.slow
def test_a_crowd_that_came_at_once_leaves_the_others_when_there_is_room() -> None:
    simulated = rig(Machine(pid_max=4_000_000))
    machine, sampler = simulated.machine, simulated.sampler
    sampler.sample()
    run_jobs(simulated, 0, MANY - 10)
    for _ in range(3):
        sample(simulated, 20 * 60)
    crowd = [machine.fork(1, command="train", unit=f"crowd-{number}.service") for number in range(600)]
    for seconds in (1, 1, 60, 60):
        for process in crowd:
            assert process is not None
            machine.work(process.pid, 1_000_000)
        sample(simulated, seconds)
    accounts = {row.account.workload.name for row in sampler.table.rows}
    assert OTHERS.name not in accounts
    snapshot = sampler.freeze()
    used = sum(sum(device.partition[1:3]) for device in snapshot.devices)
    assert sum(sum(view.microjoules) for view in everything(snapshot)) == used


def test_sums_survive_a_restart_with_the_others_and_the_departed() -> None:
    before, after = Accounts(), Accounts()
    for number in range(MOST_WORKLOADS + 1):
        before.workload(Workload(f"{number}", "unit", "alice")).microjoules[0] += 1
    before.departed_workload(Workload("old", "unit", "bob")).microjoules[0] = 7
    saved = json.loads(json.dumps(persistence.dump(before, ([0] * 4, [0] * 4, 0))))
    persistence.load(after, saved)
    for accounts in (before, after):
        assert sum(account.microjoules[0] for account in accounts.workloads.values()) == MOST_WORKLOADS + 1
        assert [account.microjoules[0] for account in accounts.departed_workloads.values()] == [7]
    del saved["departed_workloads"]  # a ledger from before any could leave
    persistence.load(Accounts(), saved)
