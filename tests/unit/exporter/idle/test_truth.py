"""What a program is charged against what it really made the machine draw, before and after the machine was quiet."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest
from fake_package import Watched, line, vary
from gramwatt_exporter.idle.classes import ANY, IdleClass
from gramwatt_exporter.idle.machine import load_table
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

# The full power of the table is that of one thread, and no package here is of the class it is taken for.
CLASSES = [replace(each, full_watts=None) for each in load_table().values()]
classes = st.sampled_from(CLASSES)


@pytest.mark.slow
@given(of=classes, background=st.floats(0.01, 0.9), interval=st.sampled_from([1.0, 2.0, 5.0]))
def test_right_after_the_start_within_one_and_a_half_times(
    of: IdleClass, background: float, interval: float
) -> None:
    """20 CPU seconds are 250 J. Before, the whole package was theirs until it had been quiet: 605 J."""
    watched = Watched({"package-0": line}, 2, of, interval)
    watched.run(background)
    pid = watched.run(1.0)
    watched.pass_time(20)
    assert watched.truth[pid] == pytest.approx(250)
    assert 1 / 1.6 <= watched.charged(pid) <= 1.6


@pytest.mark.slow
def test_on_a_machine_that_is_never_quiet_within_a_fifth_after_a_minute() -> None:
    """It stayed at 1.9 times for ever."""
    off = []
    for seed in range(200):
        chance = random.Random(seed)
        of, interval = CLASSES[seed % len(CLASSES)], (1.0, 2.0, 5.0)[seed % 3]
        watched = Watched({"package-0": line}, 2, of, interval)
        watched.run(chance.uniform(0.15, 0.5))
        other = watched.run(0.3)
        vary(watched, other, chance, 1.4)
        pid = watched.run(0.5)
        watched.change(other, 0.2)
        watched.pass_time(40)
        off.append(abs(watched.charged(pid) - 1))
        assert watched.idle.known(next(iter(watched._curves))).method == "fitted"
    off.sort()
    print(f"charged: {off[100]:.0%} off, 95 % within {off[190]:.0%}, all within {off[-1]:.0%}")
    assert off[190] <= 0.2
    assert off[-1] <= 0.35


@pytest.mark.parametrize("of", [None, *CLASSES])
def test_after_quiet_it_is_exact(of: IdleClass | None) -> None:
    watched = Watched({"package-0": line}, 2, of)
    pid = watched.run(1.5)
    watched.pass_time(60)
    watched.change(pid, 0)
    watched.pass_time(20)
    before = watched.mark(pid)
    watched.change(pid, 1.0)
    watched.pass_time(20)
    assert watched.charged(pid, before) == pytest.approx(1, abs=1e-5)


def test_few_daemons_on_a_large_machine_are_not_quiet() -> None:
    """Two busy CPUs are less than 2 % of 128, and make the package draw a third more: idle was taken for 45 W."""
    watched = Watched({"package-0": lambda busy: 60 + (25 if busy else 0) + 1.5 * busy}, 128, ANY)
    pid = watched.run(2.0)
    watched.pass_time(30)
    device = next(iter(watched._curves))
    assert watched.idle.known(device).method == "model"
    watched.change(pid, 0.05)
    watched.pass_time(30)
    assert watched.idle.known(device).method == "quiet"


@pytest.mark.parametrize("of", CLASSES)
def test_the_idle_draw_is_never_above_the_lowest_power_seen(of: IdleClass) -> None:
    watched = Watched({"package-0": lambda busy: 30 + 0.01 * busy}, 4, of)
    pid = watched.run(3.0)
    watched.pass_time(60)
    assert watched.joules(pid) >= 0
    known = watched.idle.known(next(iter(watched._curves)))
    assert known.microwatts is not None
    assert known.microwatts <= 30.03e6


@pytest.mark.slow
@given(of=classes, seed=st.integers(0, 999), by_package=st.just(True))
def test_of_two_packages_the_busy_one_does_not_hide_that_the_other_is_quiet(
    of: IdleClass, seed: int, by_package: bool
) -> None:
    watched = Watched({"package-0": line, "package-1": line}, 4, of, by_package=by_package)
    pid = watched.run(1.0)
    vary(watched, pid, random.Random(seed), 4.0)
    watched.change(pid, 2.0)
    watched.pass_time(60)
    first, second = (watched.idle.known(device) for device in watched._curves)
    assert second.method == "quiet"
    assert second.microwatts == pytest.approx(15e6, rel=0.001)
    assert first.method == "fitted"
    assert first.microwatts == pytest.approx(15e6, rel=0.25)


def invented(chance: random.Random) -> tuple[Callable[[float], float], float, int]:
    """A machine: its power by busy CPUs, its idle draw, and its CPUs. Between idle and the first load is a step, and
    the rest may bend either way."""
    cpus = chance.choice((2, 8, 64))
    idle, share = math.exp(chance.uniform(math.log(5), math.log(200))), chance.uniform(0.1, 0.45)
    step, bend = max(0.0, chance.uniform(-0.1, 0.25)), math.exp(chance.gauss(0, 0.25))
    span = idle / share - idle

    def curve(busy: float) -> float:
        return idle + (span * (step + (1 - step) * (busy / cpus) ** bend) if busy else 0)

    return curve, idle, cpus


@pytest.mark.slow
def test_of_machines_never_quiet_most_are_charged_well_and_the_sigma_says_how_well() -> None:
    off, sigmas = [], []
    for seed in range(200):
        chance = random.Random(seed)
        curve, idle, cpus = invented(chance)
        watched = Watched({"package-0": curve}, cpus, chance.choice(CLASSES))
        pid = watched.run(0.5)
        vary(watched, pid, chance, 0.95 * cpus, 120)
        before = watched.mark(pid)
        known = watched.idle.known(next(iter(watched._curves)))
        assert known.microwatts is not None
        assert known.method == "fitted"
        watched.change(pid, 0.6 * cpus)
        watched.pass_time(20)
        off.append(abs(watched.charged(pid, before) - 1))
        sigmas.append(abs(known.microwatts / 1e6 - idle) / (known.sigma / 1e6))
    off.sort()
    print(f"charged: {off[100]:.0%} off, 90 % within {off[180]:.0%}")
    within = [sum(sigma <= count for sigma in sigmas) / 200 for count in (1, 2)]
    print(f"idle draw within one sigma {within[0]:.0%}, two {within[1]:.0%}")
    assert off[100] < 0.2
    assert off[180] < 0.5
    assert within[0] > 0.6
    assert within[1] > 0.85


def test_with_a_step_that_no_load_shows_the_sigma_holds_it() -> None:
    """15 W at rest, 20 W as soon as anything runs: a machine never at rest can't know."""
    watched = Watched({"package-0": lambda busy: line(busy) + (5 if busy else 0)}, 4, ANY)
    pid = watched.run(0.5)
    vary(watched, pid, random.Random(1), 4.0, 120)
    known = watched.idle.known(next(iter(watched._curves)))
    assert known.microwatts is not None
    assert abs(known.microwatts - 15e6) <= 3 * known.sigma


def test_the_step_down_to_idle_is_seen_when_it_comes() -> None:
    watched = Watched({"package-0": lambda busy: line(busy) + (5 if busy else 0)}, 4, ANY)
    pid = watched.run(0.5)
    vary(watched, pid, random.Random(1), 4.0)
    watched.change(pid, 0)
    watched.pass_time(5)
    known = watched.idle.known(next(iter(watched._curves)))
    assert (known.method, known.microwatts) == ("quiet", pytest.approx(15e6, rel=1e-3))
