"""What a device draws while nobody uses it: how it is learned, over suspends and years, and what is booked as idle."""

from __future__ import annotations

import json
from typing import Any

import pytest
from gramwatt_exporter.idle import IdleBook
from gramwatt_exporter.log import FieldLogger
from gramwatt_exporter.model import Device, DeviceUse, EnergyReading, EnergyStep, Sample
from gramwatt_exporter.sensors.sensor_set import SensorSet
from scripted_sensor import Scripted
from simulation import SECOND, Machine, rig

J = 1_000_000
HOUR = 3600
CPU = Device("cpu", "package-0", "rapl", 0.05, max_watts=400.0)
SECOND_CPU = Device("cpu", "package-1", "rapl", 0.05, max_watts=400.0)
GPU = Device("gpu", "GPU-aaaa", "nvml", 0.05, max_watts=400.0)
CONFIGURED = Device("cpu", "package-0", "rapl", 0.05, idle_watts=12.0, max_watts=400.0)
MODEL = Device("cpu", "package-0", "estimate", 0.5, idle_watts=10.0, max_watts=400.0)


class Laptop:
    """A simulated machine that can be suspended, with the exporter's real sensor set and bookkeeping on it."""

    def __init__(self, *devices: Device) -> None:
        self.machine = Machine()
        self.slept_ns = 0
        self.sensor = Scripted(devices[0].source, lambda: self.machine.now_ns)
        self.sensor.microjoules = dict.fromkeys(devices, 0)
        self.sensor_set = SensorSet(
            [self.sensor], lambda: self.machine.now_ns, FieldLogger("test"), self.awake_ns
        )
        self.sensor_set.open()
        self.sampler = rig(self.machine, sensor_set=self.sensor_set).sampler
        process = self.machine.fork(1)
        assert process is not None
        self.pid = process.pid
        self.sampler.sample()

    def awake_ns(self) -> int:
        return self.machine.now_ns - self.slept_ns

    def pass_time(
        self, seconds: float, joules: dict[Device, float], cpu_seconds: float = 0, suspended: float = 0
    ) -> None:
        """One sample later. ``seconds`` are awake; ``joules`` are what the devices' counters went on by."""
        if cpu_seconds:
            self.machine.work(self.pid, round(cpu_seconds * SECOND))
        self.machine.advance(round((seconds + suspended) * SECOND))
        self.slept_ns += round(suspended * SECOND)
        for device, microjoules in joules.items():
            self.sensor.microjoules[device] += round(microjoules * J)
        self.sampler.sample()

    def idle(self, seconds: int = 25, watts: float = 10) -> None:
        for _ in range(seconds // 5):
            self.pass_time(5, {CPU: 5 * watts})

    def busy(self, seconds: int = 25, watts: float = 30) -> None:
        """One core is busy."""
        for _ in range(seconds // 5):
            self.pass_time(5, {CPU: 5 * watts}, cpu_seconds=5)

    def baseline_watts(self, device: Device = CPU) -> float | None:
        microwatts, _ = self.sampler.baseline.of(device)
        return None if microwatts is None else microwatts / J

    def parts(self, device: Device = CPU) -> dict[str, float]:
        """Joules by part."""
        account = self.sampler.accounts.devices[(device.component, device.name)]
        assert sum(account.partition) == sum(account.microjoules.values())
        names = ("idle", "live", "exited", "unattributed")
        return {name: part / J for name, part in zip(names, account.partition, strict=True) if part}


def booked_since(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    parts = {name: round(value - before.get(name, 0), 6) for name, value in after.items()}
    return {name: value for name, value in parts.items() if value}


# --- a suspended machine


def test_a_night_suspended_does_not_teach_what_an_idle_machine_draws() -> None:
    laptop = Laptop(CPU)
    laptop.idle()
    laptop.pass_time(5, {CPU: 50}, suspended=HOUR)
    assert laptop.baseline_watts() == 10
    before = laptop.parts()
    laptop.busy()
    assert booked_since(before, laptop.parts()) == {"idle": 250, "live": 500}


def test_nothing_is_learned_from_a_suspend_alone() -> None:
    laptop = Laptop(CPU)
    laptop.pass_time(5, {CPU: 50}, suspended=HOUR)
    assert laptop.baseline_watts() is None


def test_processes_are_charged_for_what_they_used_around_a_suspend() -> None:
    laptop = Laptop(CPU)
    laptop.idle()
    laptop.busy()
    before = laptop.parts()
    laptop.pass_time(5, {CPU: 150}, cpu_seconds=5, suspended=HOUR)
    assert booked_since(before, laptop.parts()) == {"idle": 50, "live": 100}


def test_idle_draw_is_booked_for_the_time_awake_only() -> None:
    """Nothing was learned of what CPU time costs, so all beyond the idle draw of 5 s is its user's."""
    laptop = Laptop(CPU)
    laptop.idle()
    before = laptop.parts()
    laptop.pass_time(5, {CPU: 150}, cpu_seconds=5, suspended=HOUR)
    assert booked_since(before, laptop.parts()) == {"idle": 50, "live": 100}


@pytest.mark.parametrize("hours", [1, 8])
def test_what_the_package_draws_asleep_is_charged_to_nobody(hours: int) -> None:
    """In s2idle the counter runs on: half a watt for hours is more than the seconds awake took."""
    laptop = Laptop(CPU)
    laptop.idle()
    laptop.busy()
    before = laptop.parts()
    asleep = 0.5 * hours * HOUR
    laptop.pass_time(5, {CPU: 150 + asleep}, cpu_seconds=5, suspended=hours * HOUR)
    assert booked_since(before, laptop.parts()) == {"idle": 50 + asleep, "live": 100}
    assert laptop.baseline_watts() == 10


def test_a_suspend_before_anything_is_known_is_charged_at_most_what_the_package_can_draw_awake() -> None:
    laptop = Laptop(CPU)
    asleep = 0.5 * 8 * HOUR
    laptop.pass_time(5, {CPU: 150 + asleep}, cpu_seconds=5, suspended=8 * HOUR)
    assert CPU.max_watts is not None
    assert laptop.parts() == {"idle": 150 + asleep - 5 * CPU.max_watts, "live": 5 * CPU.max_watts}


def test_a_suspend_in_which_nothing_ran_is_idle() -> None:
    laptop = Laptop(CPU)
    laptop.idle()
    laptop.busy()
    before = laptop.parts()
    laptop.pass_time(5, {CPU: 1850}, suspended=HOUR)
    assert booked_since(before, laptop.parts()) == {"idle": 1850}


def test_where_idle_draw_covered_all_so_far_a_suspend_is_charged_to_nobody() -> None:
    """An hour below the configured idle draw: CPU time cost nothing, which is not the same as not being known."""
    laptop = Laptop(CONFIGURED)
    for _ in range(100):
        laptop.pass_time(5, {CONFIGURED: 40}, cpu_seconds=0.05)
    before = laptop.parts(CONFIGURED)
    laptop.pass_time(5, {CONFIGURED: 40 + 0.5 * 8 * HOUR}, cpu_seconds=0.05, suspended=8 * HOUR)
    assert booked_since(before, laptop.parts(CONFIGURED)) == {"idle": 40 + 0.5 * 8 * HOUR}


def test_a_model_counts_nothing_asleep_so_its_step_is_split_as_ever() -> None:
    laptop = Laptop(MODEL)
    laptop.pass_time(5, {MODEL: 60}, cpu_seconds=5)
    before = laptop.parts(MODEL)
    laptop.pass_time(5, {MODEL: 150}, cpu_seconds=5, suspended=HOUR)
    assert booked_since(before, laptop.parts(MODEL)) == {"idle": 50, "live": 100}


def test_a_suspend_does_not_teach_what_an_idle_gpu_draws() -> None:
    laptop = Laptop(GPU)
    laptop.sensor.uses = [DeviceUse(GPU, {}, method="utilisation", quiet=True)]
    for _ in range(3):
        laptop.pass_time(5, {GPU: 250})
    laptop.pass_time(5, {GPU: 250}, suspended=HOUR)
    assert laptop.baseline_watts(GPU) == 50
    before = laptop.parts(GPU)
    laptop.sensor.uses = [DeviceUse(GPU, {laptop.pid: 80}, method="utilisation")]
    laptop.pass_time(5, {GPU: 1000}, suspended=HOUR)
    assert booked_since(before, laptop.parts(GPU)) == {"idle": 250, "live": 750}


def test_a_suspend_while_the_sensors_are_read_belongs_to_the_next_step() -> None:
    """The counter was read before the machine slept, the clocks after it."""
    laptop = Laptop(CPU)
    laptop.idle()
    laptop.busy()
    before = laptop.parts()
    laptop.sensor.microjoules[CPU] += 150 * J
    laptop.machine.work(laptop.pid, 5 * SECOND)
    laptop.machine.advance(5 * SECOND)
    read = laptop.sensor.read

    def read_and_sleep() -> Any:
        sample = read()
        laptop.machine.advance(HOUR * SECOND)
        laptop.slept_ns += HOUR * SECOND
        return sample

    laptop.sensor.read = read_and_sleep  # type: ignore[method-assign]
    laptop.sampler.sample()
    laptop.sensor.read = read  # type: ignore[method-assign]
    assert booked_since(before, laptop.parts()) == {"idle": 50, "live": 100}
    before = laptop.parts()
    laptop.pass_time(5, {CPU: 150}, cpu_seconds=5)
    assert booked_since(before, laptop.parts()) == {"idle": 50, "live": 100}
    assert laptop.baseline_watts() == 10


@pytest.mark.parametrize("before_ns", [0, 1_000_000])
def test_a_short_suspend_while_the_sensors_are_read_teaches_nothing(before_ns: int) -> None:
    """Shorter than the sampling interval, it might be in this step or in the next."""
    laptop = Laptop(CPU)
    laptop.idle()
    laptop.busy()
    before = laptop.parts()
    laptop.sensor.microjoules[CPU] += 50 * J
    laptop.machine.advance(5 * SECOND)
    read = laptop.sensor.read

    def read_and_sleep() -> Any:
        laptop.machine.advance(before_ns)
        sample = read()
        laptop.machine.advance(3 * SECOND)
        laptop.slept_ns += 3 * SECOND
        return sample

    laptop.sensor.read = read_and_sleep  # type: ignore[method-assign]
    laptop.sampler.sample()
    laptop.sensor.read = read  # type: ignore[method-assign]
    assert booked_since(before, laptop.parts()) == {"idle": 50}
    before = laptop.parts()
    laptop.pass_time(5, {CPU: 150}, cpu_seconds=5)
    assert booked_since(before, laptop.parts()) == {"idle": 50, "live": 100}
    laptop.pass_time(5, {CPU: 50})
    assert laptop.baseline_watts() == 10


@pytest.mark.parametrize("asleep", [3, HOUR])
def test_a_suspend_between_the_value_and_its_time_teaches_nothing(asleep: int) -> None:
    """The value is of before, its time of after: this step is too long for its energy, and the next one too short."""
    laptop = Laptop(CPU)
    laptop.idle()
    laptop.busy()
    laptop.machine.advance(5 * SECOND)
    read = laptop.sensor.read

    def sleep_and_read() -> Any:
        laptop.machine.advance(asleep * SECOND)
        laptop.slept_ns += asleep * SECOND
        return read()

    laptop.sensor.microjoules[CPU] += 50 * J
    laptop.sensor.read = sleep_and_read  # type: ignore[method-assign]
    laptop.sampler.sample()
    laptop.sensor.read = read  # type: ignore[method-assign]
    laptop.pass_time(5, {CPU: 45})
    assert laptop.baseline_watts() == 10
    laptop.pass_time(5, {CPU: 45})
    assert laptop.baseline_watts() == 9


def test_a_suspend_while_another_sensor_is_read_is_known_to_be_in_the_next_step() -> None:
    laptop = Laptop(CPU)
    slow = Scripted("nvml", lambda: laptop.machine.now_ns)

    def read_and_sleep() -> Sample:
        laptop.machine.advance(3 * SECOND)
        laptop.slept_ns += 3 * SECOND
        return Sample()

    sensor_set = SensorSet(
        [laptop.sensor, slow], lambda: laptop.machine.now_ns, FieldLogger("test"), laptop.awake_ns
    )
    sensor_set.open()
    sensor_set.read()
    steps: list[EnergyStep] = []
    for read in (slow.read, read_and_sleep, slow.read, slow.read):
        slow.read = read  # type: ignore[method-assign]
        laptop.machine.advance(5 * SECOND)
        steps += sensor_set.read().steps
    assert [(s.nanoseconds // SECOND, s.slept_ns // SECOND) for s in steps] == [
        (5, 0),
        (5, 0),
        (8, 3),
        (5, 0),
    ]


def test_a_reading_taken_before_a_suspend_ends_a_step_before_it() -> None:
    """Of a slow meter the reading is older than the sample; the machine slept since."""
    laptop = Laptop(CPU)
    steps: list[EnergyStep] = []
    for taken, asleep in ((5, 0), (4, 3), (5, 0), (5, 0)):
        laptop.machine.advance(taken * SECOND)
        laptop.sensor.answer = Sample(
            [EnergyReading(CPU, laptop.machine.now_ns // 100, laptop.machine.now_ns)]
        )
        laptop.machine.advance(asleep * SECOND)
        laptop.slept_ns += asleep * SECOND
        steps += laptop.sensor_set.read().steps
    assert [(s.nanoseconds // SECOND, s.slept_ns // SECOND) for s in steps] == [
        (5, 0),
        (4, 0),
        (8, 3),
        (5, 0),
    ]


# --- other gaps


def test_a_long_interval_teaches_nothing() -> None:
    """A virtual machine that its host stopped sees no suspend: only that the next sample is very late."""
    laptop = Laptop(CPU)
    laptop.idle()
    laptop.pass_time(HOUR, {CPU: 50})
    assert laptop.baseline_watts() == 10


def test_a_gap_of_one_package_does_not_make_the_others_look_quiet() -> None:
    """Busy time is that of the last sample; measured against another package's long gap it seems to be little."""
    laptop = Laptop(CPU, SECOND_CPU)
    lost = laptop.sensor.microjoules.pop(SECOND_CPU)
    for _ in range(10):
        laptop.pass_time(5, {CPU: 150}, cpu_seconds=1)
    laptop.sensor.microjoules[SECOND_CPU] = lost + 500 * J
    laptop.pass_time(5, {CPU: 150}, cpu_seconds=1)
    assert laptop.baseline_watts() is None


def test_energy_that_passed_unseen_teaches_nothing() -> None:
    laptop = Laptop(CPU)
    laptop.idle()
    saved = laptop.sensor.microjoules.pop(CPU)
    laptop.pass_time(5, {})
    laptop.sensor.microjoules[CPU] = saved
    laptop.pass_time(5, {CPU: 1})
    assert laptop.baseline_watts() == 10
    assert laptop.parts() == {"idle": 250, "unattributed": 1}


# --- over days and restarts


def quiet(baseline: IdleBook, hours: float, watts: float, device: Device = CPU) -> None:
    for _ in range(round(hours * HOUR / 10)):
        baseline.observe(device, round(watts * 10 * J), 10 * SECOND, 0.0, 0.0)


def watts(baseline: IdleBook, device: Device = CPU) -> float:
    microwatts, method = baseline.of(device)
    assert method == "quiet"
    assert microwatts is not None
    return microwatts / J


@pytest.mark.slow
def test_a_lower_draw_takes_over_soon_and_a_higher_one_within_a_day_of_quiet_time() -> None:
    """Another fan, more memory: what was is not for ever."""
    baseline = IdleBook()
    quiet(baseline, 24, 12)
    quiet(baseline, 0.5, 10)
    assert watts(baseline) == 10
    quiet(baseline, 1, 12)
    assert watts(baseline) == 10
    quiet(baseline, 24, 12)
    assert watts(baseline) == 12


@pytest.mark.parametrize("odd", [1, 9.5])
def test_one_sample_that_is_too_low_is_not_the_idle_draw(odd: float) -> None:
    """A counter or a clock that was read at another moment; the lowest power seen once stood for a day."""
    baseline = IdleBook()
    quiet(baseline, 0.1, 12)
    baseline.observe(CPU, round(odd * 10 * J), 10 * SECOND, 0.0, 0.0)
    quiet(baseline, 0.1, 12)
    assert watts(baseline) == 12


@pytest.mark.slow
def test_time_in_which_it_was_not_quiet_makes_nothing_forgotten() -> None:
    baseline = IdleBook()
    quiet(baseline, 0.01, 10)
    for _ in range(10_000):
        baseline.observe(CPU, 300 * J, 10 * SECOND, 0.9, 3.6)
    assert watts(baseline) == 10


@pytest.mark.slow
def test_what_was_learned_and_for_how_long_survives_restarts() -> None:
    baseline = IdleBook()
    quiet(baseline, 1, 10)
    for _ in range(24):
        quiet(baseline, 1, 12)
        saved = json.loads(json.dumps(baseline.state()))
        assert len(json.dumps(saved)) < 1000
        baseline = IdleBook()
        baseline.restore(saved)
    assert watts(baseline) == 12


def test_since_when_a_method_is_in_use_survives_restarts() -> None:
    baseline = IdleBook(wall_clock=lambda: 1000.0)
    quiet(baseline, 0.01, 10)
    again = IdleBook(wall_clock=lambda: 2000.0)
    again.restore(json.loads(json.dumps(baseline.state())))
    assert again.known(CPU) == baseline.known(CPU)
    assert again.known(CPU).since == 1000
    assert again.take_changes() == []


@pytest.mark.slow
def test_a_single_number_of_an_older_ledger_is_taken_up_and_forgotten_in_time() -> None:
    baseline = IdleBook()
    baseline.restore({"cpu/package-0": 13_869})
    assert watts(baseline) == 0.013869
    quiet(baseline, 24.1, 10)
    assert watts(baseline) == 10


def test_the_lowest_powers_of_an_older_ledger_are_taken_up() -> None:
    baseline = IdleBook()
    baseline.restore({"cpu/package-0": [3600 * SECOND, 11 * J, 10 * J, 12 * J]})
    assert watts(baseline) == 10


@pytest.mark.parametrize(
    "damaged",
    [
        {"a/b": "x"},
        {"a/b": []},
        {"a/b": [1]},
        {"a/b": [0, -5]},
        {"a/b": None},
        {"a/b": {}},
        {"a/b": {"quiet": [[1, -1]], "lowest": [], "loads": []}},
        {"a/b": {"quiet": [[0, 1]], "lowest": [], "loads": []}},
        {"a/b": {"quiet": [1], "lowest": [], "loads": []}},
        {"a/b": {"quiet": [], "lowest": [], "loads": [[1, 1, 1, 1]]}},
        {"a/b": {"quiet": [], "lowest": [], "loads": [[1, 1, 2, 1]] * 13}},
        {"a/b": {"quiet": [], "lowest": [], "loads": [], "method": "quiet", "since": "x"}},
        7,
    ],
)
def test_a_damaged_state_is_refused_whole(damaged: Any) -> None:
    baseline = IdleBook()
    with pytest.raises((TypeError, ValueError, AttributeError, KeyError)):
        baseline.restore({"cpu/package-0": 5, **damaged} if isinstance(damaged, dict) else damaged)
    assert baseline.of(CPU) == (None, "none")
