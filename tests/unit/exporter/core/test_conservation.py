"""The product's promise, on random lives of a simulated machine: at every sample all sums are equal, with ``==``."""

import random

import pytest
import simulation
from gramwatt_exporter import units
from gramwatt_exporter.config import Config
from gramwatt_exporter.config.schema import Process
from gramwatt_exporter.metrics.exposition import Exposition
from gramwatt_exporter.model import COMPONENTS, DeviceUse, Intensity, IntensityState
from gramwatt_exporter.snapshot import Snapshot
from hypothesis import given, settings
from hypothesis import strategies as st
from simulation import CPU, CPU_IDLE, DRAM, GPU, SECOND, Machine, random_life, rig


def check_sums(snapshot: Snapshot) -> None:
    """Every equality the product claims."""
    everything = [*snapshot.workloads, *snapshot.departed_workloads]
    by_component: dict[str, int] = dict.fromkeys(COMPONENTS, 0)
    amounts: dict[str, int] = dict.fromkeys(COMPONENTS, 0)
    for device in snapshot.devices:
        assert sum(device.partition) == sum(device.microjoules.values())
        assert min(device.partition) >= 0
        by_component[device.component] += device.partition[1] + device.partition[2]
        amounts[device.component] += device.emission_units
    for index, component in enumerate(COMPONENTS):
        workloads = sum(view.microjoules[index] for view in everything)
        rows = sum(view.microjoules[index] for view in snapshot.processes)
        assert workloads == by_component[component]
        assert (
            rows + snapshot.other.microjoules[index] + snapshot.departed.microjoules[index]
            == by_component[component]
        )
        assert snapshot.other.microjoules[index] >= 0
        assert all(
            view.microjoules[index] >= 0 and view.emission_units[index] >= 0 for view in snapshot.processes
        )
        assert sum(view.emission_units[index] for view in everything) <= amounts[component]
    node = sum(sum(device.microjoules.values()) for device in snapshot.devices)
    assert sum(microjoules for microjoules, _ in snapshot.priced.values()) == node
    assert sum(amount for _, amount in snapshot.priced.values()) == sum(
        device.emission_units for device in snapshot.devices
    )
    cpu = (
        sum(view.cpu_nanoseconds for view in snapshot.processes)
        + snapshot.other.cpu_nanoseconds
        + snapshot.departed.cpu_nanoseconds
    )
    assert cpu == sum(view.cpu_nanoseconds for view in everything)


def check_monotonic(before: Snapshot, after: Snapshot, reused: set[int]) -> None:
    """No counter goes back; the series of an id that was handed out again may begin again."""
    old = {(d.component, d.name): d for d in before.devices}
    for device in after.devices:
        if (device.component, device.name) in old:
            was = old[device.component, device.name]
            assert all(now >= then for now, then in zip(device.partition, was.partition, strict=True))
            assert device.emission_units >= was.emission_units
    workloads = {(w.name, w.kind, w.user): w for w in before.workloads}
    for view in after.workloads:
        if (view.name, view.kind, view.user) in workloads:
            known = workloads[view.name, view.kind, view.user]
            assert all(now >= then for now, then in zip(view.microjoules, known.microjoules, strict=True))
            assert view.cpu_nanoseconds >= known.cpu_nanoseconds
    rows = {(p.pid, p.command, p.workload, p.user): p for p in before.processes}
    assert len({(p.pid, p.command, p.workload, p.user) for p in after.processes}) == len(after.processes)
    for row in after.processes:
        key = (row.pid, row.command, row.workload, row.user)
        if key in rows and row.pid not in reused and row.cpu_nanoseconds < rows[key].cpu_nanoseconds:
            pytest.fail(f"the series of {key} went back")
    for name in ("other", "departed"):
        now, then = getattr(after, name), getattr(before, name)
        assert all(a >= b for a, b in zip(now.microjoules, then.microjoules, strict=True)), name
        assert all(a >= b for a, b in zip(now.emission_units, then.emission_units, strict=True)), name
        assert now.cpu_nanoseconds >= then.cpu_nanoseconds, name


@pytest.mark.slow
@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32),
    series=st.sampled_from([0, 3, 50, "all"]),
    listener=st.booleans(),
    pid_max=st.sampled_from([40, 300, 5000]),
    samples=st.integers(1, 40),
)
def test_sums_are_equal_and_nothing_goes_back(
    seed: int, series: int, listener: bool, pid_max: int, samples: int
) -> None:
    chance = random.Random(seed)
    setup = rig(Machine(pid_max=pid_max, listener=listener), Config(process=Process(series=series)))
    machine, sampler = setup.machine, setup.sampler
    exposition = Exposition()
    previous = None
    reused: set[int] = set()
    for _ in range(samples):
        known = {process.pid: (process.start, process.command) for process in machine.processes.values()}
        random_life(machine, chance, chance.randrange(40))
        present = {process.pid: (process.start, process.command) for process in machine.processes.values()}
        reused |= {pid for pid in present if known.get(pid) != present[pid]}
        machine.drop_exits = chance.random() < 0.1
        machine.stale_ns = chance.choice((0, 500_000, 4_000_000))
        elapsed = chance.choice([0, 1, SECOND // 10, 5 * SECOND, 3600 * SECOND])
        machine.advance(elapsed)
        machine.busy_ns += chance.choice([0, 0, 10_000_000, 2 * SECOND])
        for device in (CPU, CPU_IDLE, DRAM, GPU):
            if chance.random() < 0.9:  # else this sensor missed a beat
                setup.meters.draw(device, chance.choice([0, 1, 17, 10**6, 7 * 10**9]), elapsed)
        pids = chance.sample(sorted(machine.processes), min(3, len(machine.processes)))
        weights = {pid: chance.randrange(1, 100) for pid in [*pids, 4999]}
        setup.meters.uses = [DeviceUse(GPU, weights, frozenset(weights), "utilisation")]
        if chance.random() < 0.2:
            value = Intensity(
                chance.uniform(0, 900), "FR", "rte", "average", "measured", "direct", machine.wall
            )
            setup.intensity[0] = chance.choice([IntensityState(), IntensityState(average=value)])
        sampler.scraped(chance.randrange(3))
        sampler.sample()
        snapshot = sampler.freeze()
        check_sums(snapshot)
        if previous is not None:
            check_monotonic(previous, snapshot, reused)
        exposition.publish(snapshot)
        assert exposition.scrape() is not None
        previous = snapshot


def test_a_short_lived_child_is_charged_to_its_unit_and_not_to_whoever_survives() -> None:
    setup = rig()
    machine = setup.machine
    builder = machine.fork(1, command="make", unit="build.service")
    bystander = machine.fork(1, command="idle-daemon", unit="idle.service")
    assert builder is not None
    assert bystander is not None
    setup.sampler.sample()
    for _ in range(20):
        child = machine.fork(builder.pid, command="cc1")
        assert child is not None
        machine.work(child.pid, 50_000_000)
        machine.exit(child.pid)
    machine.work(bystander.pid, 1_000_000)
    machine.advance(5 * SECOND)
    setup.meters.draw(CPU, 100_000_000, 5 * SECOND)
    setup.sampler.sample()
    snapshot = setup.sampler.freeze()
    microjoules = {view.name: view.microjoules[0] for view in snapshot.workloads}
    assert microjoules == {"build.service": 99_900_100, "idle.service": 99_900}
    assert snapshot.devices[0].partition == (0, 99_900, 99_900_100, 0)


def test_without_exit_messages_the_parent_that_waited_says_what_its_children_used() -> None:
    setup = rig(Machine(listener=False))
    machine = setup.machine
    builder = machine.fork(1, command="make", unit="build.service")
    assert builder is not None
    setup.sampler.sample()
    for _ in range(10):
        child = machine.fork(builder.pid)
        assert child is not None
        machine.work(child.pid, 100_000_000)
        machine.exit(child.pid)
    machine.work(builder.pid, 1_000)
    setup.meters.draw(CPU, 10_000_000, SECOND)
    setup.sampler.sample()
    assert {view.name: view.cpu_nanoseconds for view in setup.sampler.freeze().workloads} == {
        "build.service": 1_000_001_000
    }


def test_a_child_seen_alive_is_not_charged_again_when_its_parent_waits() -> None:
    setup = rig(Machine(listener=False))
    machine = setup.machine
    parent = machine.fork(1, command="make", unit="build.service")
    assert parent is not None
    setup.sampler.sample()
    child = machine.fork(parent.pid)
    assert child is not None
    machine.work(child.pid, 300_000_000)
    setup.sampler.sample()
    machine.work(child.pid, 200_000_000)
    machine.exit(child.pid)
    machine.work(parent.pid, 1_000)
    setup.meters.draw(CPU, 10_000_000, SECOND)
    setup.sampler.sample()
    assert sum(view.cpu_nanoseconds for view in setup.sampler.freeze().workloads) == 500_001_000


@pytest.mark.parametrize("samples", [1, 7])
def test_what_exit_messages_lack_is_made_up_from_what_the_parent_waited_for(samples: int) -> None:
    setup = rig(Machine(stale_ns=2_000_000))
    machine = setup.machine
    shell = machine.fork(1, command="sh", unit="shell.service")
    assert shell is not None
    setup.sampler.sample()
    for _ in range(samples):
        for _ in range(50):
            make = machine.fork(shell.pid, command="make")
            assert make is not None
            for _ in range(3):
                compiler = machine.fork(make.pid, command="cc1")
                assert compiler is not None
                machine.work(compiler.pid, 5_000_000)
                machine.exit(compiler.pid)
            machine.work(make.pid, 1_000_000)
            machine.exit(make.pid)
        machine.advance(5 * SECOND)
        setup.meters.draw(CPU, 10_000_000, 5 * SECOND)
        setup.sampler.sample()
    (view,) = (view for view in setup.sampler.freeze().workloads if view.name == "shell.service")
    assert view.cpu_nanoseconds == samples * 50 * (3 * 5_000_000 + 1_000_000)


def test_children_nobody_waits_for_are_charged_by_their_tick_counted_times() -> None:
    setup = rig(Machine(stale_ns=2_000_000))
    machine = setup.machine
    careless = machine.fork(1, unit="careless.service", ignores_children=True)
    assert careless is not None
    setup.sampler.sample()
    for _ in range(10):
        for _ in range(20):
            child = machine.fork(careless.pid)
            assert child is not None
            machine.work(child.pid, 5_000_000)
            machine.exit(child.pid)
        setup.meters.draw(CPU, 10_000_000, 5 * SECOND)
        setup.sampler.sample()
    for _ in range(5):
        setup.sampler.sample()
    (view,) = (view for view in setup.sampler.freeze().workloads if view.name == "careless.service")
    assert view.cpu_nanoseconds == 10 * 20 * 5_000_000


@pytest.mark.slow
@settings(max_examples=60)
@given(
    listener=st.booleans(),
    past=st.integers(0, 50_000_000),
    children=st.lists(st.integers(10_000, 9_000_000), min_size=1, max_size=60),
)
def test_waited_for_time_told_in_steps_is_never_charged_before_it_was_used(
    listener: bool, past: int, children: list[int]
) -> None:
    """A shell that waited for some children before the exporter started, and for others since."""
    coarse = 20_000_000
    setup = rig(Machine(listener=listener, stale_ns=4_000_000, coarse_ns=coarse))
    machine = setup.machine
    shell = machine.fork(1, command="sh", unit="shell.service")
    assert shell is not None
    shell.reaped_ns = past
    setup.sampler.sample()
    used = 0
    for nanoseconds in children:
        child = machine.fork(shell.pid)
        assert child is not None
        machine.work(child.pid, nanoseconds)
        machine.exit(child.pid)
        used += nanoseconds
        machine.work(shell.pid, 1_000)  # who waits also runs
        used += 1_000
        setup.meters.draw(CPU, 10_000_000, 5 * SECOND)
        setup.sampler.sample()
    (view,) = (view for view in setup.sampler.freeze().workloads if view.name == "shell.service")
    assert used - 2 * coarse <= view.cpu_nanoseconds <= used


@pytest.mark.slow
@settings(max_examples=60)
@given(
    careless=st.booleans(),
    samples=st.lists(
        st.lists(st.tuples(st.integers(0, 9_000_000), st.integers(0, 5_000_000)), max_size=20), max_size=12
    ),
)
def test_stolen_time_is_charged_to_nobody(careless: bool, samples: list[list[tuple[int, int]]]) -> None:
    """Age less waiting holds what a hypervisor gave to others; nobody tells from whom it took it."""
    setup = rig(Machine(stale_ns=4_000_000, by_age=True))
    machine = setup.machine
    shell = machine.fork(1, command="sh", unit="shell.service", ignores_children=careless)
    assert shell is not None
    setup.sampler.sample()
    used = 0
    for children in samples:
        for nanoseconds, stolen in children:
            child = machine.fork(shell.pid)
            assert child is not None
            machine.work(child.pid, nanoseconds)
            machine.steal(child.pid, stolen)
            machine.exit(child.pid)
            used += nanoseconds
        setup.meters.draw(CPU, 10_000_000, 5 * SECOND)
        setup.sampler.sample()
    charged = sum(
        view.cpu_nanoseconds for view in setup.sampler.freeze().workloads if view.name == "shell.service"
    )
    assert charged <= used
    if not careless:
        assert charged == used  # by what the shell has waited for


def test_a_child_that_init_adopts_is_not_charged_to_init() -> None:
    setup = rig()
    machine = setup.machine
    shell = machine.fork(1, command="sh", unit="shell.service")
    assert shell is not None
    setup.sampler.sample()
    daemon = machine.fork(shell.pid, command="daemon")
    assert daemon is not None
    machine.work(daemon.pid, 9 * SECOND)
    setup.meters.draw(CPU, 10_000_000, 5 * SECOND)
    setup.sampler.sample()
    machine.exit(daemon.pid, zombie=True)
    setup.sampler.sample()
    machine.exit(shell.pid)
    machine.reap(daemon.pid)  # by init
    setup.meters.draw(CPU, 10_000_000, 5 * SECOND)
    setup.sampler.sample()
    charged = {view.name: view.cpu_nanoseconds for view in setup.sampler.freeze().workloads}
    assert charged == {"shell.service": 9 * SECOND}


@pytest.mark.parametrize("zombie", [False, True])
def test_the_end_of_a_known_process_is_counted_once(zombie: bool) -> None:
    setup = rig()
    machine = setup.machine
    worker = machine.fork(1, command="train", unit="train.service")
    assert worker is not None
    setup.sampler.sample()
    machine.work(worker.pid, 700_000_000)
    setup.meters.draw(CPU, 10_000_000, SECOND)
    setup.sampler.sample()
    machine.work(worker.pid, 50_000_000)
    machine.exit(worker.pid, zombie=zombie)
    setup.meters.draw(CPU, 10_000_000, SECOND)
    setup.sampler.sample()
    if zombie:
        machine.reap(worker.pid)
    for _ in range(3):
        machine.advance(SECOND)
        setup.meters.draw(CPU, 10_000_000, SECOND)
        setup.sampler.sample()
    assert {view.name: view.cpu_nanoseconds for view in setup.sampler.freeze().workloads} == {
        "train.service": 750_000_000
    }


def test_a_reused_id_is_another_process() -> None:
    setup = rig(Machine(pid_max=5))
    machine = setup.machine
    first = machine.fork(1, command="a")
    assert first is not None
    machine.work(first.pid, 900_000_000)
    setup.sampler.sample()
    machine.advance(SECOND)
    machine.exit(first.pid)
    machine.last_pid = first.pid - 1
    second = machine.fork(1, command="b")
    assert second is not None
    assert second.pid == first.pid
    machine.work(second.pid, 5_000_000)
    setup.meters.draw(CPU, 1_000_000, SECOND)
    setup.sampler.sample()
    assert {view.name: view.cpu_nanoseconds for view in setup.sampler.freeze().workloads} == {"b": 5_000_000}


def test_lost_exit_messages_leave_their_energy_unattributed() -> None:
    setup = rig(Machine(drop_exits=True))
    machine = setup.machine
    setup.sampler.sample()
    ghost = machine.fork(1)
    assert ghost is not None
    machine.work(ghost.pid, 3 * SECOND)
    machine.exit(ghost.pid)
    machine.work(1, SECOND)
    setup.meters.draw(CPU, 4_000_000, 5 * SECOND)
    setup.sampler.sample()
    snapshot = setup.sampler.freeze()
    assert snapshot.devices[0].partition == (0, 1_000_000, 0, 3_000_000)
    assert snapshot.exits_lost == 1


def test_no_intensity_means_no_emissions_and_not_zero_emissions() -> None:
    setup = rig()
    setup.sampler.sample()
    setup.machine.work(1, SECOND)
    setup.meters.draw(CPU, 3_600_000, SECOND)
    setup.sampler.sample()
    assert not setup.sampler.freeze().priced_ever
    exposition = Exposition()
    exposition.publish(setup.sampler.freeze())
    assert b"emissions" not in (exposition.scrape() or b"")


def test_grams_are_energy_times_the_intensity_in_force_and_are_never_priced_again() -> None:
    setup = rig()
    setup.sampler.sample()

    def grid(grams: float, provider: str) -> None:
        value = Intensity(grams, "FR", provider, "average", "measured", "lifecycle", setup.machine.wall)
        setup.intensity[0] = IntensityState(average=value)

    for grams, provider in ((100.0, "a"), (300.0, "b"), (0.0, "b")):
        grid(grams, provider)
        setup.machine.work(1, SECOND)
        setup.meters.draw(CPU, 3_600_000_000, SECOND)  # 1 Wh
        setup.sampler.sample()
    snapshot = setup.sampler.freeze()
    assert units.grams(snapshot.devices[0].emission_units) == pytest.approx(0.4, abs=1e-12)
    assert {key: units.grams(amount) for key, (_, amount) in snapshot.priced.items()} == {
        ("a", "measured"): pytest.approx(0.1),
        ("b", "measured"): pytest.approx(0.3),
    }


def test_gpu_energy_goes_to_its_users_and_the_idle_draw_stays_with_the_device() -> None:
    setup = rig()
    machine = setup.machine
    a = machine.fork(1, command="train")
    b = machine.fork(1, command="serve")
    assert a is not None
    assert b is not None
    setup.sampler.sample()
    setup.meters.draw(GPU, 300_000_000, SECOND)  # 300 W, of which 50 W idle
    setup.meters.uses = [DeviceUse(GPU, {a.pid: 75, b.pid: 25}, frozenset({a.pid, b.pid}), "utilisation")]
    setup.sampler.sample()
    snapshot = setup.sampler.freeze()
    assert snapshot.devices[0].partition == (50_000_000, 250_000_000, 0, 0)
    assert {view.name: view.microjoules[2] for view in snapshot.workloads} == {
        "train": 187_500_000,
        "serve": 62_500_000,
    }


def test_gpu_energy_with_no_known_user_is_unattributed_never_split_equally() -> None:
    setup = rig()
    machine = setup.machine
    a, b = machine.fork(1), machine.fork(1)
    assert a is not None
    assert b is not None
    setup.sampler.sample()
    setup.meters.draw(GPU, 300_000_000, SECOND)
    setup.meters.uses = [DeviceUse(GPU, {}, frozenset({a.pid, b.pid}), "none")]
    setup.sampler.sample()
    assert setup.sampler.freeze().devices[0].partition == (50_000_000, 0, 0, 250_000_000)


def test_what_is_simulated_here_is_not_empty() -> None:
    """Guards the harness: a random life really forks, works and ends processes."""
    machine = Machine()
    random_life(machine, random.Random(1), 500)
    assert machine.forks > 50
    assert machine.exits
    assert machine.busy_ns > 0
    assert simulation.SECOND == 10**9
