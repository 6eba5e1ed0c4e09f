"""Power is the mean since the last published sample, however many samples windows force in between."""

from __future__ import annotations

import random

import pytest
from gramwatt_exporter.answers import top_answer
from gramwatt_exporter.log import FieldLogger
from gramwatt_exporter.metrics.exposition import Exposition
from gramwatt_exporter.model import Device, DeviceUse, PowerReading, Sample
from gramwatt_exporter.processes.ranking import UNSCRAPED_TICKS
from gramwatt_exporter.sensors.sensor_set import SensorSet
from gramwatt_exporter.windows import OpenRequest, Peer, window_answer
from hypothesis import given, settings
from hypothesis import strategies as st
from running import parse, select
from scripted_sensor import J, Scripted
from simulation import DRAM, GPU, SECOND, Machine, Rig, random_life, rig

CPU = Device("cpu", "package-0", "rapl", 0.05, idle_watts=15.0)
WATTS = {CPU: 40, DRAM: 6, GPU: 200}
SOMEBODY = Peer(0, 1, "root")


class Steady:
    """A machine on which one program runs at half a CPU, and everything draws the same power all the time."""

    def __init__(self) -> None:
        self.rig: Rig = rig(Machine())
        process = self.rig.machine.fork(1, command="steady")
        assert process is not None
        self.pid = process.pid
        self.rig.sampler.sample()
        self.rig.sampler.freeze()

    def pass_time(self, nanoseconds: int) -> None:
        self.rig.machine.work(self.pid, nanoseconds // 2)
        self.rig.machine.advance(nanoseconds)
        for device, watts in WATTS.items():
            self.rig.meters.draw(device, watts * nanoseconds // 1000, nanoseconds)
        self.rig.meters.uses = [DeviceUse(GPU, {self.pid: 50}, method="utilisation")]

    def shown(self) -> dict[str, float]:
        snapshot = self.rig.sampler.freeze()
        devices = {d.name: d.power_microwatts / J for d in snapshot.devices if d.power_microwatts is not None}
        processes = {
            f"{p.pid} {index}": power * 1000 / snapshot.interval_ns
            for p in snapshot.processes
            for index, power in enumerate(p.power)
            if power
        }
        workloads = {
            f"{w.name} {index}": power * 1000 / snapshot.interval_ns
            for w in snapshot.workloads
            for index, power in enumerate(w.power)
            if power
        }
        return devices | processes | workloads


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.lists(st.integers(1_000, 5 * SECOND - 1), max_size=30, unique=True).map(sorted),
        min_size=1,
        max_size=6,
    )
)
def test_a_steady_program_shows_the_same_power_whenever_samples_are_forced(forced: list[list[int]]) -> None:
    quiet = Steady()
    quiet.pass_time(5 * SECOND)
    quiet.rig.sampler.sample()
    expected = quiet.shown()
    assert expected["package-0"] == 40
    machine = Steady()
    for moments in forced:
        past = 0
        for moment in moments:
            machine.pass_time(moment - past)
            machine.rig.sampler.sample(published=False)
            past = moment
        machine.pass_time(5 * SECOND - past)
        machine.rig.sampler.sample()
        shown = machine.shown()
        assert shown == pytest.approx(expected, rel=1e-4, abs=1e-5)  # a microjoule of rounding per sample


@pytest.mark.slow
@pytest.mark.parametrize("forced", [3, 17, 400])
def test_idle_is_not_lost_where_a_counter_is_renewed_less_often_than_samples_are_forced(forced: int) -> None:
    """Its energy comes every 0.1 s, of which idle are 15 W."""

    def idle_share(per_published: int) -> float:
        machine = Steady()
        step, since, shown = SECOND // 100, 0, 0
        for tick in range(1, 20 * 100 + 1):
            machine.rig.machine.work(machine.pid, step // 2)
            machine.rig.machine.advance(step)
            since += step
            if tick % 10 == 0:
                shown += 40 * J // 10
            published = tick % 500 == 0
            if published or tick * per_published % 500 < per_published:
                machine.rig.meters.draw(CPU, shown, since)
                machine.rig.sampler.sample(published=published)
                since = shown = 0
        account = machine.rig.sampler.accounts.devices["cpu", "package-0"]
        return account.partition[0] / sum(account.partition)

    assert idle_share(0) == pytest.approx(15 / 40, rel=0.01)
    assert idle_share(forced) == pytest.approx(15 / 40, rel=0.01)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), rhythm=st.lists(st.booleans(), min_size=2, max_size=30))
def test_everybodys_power_is_their_energy_since_the_last_published_sample(
    seed: int, rhythm: list[bool]
) -> None:
    """On random lives; ``rhythm`` says which samples are published."""
    chance = random.Random(seed)
    life = rig(Machine())
    sampler, machine = life.sampler, life.machine
    sampler.sample()
    began_ns = machine.now_ns
    before = {row: list(row.microjoules) for row in sampler.table.rows}
    workloads = {key: list(account.microjoules) for key, account in sampler.accounts.workloads.items()}
    devices: dict[str, tuple[int, int]] = {}
    for published in [*rhythm, True]:
        random_life(machine, chance, 8)
        elapsed = chance.randrange(1_000_000, 5 * SECOND)
        machine.advance(elapsed)
        for device in WATTS:
            microjoules = chance.randrange(0, 10**8)
            life.meters.draw(device, microjoules, elapsed)
            total = devices.get(device.name, (0, 0))
            devices[device.name] = (total[0] + microjoules, total[1] + elapsed)
        users = [row.identity.pid for row in sampler.table.rows]
        life.meters.uses = [DeviceUse(GPU, {chance.choice(users): 7}, method="utilisation")]
        sampler.sample(published)
        if not published:
            continue
        snapshot = sampler.freeze()
        assert snapshot.interval_ns == machine.now_ns - began_ns
        for row in sampler.table.rows:
            then = before.get(row, [0, 0, 0, 0])
            assert row.power == [now - past for now, past in zip(row.microjoules, then, strict=True)]
        for key, account in sampler.accounts.workloads.items():
            then = workloads.get(key, [0, 0, 0, 0])
            assert account.power == [now - past for now, past in zip(account.microjoules, then, strict=True)]
        for view in snapshot.devices:
            microjoules, nanoseconds = devices[view.name]
            assert view.power_microwatts == microjoules * SECOND // nanoseconds
        began_ns, devices = machine.now_ns, {}
        before = {row: list(row.microjoules) for row in sampler.table.rows}
        workloads = {key: list(account.microjoules) for key, account in sampler.accounts.workloads.items()}


def test_what_is_published_stands_while_samples_are_forced() -> None:
    machine = Steady()
    machine.pass_time(5 * SECOND)
    machine.rig.sampler.sample()
    snapshot = machine.rig.sampler.freeze()
    before = top_answer(machine.rig.sampler, snapshot, 50, 50)
    assert before["processes"][0]["power_watts"] > 100
    for _ in range(10):
        machine.pass_time(3_000_000)
        machine.rig.sampler.sample(published=False)
        after = top_answer(machine.rig.sampler, snapshot, 50, 50)
        assert [row["power_watts"] for row in after["processes"]] == [
            row["power_watts"] for row in before["processes"]
        ]


def test_a_sample_that_fails_is_in_the_power_of_the_next() -> None:
    """Its energy has no owner, but it was drawn within the interval that is published then."""
    machine = Steady()
    machine.pass_time(5 * SECOND)
    machine.rig.sampler.sample()
    machine.pass_time(SECOND)
    kernel = machine.rig.sampler._readers.kernel
    read, kernel.read = kernel.read, lambda: 1 / 0  # type: ignore[assignment,method-assign,return-value]
    with pytest.raises(ZeroDivisionError):
        machine.rig.sampler.sample()
    kernel.read = read  # type: ignore[method-assign]
    machine.pass_time(4 * SECOND)
    machine.rig.sampler.sample()
    assert machine.rig.sampler.progress.interval_ns == 5 * SECOND
    assert machine.shown()["package-0"] == 40


def test_a_slow_meters_reading_taken_by_a_forced_sample_is_published() -> None:
    machine = Machine()
    sensor = Scripted("replay", lambda: machine.now_ns)
    sensor_set = SensorSet([sensor], lambda: machine.now_ns, FieldLogger("test"))
    sensor_set.open()
    sampler = rig(machine, sensor_set=sensor_set).sampler
    device = Device("gpu", "GPU-b", "replay", 0.05)

    def sample(published: bool, watts: float | None = None) -> float | None:
        machine.advance(5 * SECOND if published else SECOND)
        if watts is not None:
            sensor.answer = Sample([PowerReading(device, round(watts * J), machine.now_ns)])
        sampler.sample(published)
        powers = [device.power_microwatts for device in sampler.freeze().devices]
        return powers[0] / J if powers and powers[0] is not None else None

    for _ in range(3):
        sample(True, 100)
        sample(True)
    assert sample(False, 100) == 100
    assert sample(False) == 100
    assert sample(True) == 100
    assert sample(False, 300) == 100  # not published yet
    assert sample(True) == 200  # from 100 to 300 W, by the trapezoid rule
    assert sample(True) == 200


def test_a_device_that_went_away_after_a_forced_sample_has_no_power() -> None:
    machine = Steady()
    machine.pass_time(SECOND)
    machine.rig.sampler.sample(published=False)
    machine.rig.machine.advance(4 * SECOND)
    machine.rig.sampler.sample()
    assert "package-0" not in machine.shown()


def test_a_dead_row_nobody_scrapes_is_not_driven_out_by_forced_samples() -> None:
    machine = Steady()
    machine.pass_time(5 * SECOND)
    machine.rig.sampler.sample()
    machine.rig.machine.exit(machine.pid)
    for _ in range(2 * UNSCRAPED_TICKS):
        machine.rig.machine.advance(1_000_000)
        machine.rig.sampler.sample(published=False)
    machine.rig.sampler.scraped(0)
    assert machine.pid in {process.pid for process in machine.rig.sampler.freeze().processes}


def test_the_floor_of_a_window_does_not_rise_with_a_counter_that_jumps() -> None:
    """NVML renews its counter every 0.1 s: a forced sample of 2 ms may hold the energy of all of them."""
    machine = Steady()
    sampler, meters = machine.rig.sampler, machine.rig.meters
    machine.pass_time(5 * SECOND)
    sampler.sample()
    window = sampler.windows.open(OpenRequest(name="w", phase="training", pid=machine.pid), SOMEBODY)
    sampler.windows.add_process(window.id, (machine.pid, sampler.table.rows[-1].identity.start))
    machine.pass_time(5 * SECOND)
    sampler.sample()
    floor = window_answer(sampler.windows.view(window))["floor_joules"]
    machine.rig.machine.advance(2_000_000)
    meters.draw(GPU, 20 * J, 2_000_000)
    sampler.sample(published=False)
    assert window_answer(sampler.windows.view(window))["floor_joules"] == pytest.approx(floor, rel=0.01)


def test_the_power_of_an_open_window_is_of_the_time_its_energy_is_of() -> None:
    machine = Steady()
    sampler = machine.rig.sampler
    machine.pass_time(5 * SECOND)
    sampler.sample()
    window = sampler.windows.open(OpenRequest(name="w", phase="training", pid=machine.pid), SOMEBODY)
    row = sampler.table.find(machine.pid)
    assert row is not None
    sampler.windows.add_process(window.id, (machine.pid, row.identity.start))
    sampler.membership.attach(window.id, row)
    assert window_answer(sampler.windows.view(window))["mean_power_watts"] is None
    machine.pass_time(5 * SECOND)
    sampler.sample()
    power = window_answer(sampler.windows.view(window))["mean_power_watts"]
    machine.rig.machine.advance(4 * SECOND)  # the next sample is due in a second
    later = window_answer(sampler.windows.view(window))
    assert later["mean_power_watts"] == pytest.approx(power)
    assert later["duration_seconds"] == 9


def test_the_text_of_a_scrape_divides_by_the_published_interval() -> None:
    machine = Steady()
    exposition = Exposition()
    machine.pass_time(5 * SECOND)
    machine.rig.sampler.sample()
    machine.pass_time(5 * SECOND - 3_000_000)
    machine.rig.sampler.sample(published=False)
    machine.pass_time(3_000_000)
    machine.rig.sampler.sample()
    exposition.publish(machine.rig.sampler.freeze())
    shown = {
        dict(labels)["component"]: float(value)
        for labels, value in select(
            parse((exposition.scrape() or b"").decode()), "gramwatt_process_power_watts", pid=str(machine.pid)
        ).items()
    }
    assert shown["cpu"] == pytest.approx(25, rel=1e-4)
    assert shown["gpu"] == pytest.approx(150, rel=1e-4)
