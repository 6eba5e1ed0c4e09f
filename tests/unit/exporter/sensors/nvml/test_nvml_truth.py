"""Whatever the driver does, the owners of a GPU's energy are booked with what they really drew."""

from __future__ import annotations

from typing import Any

import pytest
from gpu_truth import Booked, GpuTruth, Job, Scenario, report
from nvml_world import World

pytestmark = pytest.mark.slow

BOOT = 1_700_000_000 - 1  # seconds between Unix time and the simulated machine's clock since boot
END = 34.0


def _one(start: float = 8, end: float = END) -> list[Job]:
    return [Job("train", start, end, sm=90)]


def _two(first: float = 60, second: float = 30, start: float = 8, end: float = END) -> list[Job]:
    return [Job("train", start, end, sm=first), Job("serve", start, end, sm=second)]


def _garbage(t: float, stamp: int) -> list[str]:
    return [f"gpu 0 util 0 {stamp + 86_400_000_000} 4096"] if 14 <= t < 16 else []


def _begun(t: float) -> float:
    """Less than the counter showed before."""
    return -2500 if t > 20 else 0


def _leapt(t: float) -> float:
    return 1e6 if t > 20 else 0


def _leapt_and_back(t: float) -> float:
    return 1e6 if 20 < t < 23 else 0


SHORT = [Job(f"short-{k}", 10 + 2.1 * k, 11.5 + 2.1 * k, sm=100) for k in range(8)]
BURSTS = [Job("bursts", 8, 48, sm=100, bursts=(1.5, 5))]

SCENARIOS: dict[str, tuple[Scenario, float]] = {
    "one job": (Scenario(_one()), 0.03),
    "one job, every 5 s": (Scenario(_one(), interval=5), 0.03),
    "one job, every 10 s": (Scenario(_one(24, 50), interval=10, seconds=80), 0.03),
    "two jobs": (Scenario(_two()), 0.03),
    "two jobs, every 10 s": (Scenario(_two(60, 30, 24, 50), interval=10, seconds=80), 0.03),
    "samples faster than rows": (Scenario(_two(), interval=0.25, row_period=1.0), 0.03),
    "ten samples a second": (Scenario(_two(), interval=0.1, row_period=1.0), 0.03),
    "a program looks on": (Scenario(_two(), interval=5, row_period=1.0, forced=0.3), 0.03),
    "programs between two samples": (Scenario(SHORT, interval=5), 0.05),
    "stamps since boot": (Scenario(_two(), stamp_seconds=lambda _: -BOOT), 0.03),
    "stamps of no known clock": (Scenario(_two(), stamp_seconds=lambda _: -BOOT / 2), 0.05),
    "stamps set back": (Scenario(_two(), stamp_seconds=lambda t: -3600 if t > 15 else 0), 0.05),
    "stamps set back by 5 s": (Scenario(_two(), stamp_seconds=lambda t: -5 if t > 15 else 0), 0.05),
    "stamps set forward": (Scenario(_two(), stamp_seconds=lambda t: 3600 if t > 15 else 0), 0.05),
    "rows that come late": (Scenario(_two(), rows_late=1.5), 0.05),
    "a row of tomorrow": (Scenario(_two(), facts=_garbage), 0.03),
    "more than all of it": (Scenario(_two(90, 90)), 0.03),
    "a counter that begins again": (Scenario(_one(), counter_joules=_begun), 0.03),
    "a counter that begins again, every 5 s": (Scenario(_one(), interval=5, counter_joules=_begun), 0.03),
    "a counter that begins again, every 10 s": (
        Scenario(_one(24, 50), interval=10, seconds=80, counter_joules=_begun),
        0.03,
    ),
    "a counter that leaps": (Scenario(_one(), counter_joules=_leapt), 0.03),
    "a counter that leaps, every 5 s": (Scenario(_one(), interval=5, counter_joules=_leapt), 0.03),
    "a counter that leaps and comes back": (Scenario(_one(), counter_joules=_leapt_and_back), 0.03),
    "beyond its limit": (Scenario(_one(), limit_watts=280), 0.03),
    "beyond its limit, every 5 s": (Scenario(_one(), limit_watts=280, interval=5), 0.03),
    "no counter, bursts": (Scenario(BURSTS, counter=False, interval=5, seconds=60), 0.05),
    "no rows, one holder": (Scenario(_one(), rows=False), 0.03),
    "an encoder": (Scenario([Job("encode", 8, END, encoder=60, encoder_watts=30)]), 0.03),
    "an open context": (Scenario([Job("notebook", 8, END, context_watts=40)]), 0.03),
    "a client of MPS": (Scenario([Job("client", 8, END, sm=80, kind="mps")]), 0.03),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SCENARIOS)
def test_owners_get_what_they_drew(name: str, world: World, log: Any) -> None:
    scenario, tolerance = SCENARIOS[name]
    for job in scenario.jobs:
        job.process = None
    truth = GpuTruth(scenario, world, log)
    booked = truth.run()
    report("nvml", name, truth, booked)
    for command, joules in truth.joules.items():
        assert booked.workloads.get(command, 0.0) == pytest.approx(joules, rel=tolerance), (command, booked)
    assert booked.idle_watts == pytest.approx(scenario.idle_watts, rel=0.01)


def _run(scenario: Scenario, world: World, log: Any) -> tuple[GpuTruth, Booked]:
    truth = GpuTruth(scenario, world, log)
    return truth, truth.run()


@pytest.mark.slow
def test_idle_is_never_learned_from_a_gpu_in_use(world: World, log: Any) -> None:
    """It works from before the exporter starts, and its stamps are set back: no row is not "nobody ran"."""
    job = Job("train", 0, 60, sm=60)
    scenario = Scenario([job], interval=0.25, row_period=1.0, stamp_seconds=lambda t: -3600 if t > 10 else 0)
    _, booked = _run(scenario, world, log)
    assert booked.idle_watts is None


def test_what_a_context_draws_is_a_part_of_its_own(world: World, log: Any) -> None:
    truth, booked = _run(Scenario([Job("notebook", 8, END, context_watts=40)]), world, log)
    assert booked.context == pytest.approx(truth.joules["notebook"], rel=0.03)
    assert booked.parts["live"] + booked.parts["exited"] >= booked.context


@pytest.mark.slow
def test_bursts_between_power_reads_make_the_integral_less_certain(world: World, log: Any) -> None:
    truth, booked = _run(Scenario(BURSTS, counter=False, interval=5, seconds=60), world, log)
    for job in BURSTS:
        job.process = None
    error = abs(booked.device - truth.drawn) / truth.drawn
    assert error < 2 * booked.uncertainty
    assert booked.uncertainty >= 0.05


@pytest.mark.parametrize("rows", [False])
def test_two_holders_without_rows_stay_unattributed(rows: bool, world: World, log: Any) -> None:
    jobs = [Job("train", 8, END, sm=60), Job("serve", 8, END, sm=30)]
    truth, booked = _run(Scenario(jobs, rows=rows), world, log)
    assert booked.workloads.get("train", 0.0) == 0.0
    assert booked.parts["unattributed"] == pytest.approx(sum(truth.joules.values()), rel=0.05)


@pytest.mark.parametrize("interval", [1, 5])
@pytest.mark.parametrize("leap", [_begun, _leapt])
def test_what_a_counter_that_goes_wrong_left_out_is_unknown_where_no_power_says_it(
    leap: Any, interval: float, world: World, log: Any
) -> None:
    scenario = Scenario(_one(), interval=interval, power=False, counter_joules=leap)
    truth = GpuTruth(scenario, world, log)
    truth.with_job_windows = True
    booked = truth.run()
    report("nvml", f"no power, {leap.__name__}, every {interval:g} s", truth, booked)
    missing = truth.joules["train"] - booked.workloads["train"]
    assert booked.unknown_of_jobs >= missing - 0.03 * truth.joules["train"]
