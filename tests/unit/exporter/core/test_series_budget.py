"""What one machine publishes stays small, whatever runs on it, and no joule goes missing by that."""

from __future__ import annotations

from collections import Counter

import pytest
from gramwatt_exporter.config import Config, Duration
from gramwatt_exporter.config.schema import Workloads
from gramwatt_exporter.metrics.exposition import Exposition
from gramwatt_exporter.model import COMPONENTS, Intensity, IntensityState
from gramwatt_exporter.snapshot import Snapshot
from simulation import CPU, DRAM, SECOND, Machine, Process, Rig, rig

BUDGET = 1000
JOBS_A_SECOND, USERS, LIFE_SAMPLES = 12, 20, 2


def sample(simulated: Rig, exposition: Exposition, seconds: int = 5) -> Snapshot:
    simulated.machine.advance(seconds * SECOND)
    for device in (CPU, DRAM):
        simulated.meters.draw(device, 10_000_000 * seconds, seconds * SECOND)
    sampler = simulated.sampler
    sampler.scraped(exposition.take_scrapes())
    sampler.picture.first_scrape.witnessed(exposition.witnessed())
    sampler.sample()
    snapshot = sampler.freeze()
    exposition.publish(snapshot)
    return snapshot


def lines(exposition: Exposition) -> Counter[str]:
    """Samples of a scrape by metric."""
    body = exposition.scrape("10.0.0.1 prometheus/3.5")
    assert body is not None
    return Counter(line.split("{")[0].split(" ")[0] for line in body.decode().splitlines() if line[0] != "#")


def check(snapshot: Snapshot) -> None:
    everything = [*snapshot.workloads, *snapshot.departed_workloads]
    for index, component in enumerate(COMPONENTS):
        used = sum(d.partition[1] + d.partition[2] for d in snapshot.devices if d.component == component)
        assert sum(view.microjoules[index] for view in everything) == used
    names = [(view.name, view.kind, view.user) for view in everything]
    assert len(names) == len(set(names))


def job(machine: Machine, number: int) -> Process:
    process = machine.fork(1, uid=2000 + number % USERS, command=f"job{number}", unit=f"job-{number}.service")
    assert process is not None
    machine.work(process.pid, 12_000_000)
    return process


@pytest.mark.slow
def test_the_budget_of_series_is_held_in_a_storm_of_jobs() -> None:
    """12 new jobs a second by 20 users, each with a workload of its own, for half an hour; a scrape every 15 s."""
    simulated = rig(Machine(pid_max=4_000_000), config=Config())
    simulated.intensity[0] = IntensityState(
        average=Intensity(56.0, "FR", "static", "average", "measured", "lifecycle", 0.0)
    )
    machine, exposition = simulated.machine, Exposition()
    sample(simulated, exposition)
    exposition.scrape("10.0.0.1 prometheus/3.5")
    running: list[list[Process]] = []
    most = 0
    for number in range(360):
        running.append([job(machine, number * 60 + index) for index in range(5 * JOBS_A_SECOND)])
        snapshot = sample(simulated, exposition)
        if len(running) >= LIFE_SAMPLES:
            for process in running.pop(0):
                machine.exit(process.pid)
        if number % 3 == 0:
            found = lines(exposition)
            most = max(most, found.total())
            assert found.total() <= BUDGET, found.most_common(12)
        if number % 60 == 0:
            check(snapshot)
    print("most samples in a scrape:", most)
    assert most > BUDGET // 4, "the storm was seen"


def test_those_that_use_most_are_listed_and_the_rest_is_one_row() -> None:
    simulated = rig(Machine(pid_max=4_000_000), config=Config(workloads=Workloads(series=3)))
    machine, exposition = simulated.machine, Exposition()
    sample(simulated, exposition)
    jobs = [job(machine, number) for number in range(6)]
    machine.work(jobs[4].pid, 900_000_000)
    snapshot = sample(simulated, exposition)
    assert len(snapshot.workloads) == 3
    assert "job-4.service" in {view.name for view in snapshot.workloads}
    rest = [view for view in snapshot.departed_workloads if view.kind == "unlisted"]
    assert len(rest) == 1
    check(snapshot)
    total = len(simulated.sampler.accounts.workloads)
    assert snapshot.workloads_held[:2] == (3, total - 3)


def test_a_listed_workload_stays_until_it_has_ended_and_then_makes_room_for_the_busiest() -> None:
    simulated = rig(Machine(pid_max=4_000_000), config=Config(workloads=Workloads(series=2)))
    machine, exposition = simulated.machine, Exposition()
    sample(simulated, exposition)
    first, second = job(machine, 0), job(machine, 1)
    sample(simulated, exposition)
    sample(simulated, exposition)
    listed = {view.name for view in sample(simulated, exposition).workloads}
    late, idle = job(machine, 2), job(machine, 3)
    for _ in range(20):
        for process in (first, second, late):
            machine.work(process.pid, 50_000_000)
        machine.work(late.pid, 500_000_000)
        snapshot = sample(simulated, exposition)
        lines(exposition)
        assert {view.name for view in snapshot.workloads} == listed, "a series does not come and go"
    machine.exit(first.pid)
    machine.exit(second.pid)
    for _ in range(16):
        machine.work(late.pid, 500_000_000)
        machine.work(idle.pid, 1_000_000)
        snapshot = sample(simulated, exposition)
        lines(exposition)
        check(snapshot)
    assert "job-2.service" in {view.name for view in snapshot.workloads}


def test_an_ended_workload_leaves_after_its_time() -> None:
    config = Config(workloads=Workloads(keep=Duration(120), series="all"))
    simulated = rig(Machine(pid_max=4_000_000), config=config)
    machine, exposition = simulated.machine, Exposition()
    sample(simulated, exposition)
    process = job(machine, 0)
    sample(simulated, exposition)
    machine.exit(process.pid)
    names = []
    for _ in range(5):
        snapshot = sample(simulated, exposition, 60)
        names.append("job-0.service" in {view.name for view in snapshot.workloads})
        check(snapshot)
    assert names[0]
    assert not names[-1]


def test_new_bounds_hold_from_the_next_sample_on() -> None:
    simulated = rig(Machine(pid_max=4_000_000), config=Config(workloads=Workloads(series="all")))
    machine, exposition = simulated.machine, Exposition()
    sample(simulated, exposition)
    for number in range(10):
        job(machine, number)
    assert len(sample(simulated, exposition).workloads) >= 10
    simulated.sampler.configure_workloads(Workloads(series=4, max=12))
    snapshot = sample(simulated, exposition)
    assert len(snapshot.workloads) == 4
    assert snapshot.workloads_held[2] == 12
    check(snapshot)
    simulated.sampler.configure_workloads(Workloads(series="all"))
    assert len(sample(simulated, exposition).workloads) >= 10
